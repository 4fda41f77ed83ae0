"""/account: funds, holdings, positions and P&L, from all brokers side by side."""

from __future__ import annotations

from telegram import Update

from handlers import text
from handlers.access import Role
from handlers.asking import ask_all
from handlers.context import Context, pick_accounts, words


async def account(update: Update, context: Context) -> None:
    words(context, 1)
    names = pick_accounts(update, context, Role.VIEWER)
    await ask_all(update, names, context.desk.tokens.portfolio, text.account)
