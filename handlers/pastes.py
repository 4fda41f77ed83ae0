"""What the admin sends that is no command is tried as the answer to an open login. A command without its slash is none.

It leaves the chat first and is read then. No value ever goes to two brokers: where it is not plain whose it is, the
admin is asked. Until then it is kept in memory alone, one per user, for a short time.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from telegram import Message, Update

from brokers import KunjiError, Secret
from handlers import text
from handlers.access import Role
from handlers.account import CHART
from handlers.answer import answer_for, refuse
from handlers.buttons import Pressed, button, in_rows
from handlers.context import Context, delete, my_accounts, person, reply, show
from handlers.origin import command_meant
from handlers.tokens import OpenQuestion

KEPT_FOR = timedelta(minutes=2)
_KEPT = "pasted"


@dataclass(frozen=True, slots=True)
class Kept:
    """A value whose owner is asked whom it is for."""

    value: Secret
    mark: str
    """So that the buttons of an earlier question do not pass on a later value."""
    until: datetime


async def paste(update: Update, context: Context) -> None:
    message = update.message
    if message is None:
        return
    if message.text is None:
        if message.effective_attachment is not None:
            await reply(update, text.TEXT_ONLY)
        return
    deleted = await delete(message)
    obstacle = await _obstacle(context)
    if obstacle is not None:
        await refuse(update, obstacle, deleted=deleted)
        return
    await _read(update, context, message, Secret(message.text.strip()), deleted=deleted)


async def _obstacle(context: Context) -> str | None:
    """Why nothing may be read now."""
    tokens = context.desk.tokens
    try:
        locked = await tokens.locked()
    except KunjiError as error:
        return text.failure(error)
    if locked:
        return text.LOCKED
    return text.SECOND_POLLER if await tokens.second_poller() else None


async def _read(update: Update, context: Context, message: Message, pasted: Secret, *, deleted: bool) -> None:
    tokens, mine = context.desk.tokens, my_accounts(update, context, Role.ADMIN)
    meant = command_meant(pasted.reveal(), context.gate.commands, {*mine, "all", CHART})
    if meant is not None:
        await refuse(update, text.did_you_mean(meant), deleted=deleted)
        return
    waiting = _asked_by_reply(message, [one for one in await tokens.questions() if one.account in mine])
    if not waiting:
        await refuse(update, text.NOTHING_OPEN, deleted=deleted)
        return
    expected = {one.account: await tokens.accepts(one.account, pasted) for one in waiting}
    fitting = [account for account, why_not in expected.items() if why_not is None]
    if not fitting:
        said = text.fits_none({account: why for account, why in expected.items() if why is not None})
        await refuse(update, said, deleted=deleted)
    elif len(fitting) == 1:
        await answer_for(update, context, fitting[0], pasted, deleted=deleted)
    else:
        await _ask_which(update, context, fitting, pasted, deleted=deleted)


def _asked_by_reply(message: Message, waiting: Sequence[OpenQuestion]) -> Sequence[OpenQuestion]:
    """A reply to the message that asks is for that account alone."""
    to = message.reply_to_message
    asked = [one for one in waiting if to is not None and (one.chat, one.message) == (message.chat.id, to.message_id)]
    return asked or waiting


async def _ask_which(update: Update, context: Context, fitting: list[str], pasted: Secret, *, deleted: bool) -> None:
    desk, user = context.desk, person(update)[1]
    kept = Kept(pasted, secrets.token_hex(1), desk.now() + KEPT_FOR)
    _keep(context, kept)
    rows = in_rows(button(desk, user, "use", account, arg=kept.mark, life=KEPT_FOR) for account in fitting)
    said = text.ASK_WHICH if deleted else f"{text.ASK_WHICH}\n\n{text.NOT_DELETED}"
    await reply(update, said, buttons=rows)


async def pressed_use(update: Update, context: Context, pressed: Pressed) -> None:
    kept = _take(context, pressed.arg)
    if kept is None or context.desk.now() >= kept.until:
        await show(update, pressed.message(update), text.PASTE_GONE)
        return
    await answer_for(update, context, pressed.account, kept.value, deleted=True, shown=pressed.message(update))


def _keep(context: Context, kept: Kept) -> None:
    """In place of an earlier one, and not a moment longer than it may be asked for."""
    mine = _memory(context)
    mine[_KEPT] = kept

    def forget() -> None:
        if mine.get(_KEPT) is kept:
            del mine[_KEPT]

    asyncio.get_running_loop().call_later(KEPT_FOR.total_seconds(), forget)


def _take(context: Context, mark: str) -> Kept | None:
    """The value, once, whichever account it is for."""
    kept = _memory(context).get(_KEPT)
    if not isinstance(kept, Kept) or kept.mark != mark:
        return None
    del _memory(context)[_KEPT]
    return kept


def _memory(context: Context) -> dict[object, object]:
    return context.user_data if context.user_data is not None else {}
