"""One sweep over ten thousand accounts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.benchmarks.crowd import CROWD, scheduler
from tests.benchmarks.harness import Figure, microseconds, p50

SWEEPS = 500


def figures() -> Iterator[Figure]:
    with ThreadPoolExecutor(4) as executor:
        idle = scheduler(lambda _: timedelta(hours=20), lambda *_: None, executor)
        begun = time.perf_counter()
        idle.sweep()
        planned = time.perf_counter() - begun
        quiet = p50(microseconds(idle.sweep, SWEEPS)) / 1000
    yield Figure(f"one sweep, {CROWD:,} accounts, nothing due, p50", quiet, "ms", at_most=1)
    yield Figure(f"planning all {CROWD:,} accounts at start", planned, "s")
