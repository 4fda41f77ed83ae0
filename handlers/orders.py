"""/orders: today's orders, from all brokers side by side."""

from __future__ import annotations

from collections.abc import Sequence

from telegram import Update

from handlers import text
from handlers.access import Role
from handlers.asking import ask_all
from handlers.context import Context, pick_accounts, words
from handlers.tokens import OrderBook


async def orders(update: Update, context: Context) -> None:
    def say(answers: Sequence[text.Answer[OrderBook]], waiting: Sequence[str]) -> str:
        return text.orders(answers, waiting, context.desk.now())

    words(context, 1)
    names = pick_accounts(update, context, Role.VIEWER)
    await ask_all(update, names, context.desk.tokens.orders, say)
