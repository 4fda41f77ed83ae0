"""What every handler is given; how it answers; `UsageError`.

A reply is sent once: a send that timed out may have arrived, and a message twice is worse than one too few.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, Message, Update
from telegram.constants import ParseMode
from telegram.error import BadRequest, TelegramError, TimedOut
from telegram.ext import CallbackContext, ExtBot

from brokers import KunjiError
from handlers import text
from handlers.access import Audience, Role, accounts_for
from handlers.tokens import Tokens

if TYPE_CHECKING:
    from handlers.gate import Gate

STALE = timedelta(minutes=2)
"""A command older than this was sent while the bot was away."""
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

Keyboard = Sequence[Sequence[InlineKeyboardButton]]
_running: set[asyncio.Task[None]] = set()


class UsageError(KunjiError):
    """The command was typed wrongly. The message says how to type it."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the conversation works with; made anew for each term of leading."""

    tokens: Tokens
    audiences: dict[str, Audience]
    """Every account, in the order to show them."""
    titles: dict[str, str]
    """The broker's title of every account."""
    signing_key: bytes
    """Buttons are signed with it."""
    now: Callable[[], datetime]
    totp_in_chat: bool = True
    doors: Mapping[str, text.Door] = field(default_factory=dict)
    """For accounts whose login page sends the browser back to the bot; nothing needs to be sent."""


class Context(CallbackContext[ExtBot[None], dict[Any, Any], dict[Any, Any], dict[Any, Any]]):
    """The library's context, and the desk."""

    @property
    def gate(self) -> Gate:
        return cast("Gate", self.application)

    @property
    def desk(self) -> Desk:
        return self.gate.desk


def person(update: Update) -> tuple[int, int]:
    """The chat and the user. The gate has seen to it that there are both."""
    chat, user = update.effective_chat, update.effective_user
    if chat is None or user is None:
        raise UsageError("this came from nobody")
    return chat.id, user.id


def pick_account(update: Update, context: Context, role: Role) -> str:
    """The account the command names, or the only one there is for this person.

    Raises UsageError, which names no account that this person may not see.
    """
    names = my_accounts(update, context, role)
    if context.args:
        return named(context.args[0], names)
    if len(names) == 1:
        return names[0]
    raise UsageError(text.which_account(names))


def pick_accounts(update: Update, context: Context, role: Role) -> list[str]:
    """As `pick_account`, but without a name it means all of them."""
    names = my_accounts(update, context, role)
    return [named(context.args[0], names)] if context.args else names


def my_accounts(update: Update, context: Context, role: Role) -> list[str]:
    chat, user = update.effective_chat, update.effective_user
    if chat is None or user is None:
        return []
    return accounts_for(context.desk.audiences, chat.id, user.id, role)


def named(word: str, names: list[str]) -> str:
    if word.lower() not in names:
        raise UsageError(text.unknown_account(names))
    return word.lower()


def words(context: Context, at_most: int) -> list[str]:
    """What follows the command."""
    found = context.args or []
    if len(found) > at_most:
        raise UsageError("there is a word too many", hint="/help shows how to type it")
    return found


async def is_locked(context: Context) -> bool:
    """For what is shown either way, also where that cannot be read; what a lock forbids, the gate decides."""
    try:
        return await context.desk.tokens.locked()
    except KunjiError:
        return False


def is_stale(update: Update, now: datetime) -> bool:
    """Sent, by Telegram's time, while the bot was away."""
    return update.message is not None and now - update.message.date > STALE


async def reply(update: Update, html: str, *, buttons: Keyboard = (), protect: bool = False) -> Message:
    """Answer where the person wrote, in as many messages as it takes; the last one, which has the buttons."""
    chat, _ = person(update)
    thread = _thread(update)
    *first, last = text.split(html)

    async def send(part: str, keyboard: Keyboard) -> Message:
        return await update.get_bot().send_message(
            chat,
            part,
            parse_mode=ParseMode.HTML,
            link_preview_options=NO_PREVIEW,
            message_thread_id=thread,
            protect_content=protect or None,
            reply_markup=InlineKeyboardMarkup(keyboard) if keyboard else None,
        )

    for part in first:
        await send(part, ())
    return await send(last, buttons)


async def reply_photo(update: Update, photo: bytes, html: str) -> Message:
    """Answer with a picture and what is written under it, which is no longer than a caption may be."""
    chat, _ = person(update)
    return await update.get_bot().send_photo(
        chat, photo, caption=html, parse_mode=ParseMode.HTML, message_thread_id=_thread(update), filename="photo.png"
    )


def _thread(update: Update) -> int | None:
    """The topic that the person wrote in, if there are topics."""
    here = update.effective_message
    return here.message_thread_id if here is not None and here.is_topic_message else None


async def show(update: Update, shown: Message | None, html: str, *, buttons: Keyboard = ()) -> Message:
    """Put this in place of a message of ours, and what does not fit behind it; where that is gone, say it anew."""
    first, *rest = text.split(html)
    if shown is None or not await edit(shown, first, buttons=() if rest else buttons):
        return await reply(update, html, buttons=buttons)
    return await reply(update, "\n".join(rest), buttons=buttons) if rest else shown


async def edit(shown: Message, html: str, *, buttons: Keyboard = ()) -> bool:
    """Replace the text of a message of ours. False if there is none to edit any more."""
    try:
        await _edited(shown, html, buttons)
    except TimedOut:  # unlike a send, an edit may safely go twice
        return await _edited_again(shown, html, buttons)
    except BadRequest as error:
        return _is_harmless(error)
    return True


async def _edited(shown: Message, html: str, buttons: Keyboard) -> None:
    await shown.edit_text(
        html,
        parse_mode=ParseMode.HTML,
        link_preview_options=NO_PREVIEW,
        reply_markup=InlineKeyboardMarkup(buttons) if buttons else None,
    )


async def _edited_again(shown: Message, html: str, buttons: Keyboard) -> bool:
    try:
        await _edited(shown, html, buttons)
    except BadRequest as error:
        return _is_harmless(error)
    return True


def _is_harmless(error: BadRequest) -> bool:
    """True: it already says that. False: there is no such message any more. Anything else is our own fault."""
    complaint = error.message.lower()
    if "not modified" in complaint:
        return True
    if "not found" in complaint or "can't be edited" in complaint:
        return False
    raise error


async def delete(message: Message) -> bool:
    """Take a message out of the chat. False if Telegram would not."""
    try:
        return await message.delete()
    except TelegramError:
        return False


def later(work: Coroutine[Any, Any, None]) -> None:
    """Do it beside everything else. It is dropped, not awaited, when the bot stops."""
    task = asyncio.get_running_loop().create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
