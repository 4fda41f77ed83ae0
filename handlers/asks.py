"""The message that asks for a login: remembered while it does, and settled when that is over."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from telegram import Bot
from telegram.constants import ParseMode
from telegram.error import TelegramError

from handlers import text
from handlers.buttons import Signing, keyboard
from handlers.context import NO_PREVIEW
from handlers.tokens import OpenQuestion, Tokens

_log = logging.getLogger(__name__)


async def asks_now(tokens: Tokens, account: str, chat: int, message: int) -> list[OpenQuestion]:
    """Remember that this message asks for the open login; what asked for it before."""
    earlier = [one for one in await tokens.questions() if one.account == account]
    await tokens.asked(account, chat, message)
    return [one for one in earlier if (one.chat, one.message) != (chat, message)]


async def ask_no_more(bot: Bot, earlier: Iterable[OpenQuestion]) -> None:
    """One link in the chat is enough."""
    for one in earlier:
        await settle(bot, one.chat, one.message, text.asked_anew(one.account))


async def came_back(by: Signing, bot: Bot, asked: OpenQuestion, said: str, *, done: bool) -> None:
    """A browser came back from the login that was asked for in the chat. Told in a message of its own, as others may
    have come since; without a sound, as the page in front of the person says the same."""
    account, chat = asked.account, asked.chat
    if chat is None:
        return
    await settle(bot, chat, asked.message, text.login_done(account) if done else text.login_failed(account))
    again = None if done else keyboard(by, chat, [("go", account)])
    try:
        await bot.send_message(
            chat,
            said,
            parse_mode=ParseMode.HTML,
            link_preview_options=NO_PREVIEW,
            disable_notification=True,
            reply_markup=again,
        )
    except TelegramError as error:
        _log.warning("how a login ended could not be told in the chat: %s", type(error).__name__)


async def settle(bot: Bot, chat: int | None, message: int | None, said: str) -> None:
    """Put this in place of the message that asked for a login, if there was one; its buttons go."""
    if chat is None or message is None:
        return
    try:
        await bot.edit_message_text(said, chat, message, parse_mode=ParseMode.HTML, link_preview_options=NO_PREVIEW)
    except TelegramError as error:
        _log.warning("the message that asked for a login could not be changed: %s", type(error).__name__)
