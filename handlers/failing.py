"""A login that did not succeed: why, what the account has left, and the one attempt that only a person may risk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from telegram import Update

from brokers import KunjiError
from handlers import text
from handlers.buttons import SHORT_LIFE, button
from handlers.context import Context, Keyboard, person
from handlers.tokens import AccountStatus

Sentence = Callable[[KunjiError, AccountStatus, datetime], str]


async def explained(
    update: Update, context: Context, account: str, error: KunjiError, say: Sentence
) -> tuple[str, Keyboard]:
    """What to show for it. Where logins are held back the admin may take the risk of one more, having read what it
    is."""
    desk = context.desk
    try:
        [status] = await desk.tokens.status([account])
    except KunjiError:  # of the store, as a rule, which is what there is to say then
        return text.failure(error, account), []
    force = button(desk, person(update)[1], "force", account, life=SHORT_LIFE)
    return say(error, status, desk.now()), [[force]] if status.held_back else []


async def held_back(context: Context, accounts: Sequence[str]) -> list[str]:
    """Those of which logins are held back, as far as the store says."""
    try:
        found = await context.desk.tokens.status(accounts)
    except KunjiError:
        return []
    return [one.account for one in found if one.held_back]
