"""A process that starts writing processes for tests, by forking, as starting Python anew for each takes too long.

For every line on its input it starts one and prints its id: `save` saves tokens `1`, `2`, … of account `dhan` until it
is killed, and prints each number once it was acknowledged; `count N` counts up a note N times and prints `done`;
`rotate` changes the key over and over; `hold` holds the account `dhan`.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from itertools import count

from bot.keys import rotate
from bot.store import open_store
from tests.unit.store.samples import held


def work(folder: str, words: list[str]) -> None:
    if words[0] == "rotate":
        while True:
            rotate(folder, environment={})
    store = open_store(folder, environment={})
    if words[0] == "hold":
        with store.lock("dhan", timeout=0):
            say("held")
            signal.pause()
    if words[0] == "count":
        for _ in range(int(words[1])):
            store.update({"dhan": lambda note: replace(note, failures=note.failures + 1)})
        say("done")
        return
    kept = store.load("dhan")
    for number in count(1 + int(kept.token.value.reveal() if kept else 0)):
        store.save("dhan", held(str(number), hours=1_000_000))
        say(str(number))


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            say(str(os.getpid()))
            work(sys.argv[1], line.split())
            os._exit(0)
        os.waitpid(child, 0)
        say("ended")
