"""/history: the last refreshes."""

from __future__ import annotations

from telegram import Update

from handlers import text
from handlers.access import Role
from handlers.context import Context, pick_accounts, reply, words

ROWS = 10
ROWS_OF_MANY = 3


async def history(update: Update, context: Context) -> None:
    words(context, 1)
    names = pick_accounts(update, context, Role.VIEWER)
    rows = ROWS if len(names) == 1 else ROWS_OF_MANY
    found = [(name, await context.desk.tokens.history(name, rows)) for name in names]
    await reply(update, text.history(found, context.desk.now()))
