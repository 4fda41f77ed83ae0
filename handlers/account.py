"""/account: funds, holdings, positions and P&L, from all brokers side by side."""

from __future__ import annotations

from telegram import Update

from handlers import text
from handlers.access import Role, pick_accounts
from handlers.context import Context, reply, show, words


async def account(update: Update, context: Context) -> None:
    words(context, 1)
    names = pick_accounts(update, context, Role.VIEWER)
    shown = await reply(update, text.asking(names))
    await show(update, shown, text.account(await context.desk.tokens.portfolio(names)))
