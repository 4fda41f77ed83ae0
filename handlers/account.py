"""/account: funds, holdings, positions and P&L, from all brokers side by side."""

from __future__ import annotations

import asyncio

from telegram import Update

from brokers import KunjiError
from handlers import text
from handlers.access import Role
from handlers.context import Context, pick_accounts, reply, show, words

SHOWN_AFTER = 3.0
"""Seconds; then what is there is shown, and the rest follows as it comes."""


async def account(update: Update, context: Context) -> None:
    words(context, 1)
    names = pick_accounts(update, context, Role.VIEWER)
    shown = await reply(update, text.asking(names))
    asked = {name: asyncio.create_task(_ask(context, name)) for name in names}
    while waiting := [name for name, task in asked.items() if not task.done()]:
        done, _ = await asyncio.wait([asked[name] for name in waiting], timeout=SHOWN_AFTER)
        so_far = _figures(asked)
        if done and len(done) < len(waiting) and len(text.split(so_far)) == 1:
            shown = await show(update, shown, so_far)
    await show(update, shown, _figures(asked))


async def _ask(context: Context, name: str) -> text.Answer:
    try:
        return await context.desk.tokens.portfolio(name)
    except KunjiError as error:
        return name, error


def _figures(asked: dict[str, asyncio.Task[text.Answer]]) -> str:
    """Everything that has come so far, in the order asked for."""
    came = [task.result() for task in asked.values() if task.done()]
    return text.account(came, [name for name, task in asked.items() if not task.done()])
