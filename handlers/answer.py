"""What was sent back after a login goes to the one broker it is for."""

from __future__ import annotations

import logging

from telegram import Bot, Message, Update
from telegram.constants import ParseMode
from telegram.error import TelegramError

from brokers import KunjiError, Secret
from handlers import text
from handlers.context import NO_PREVIEW, Context, reply, show

_log = logging.getLogger(__name__)


async def answer_for(
    update: Update, context: Context, account: str, pasted: Secret, *, deleted: bool, shown: Message | None = None
) -> None:
    """Finish the account's login with this. `deleted`: the message it came in is gone from the chat."""
    tokens = context.desk.tokens
    if await tokens.second_poller():
        await show(update, shown, with_warning(text.SECOND_POLLER, deleted=deleted))
        return
    expected = await tokens.accepts(account, pasted)
    if expected is not None:
        await show(update, shown, with_warning(text.fits_none({account: expected}), deleted=deleted))
        return
    asked = [one for one in await tokens.questions() if one.account == account]
    shown = await show(update, shown, with_warning(text.exchanging(account), deleted=deleted))
    try:
        said = text.refreshed(await tokens.answer(account, pasted, who="admin"), context.desk.now())
        for one in asked:
            await settle(context.bot, one.chat, one.message, text.login_done(account))
    except KunjiError as error:
        said = text.failure(error, account)
    await show(update, shown, with_warning(said, deleted=deleted))


async def settle(bot: Bot, chat: int | None, message: int | None, said: str) -> None:
    """Put this in place of the message that asked for a login, if there was one; its buttons go."""
    if chat is None or message is None:
        return
    try:
        await bot.edit_message_text(said, chat, message, parse_mode=ParseMode.HTML, link_preview_options=NO_PREVIEW)
    except TelegramError as error:
        _log.warning("the message that asked for a login could not be changed: %s", type(error).__name__)


def with_warning(said: str, *, deleted: bool) -> str:
    return said if deleted else f"{said}\n\n{text.NOT_DELETED}"


async def refuse(update: Update, said: str, *, deleted: bool) -> None:
    await reply(update, with_warning(said, deleted=deleted))
