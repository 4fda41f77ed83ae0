"""/lock: for a lost phone. Obeyed at once and however old, as it can do no harm; ended on the machine alone."""

from __future__ import annotations

from telegram import Update

from handlers import text
from handlers.context import Context, reply


async def lock(update: Update, context: Context) -> None:
    await context.desk.tokens.lock()
    await reply(update, text.LOCKED_NOW)
