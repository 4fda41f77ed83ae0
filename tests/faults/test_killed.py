"""kill -9 at any moment of a refresh or a write: what was acknowledged is there, and readers see whole tokens only."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from bot.store import open_store
from kunji import Reader
from tests.faults.workers import Workers, kill, workers
from tests.unit.store.samples import held

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")
READERS = 2


class Watch:
    """A program that reads the token all the time: every number it saw, in order, and what went wrong."""

    def __init__(self, folder: Path) -> None:
        self.seen: list[int] = []
        self.wrong: list[str] = []
        self._reader = Reader("dhan", config=folder, environment={})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                if self._reader.wait_newer(0.002):
                    self.seen.append(number_in(self._reader.token()))
            except Exception as error:
                self.wrong.append(repr(error))


@contextmanager
def watched(folder: Path) -> Iterator[list[Watch]]:
    with ExitStack() as stack:
        watches = [Watch(folder) for _ in range(READERS)]
        for watch in watches:
            stack.callback(watch.stop)
        yield watches


def number_in(token: str) -> int:
    name, _, number = token.partition("-")
    assert name == "token"
    return int(number)


def in_the_store(folder: Path) -> int:
    """What a process that starts now finds; everything else in the store must open, too."""
    with closing(open_store(folder, environment={})) as store:
        store.check()
        store.queued()
        store.history("dhan")
        kept = store.load("dhan")
    assert kept is not None
    return number_in(kept.token.value.reveal())


def kill_at_random(crowd: Workers, folder: Path, command: str, times: int) -> None:
    """After every kill the store is not older than what was acknowledged, nor newer than what was under way."""
    chance, last = random.Random(times), 0
    for _ in range(times):
        [child] = crowd.start(command)
        said = [crowd.said() for _ in range(chance.choice((0, 0, 0, 1, 2)))]
        threading.Event().wait(chance.uniform(0, 0.03))
        kill(child)
        said += crowd.rest()
        acknowledged = max([last, *map(int, said)])
        last = in_the_store(folder)
        assert acknowledged <= last <= acknowledged + 1


def a_life_of_kills(folder: Path, command: str, times: int) -> None:
    with closing(open_store(folder, environment={})) as store:
        store.save("dhan", held("token-0", hours=1_000_000))
    with watched(folder) as watches, workers(folder) as crowd:
        kill_at_random(crowd, folder, command, times)
    for watch in watches:
        assert watch.wrong == []
        assert watch.seen == sorted(watch.seen)
        assert watch.seen[-1] > times // 10


@pytest.mark.parametrize("command", ["mint", "mixed"])
def test_a_killed_refresh_leaves_the_last_acknowledged_token_or_the_next(tmp_path: Path, command: str) -> None:
    a_life_of_kills(tmp_path, command, 20)


@pytest.mark.long
@pytest.mark.parametrize("command", ["mint", "mixed"])
def test_five_hundred_kills_lose_nothing_that_was_acknowledged(tmp_path: Path, command: str) -> None:
    a_life_of_kills(tmp_path, command, 500)
