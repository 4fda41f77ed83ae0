"""How late a warning is when it is handed to the outbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.store import Alert
from tests.benchmarks.crowd import CROWD, scheduler
from tests.benchmarks.harness import Figure, p99

BEFORE = timedelta(hours=2)
HEAD_START, SPREAD = 6.0, 6.0
"""Seconds until the first warning is due, and over which all of them are."""


def figures() -> Iterator[Figure]:
    late: list[float] = []

    def tell(*alerts: Alert) -> None:
        now = datetime.now(UTC)
        for alert in alerts:
            if alert.kind == "warning":
                due = datetime.fromisoformat(str(alert.facts["expires_at"])) - BEFORE
                late.append((now - due).total_seconds())

    def lasts(number: int) -> timedelta:
        return BEFORE + timedelta(seconds=HEAD_START + SPREAD * number / CROWD)

    with ThreadPoolExecutor(4) as executor:
        asyncio.run(until_all_are_told(scheduler(lasts, tell, executor), late))
    yield Figure(f"{CROWD:,} warnings within {SPREAD:.0f} s, lateness p99", p99(late), "s", at_most=2)
    yield Figure("warnings missing", CROWD - len(late), "", at_most=0)


async def until_all_are_told(planner: Any, late: list[float]) -> None:
    running = asyncio.create_task(planner.run())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HEAD_START + SPREAD + 15):
            while len(late) < CROWD:  # noqa: ASYNC110 - the scheduler's threads set no event
                await asyncio.sleep(0.1)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
