"""How late a warning is when it is handed to the outbox: by itself, and until the outbox has it on the disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from bot.alerts import Alerts
from bot.scheduler import Scheduler
from bot.store import Alert, HeldToken, Store
from handlers import text
from handlers.access import Audience
from tests.benchmarks.crowd import CROWD, in_memory, on_disk, scheduler, tokens
from tests.benchmarks.harness import Figure, p99
from tests.benchmarks.places import folder

BEFORE = timedelta(hours=2)
HEAD_START, SPREAD = 4.0, 6.0
"""Seconds until the first warning is due, and over which all of them are."""
PATIENCE = 15.0
CHAT = 4242


def figures() -> Iterator[Figure]:
    promise = f"{CROWD:,} warnings within {SPREAD:.0f} s, "
    handed_over = lateness(tokens(lasts), in_memory, lambda _: nobody)
    yield Figure(promise + "handed over, p99 late", p99(handed_over), "s", at_most=2)
    with folder() as place:
        kept = lateness(tokens(lasts), lambda tokens: on_disk(place, tokens), outbox)
    yield Figure(promise + "on disk, p99 late", p99(kept), "s", at_most=2)
    yield Figure("warnings missing", 2 * CROWD - len(handed_over) - len(kept), "", at_most=0)


def lasts(number: int) -> timedelta:
    return BEFORE + timedelta(seconds=HEAD_START + SPREAD * number / CROWD)


def lateness(
    tokens: Mapping[str, HeldToken],
    store_with: Callable[[Mapping[str, HeldToken]], Store],
    teller: Callable[[Store], Callable[..., None]],
) -> list[float]:
    """Of every warning, in seconds, when whoever is told has returned."""
    late: list[float] = []
    store = store_with(tokens)
    keep = teller(store)

    def tell(*alerts: Alert) -> None:
        keep(*alerts)
        now = datetime.now(UTC)
        about = (tokens[alert.account].token for alert in alerts if alert.kind == "warning" and alert.account)
        late.extend((now - (token.expires_at - BEFORE)).total_seconds() for token in about)

    with ThreadPoolExecutor(4) as executor:
        asyncio.run(until_all_are_told(scheduler(store, tell, executor), late))
    store.close()
    return late


def nobody(*_: Alert) -> None:
    """Is told."""


def outbox(store: Store) -> Callable[..., None]:
    chat = frozenset({CHAT})
    audiences = {f"fake-{number}": Audience(chat, chat) for number in range(CROWD)}
    return Alerts(
        store,
        lambda: datetime.now(UTC),
        audiences,
        words=text,
        keyboard=lambda *_: None,
        still_true=lambda _: True,
    ).tell


async def until_all_are_told(planner: Scheduler, late: list[float]) -> None:
    running = asyncio.create_task(planner.run())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HEAD_START + SPREAD + PATIENCE):
            while len(late) < CROWD:  # noqa: ASYNC110 - the scheduler's threads set no event
                await asyncio.sleep(0.1)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
