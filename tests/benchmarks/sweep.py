"""One sweep over ten thousand accounts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from bot.scheduler import Scheduler
from tests.benchmarks.crowd import CROWD, in_memory, scheduler, tokens
from tests.benchmarks.harness import Figure, microseconds, p50

SWEEPS = 500
SOME = 100


def figures() -> Iterator[Figure]:
    with ThreadPoolExecutor(4) as executor:
        store = in_memory(tokens(lambda _: timedelta(hours=20)))
        idle = scheduler(store, lambda *_: None, executor)
        begun = time.perf_counter()
        idle.sweep()
        planned = time.perf_counter() - begun
        quiet = p50(microseconds(idle.sweep, SWEEPS)) / 1000
        some = p50(microseconds(lambda: look_at_some(idle), SWEEPS // 10)) / 1000
    yield Figure(f"one sweep, {CROWD:,} accounts, nothing due, p50", quiet, "ms", at_most=1)
    yield Figure(f"  with {SOME} of them to look at, p50", some, "ms")
    yield Figure(f"planning all {CROWD:,} accounts at start", planned, "s")


def look_at_some(idle: Scheduler) -> None:
    for number in range(SOME):
        idle.touched(f"fake-{number}")
    idle.sweep()
