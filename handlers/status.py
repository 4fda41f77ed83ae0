"""/status: every account and how long its token is good for."""

from __future__ import annotations

from collections.abc import Sequence

from telegram import InlineKeyboardButton, Update

from handlers import text
from handlers.access import Role
from handlers.buttons import Pressed, button, in_rows
from handlers.context import Context, is_locked, my_accounts, person, pick_accounts, reply, words


async def status(update: Update, context: Context) -> None:
    words(context, 1)
    await _tell(update, context, pick_accounts(update, context, Role.VIEWER))


async def look(update: Update, context: Context, _pressed: Pressed) -> None:
    await _tell(update, context, my_accounts(update, context, Role.VIEWER))


async def _tell(update: Update, context: Context, names: Sequence[str]) -> None:
    own = [name for name in my_accounts(update, context, Role.ADMIN) if name in names]
    viewed = [name for name in names if name not in own]
    tokens = context.desk.tokens
    locked = await is_locked(context)
    found, now = await tokens.status(names), context.desk.now()
    said = text.status(found, now, await tokens.crew(), viewed=viewed, locked=locked)
    await reply(update, said, buttons=() if locked else shortcuts(context, person(update)[1], own))


def shortcuts(context: Context, user: int, own: Sequence[str]) -> list[list[InlineKeyboardButton]]:
    """A Refresh button for every account this person is the admin of."""
    return in_rows(button(context.desk, user, "go", name) for name in own)
