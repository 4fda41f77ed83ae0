"""Several processes at one store, some of them killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.keys import rotate
from bot.store import LockBusy, open_store
from kunji import Reader
from tests.unit.store.samples import held

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="writers are forked")
_ROOT = Path(__file__).parents[3]


class Nursery:
    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.store.nursery", str(folder)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def start(self, command: str) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        return int(self.line())

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def rest(self) -> list[str]:
        """What the one that was started said until it ended."""
        return list(iter(self.line, "ended"))

    def close(self) -> None:
        self._process.communicate()


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    made = Nursery(folder)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def reading(folder: Path) -> Iterator[list[str]]:
    """A program that reads the token all the time; every token it got, and what went wrong."""
    reader = Reader("dhan", config=folder, environment={})
    found: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                if reader.wait_newer(0.01):
                    found.append(reader.token())
            except Exception as error:
                found.append(repr(error))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join(20)


def test_a_killed_writer_leaves_the_last_acknowledged_save_or_a_later_one(tmp_path: Path) -> None:
    open_store(tmp_path, environment={}).save("dhan", held("0", hours=1_000_000))
    chance = random.Random(1)
    last = 0

    with reading(tmp_path) as found, nursery(tmp_path) as writers:
        for _ in range(25):
            child = writers.start("save")
            said = [writers.line() for _ in range(chance.randrange(3))]
            threading.Event().wait(chance.uniform(0, 0.01))
            os.kill(child, signal.SIGKILL)
            said += writers.rest()

            acknowledged = int(said[-1]) if said else last
            kept = open_store(tmp_path, environment={}).load("dhan")
            assert kept is not None
            last = int(kept.token.value.reveal())
            assert last in {acknowledged, acknowledged + 1}

    assert found
    assert [int(value) for value in found] == sorted({int(value) for value in found})


def test_a_key_change_that_is_killed_leaves_a_store_that_opens(tmp_path: Path) -> None:
    store = open_store(tmp_path, environment={})
    store.save("dhan", held("0"))
    store.update({f"account-{number}": lambda note: replace(note, paused=True) for number in range(30)})
    chance = random.Random(2)

    with nursery(tmp_path) as rotators:
        for _ in range(12):
            child = rotators.start("rotate")
            threading.Event().wait(chance.uniform(0.002, 0.03))
            os.kill(child, signal.SIGKILL)
            rotators.rest()

            anew = open_store(tmp_path, environment={})
            anew.check()
            assert anew.load("dhan") == store.load("dhan") == held("0")
            assert Reader("dhan", config=tmp_path, environment={}, now=lambda: 0).token() == "0"

    rotate(tmp_path, environment={})
    store.save("dhan", held("1"))
    assert open_store(tmp_path, environment={}).load("dhan") == held("1")
    assert len((tmp_path / ".kunji" / "kunji.key").read_text().split()) == 1


def test_processes_and_threads_writing_together_lose_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path, environment={})

    def write() -> None:
        for _ in range(20):
            store.update({"dhan": lambda note: replace(note, failures=note.failures + 1)})

    with nursery(tmp_path) as one, nursery(tmp_path) as two:
        one.start("count 40")
        two.start("count 40")
        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (one.rest(), two.rest()) == (["done"], ["done"])

    assert store.note("dhan").failures == 160


def test_an_account_is_freed_when_its_holder_is_killed(tmp_path: Path) -> None:
    store = open_store(tmp_path, environment={})

    with nursery(tmp_path) as holders:
        child = holders.start("hold")
        assert holders.line() == "held"
        with pytest.raises(LockBusy), store.lock("dhan", timeout=0):
            pass
        os.kill(child, signal.SIGKILL)
        holders.rest()

    with store.lock("dhan", timeout=10):
        pass
