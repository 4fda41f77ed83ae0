"""/pause and /resume: whether the bot logs in by itself."""

from __future__ import annotations

from telegram import Update

from handlers import text
from handlers.buttons import SHORT_LIFE, Pressed, account_or_ask, button
from handlers.context import Context, is_stale, person, reply, show, words
from handlers.tokens import State


async def pause(update: Update, context: Context) -> None:
    account = await _account_now(update, context, "pause")
    if account is not None:
        await context.desk.tokens.pause(account)
        await reply(update, text.paused(account))


async def resume(update: Update, context: Context) -> None:
    account = await _account_now(update, context, "resume")
    if account is not None:
        await reply(update, await _resume(context, account))


async def pressed_pause(update: Update, context: Context, pressed: Pressed) -> None:
    await context.desk.tokens.pause(pressed.account)
    await show(update, pressed.message(update), text.paused(pressed.account))


async def pressed_resume(update: Update, context: Context, pressed: Pressed) -> None:
    await show(update, pressed.message(update), await _resume(context, pressed.account))


async def _resume(context: Context, account: str) -> str:
    """What is so now, and whether it was so before."""
    tokens = context.desk.tokens
    [before] = await tokens.status([account])
    await tokens.resume(account)
    [after] = await tokens.status([account])
    return text.resumed(after, before.state is State.PAUSED, context.desk.now())


async def _account_now(update: Update, context: Context, action: str) -> str | None:
    """The account to act on, or None where a question was asked instead: which one, or whether an old command is still
    meant."""
    words(context, 1)
    desk, account = context.desk, await account_or_ask(update, context, action)
    if account is None or update.message is None or not is_stale(update, desk.now()):
        return account
    asked = text.still_wanted(f"/{action} {account}", update.message.date, desk.now())
    yes = button(desk, person(update)[1], action, account, life=SHORT_LIFE)
    await reply(update, asked, buttons=[[yes]])
    return None
