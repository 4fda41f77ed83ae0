"""What was sent back after a login goes to the one broker it is for."""

from __future__ import annotations

from telegram import Message, Update

from brokers import KunjiError, Secret
from handlers import text
from handlers.asks import settle
from handlers.context import Context, Keyboard, reply, show
from handlers.failing import explained


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
    buttons: Keyboard = []
    try:
        said = text.refreshed(await tokens.answer(account, pasted, who="admin"), context.desk.now())
        for one in asked:
            await settle(context.bot, one.chat, one.message, text.login_done(account))
    except KunjiError as error:
        said, buttons = await explained(update, context, account, error, text.failed_answer)
    await show(update, shown, with_warning(said, deleted=deleted), buttons=buttons)


def with_warning(said: str, *, deleted: bool) -> str:
    return said if deleted else f"{said}\n\n{text.NOT_DELETED}"


async def refuse(update: Update, said: str, *, deleted: bool) -> None:
    await reply(update, with_warning(said, deleted=deleted))
