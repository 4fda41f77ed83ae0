"""A real application with a real poller, fed by the stand-in, for the tests beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from telegram import Update
from telegram.ext import Application, TypeHandler

from bot.polling import Poller, Rival, Turn, Waits, build
from brokers import Secret
from tests.unit.polling.stand_in import TOKEN, StandIn

QUICK = Waits(first=0.01, most=0.05, most_refused=0.05, calm=0.2, poll=1, reply=1, confirm=0.2, finish=0.2, close=0.2)
NOON = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)


class Bot:
    """What happened to a running bot: the updates that reached it, and what was said about rivals."""

    def __init__(self, poller: Poller, rivals: list[Rival | None]) -> None:
        self.poller = poller
        self.rivals = rivals
        self.seen: list[int] = []
        self.texts: list[str | None] = []
        self.stop = asyncio.Event()


def application(api: StandIn, **kwargs: Any) -> Any:
    return build(Application, {}, Secret(TOKEN), api_url=api.url, **kwargs)


@asynccontextmanager
async def running(
    api: StandIn,
    waits: Waits = QUICK,
    handler: Callable[[Update, Any], Awaitable[None]] | None = None,
    on_rival: Callable[[Rival | None], None] | None = None,
    was_ours: Callable[[str], bool] = lambda _: False,
    turn: Turn | None = None,
) -> AsyncIterator[Bot]:
    """A bot that runs until the block ends and has stopped when it does."""
    app = application(api, turn=turn)
    rivals: list[Rival | None] = []
    tell = on_rival or rivals.append
    bot = Bot(Poller(app, now=lambda: NOON, on_rival=tell, turn=turn, waits=waits, was_ours=was_ours), rivals)

    async def note(update: Update, context: Any) -> None:
        bot.seen.append(update.update_id)
        bot.texts.append(update.message.text if update.message else None)
        if handler:
            await handler(update, context)

    app.add_handler(TypeHandler(Update, note))
    task = asyncio.create_task(bot.poller.run(bot.stop))
    try:
        yield bot
    finally:
        bot.stop.set()
        async with asyncio.timeout(5):
            await task
