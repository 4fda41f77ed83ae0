"""A failure becomes one sentence in the chat; what is not ours goes to the log, without anything anybody sent."""

from __future__ import annotations

import logging
import traceback

from telegram import Update
from telegram.error import BadRequest, TelegramError

from brokers import KunjiError
from handlers import text
from handlers.context import Context, reply

_log = logging.getLogger(__name__)


def sentence(error: BaseException) -> str:
    """What a person is told."""
    return text.failure(error) if isinstance(error, KunjiError) else text.WENT_WRONG


def record(error: BaseException, what: str = "a handler failed") -> None:
    """Class and places, no texts: an exception's text may hold an address, an update or a secret."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s: %s\n%s", what, type(error).__name__, frames)


async def on_error(update: object, context: Context) -> None:
    """Where the library brings what a handler raised. A reply Telegram did not take is not sent again."""
    error = context.error
    if error is None:
        return
    if isinstance(error, TelegramError) and not isinstance(error, BadRequest):
        _log.warning("an answer did not reach the chat: %s", type(error).__name__)
        return
    if not isinstance(error, KunjiError):
        record(error)
    if isinstance(update, Update) and update.effective_chat is not None:
        await _say(update, sentence(error))


async def _say(update: Update, html: str) -> None:
    try:
        await reply(update, html)
    except TelegramError as error:
        _log.warning("a failure could not be told in the chat: %s", type(error).__name__)
