"""/pause and /resume: whether the bot logs in by itself."""

from __future__ import annotations

from telegram import Update

from handlers import text
from handlers.access import Role
from handlers.buttons import SHORT_LIFE, Pressed, button
from handlers.context import Context, is_stale, person, pick_account, reply, show, words


async def pause(update: Update, context: Context) -> None:
    account = await _account_now(update, context, "pause")
    if account is not None:
        await context.desk.tokens.pause(account)
        await reply(update, text.paused(account))


async def resume(update: Update, context: Context) -> None:
    account = await _account_now(update, context, "resume")
    if account is not None:
        await context.desk.tokens.resume(account)
        await reply(update, await _resumed(context, account))


async def pressed_pause(update: Update, context: Context, pressed: Pressed) -> None:
    await context.desk.tokens.pause(pressed.account)
    await show(update, pressed.message(update), text.paused(pressed.account))


async def pressed_resume(update: Update, context: Context, pressed: Pressed) -> None:
    await context.desk.tokens.resume(pressed.account)
    await show(update, pressed.message(update), await _resumed(context, pressed.account))


async def _resumed(context: Context, account: str) -> str:
    [status] = await context.desk.tokens.status([account])
    return text.resumed(account, status.held_back)


async def _account_now(update: Update, context: Context, action: str) -> str | None:
    """The account to act on, or None where the command is old and a question was asked instead."""
    words(context, 1)
    desk, account = context.desk, pick_account(update, context, Role.ADMIN)
    if update.message is None or not is_stale(update, desk.now()):
        return account
    asked = text.still_wanted(f"/{action} {account}", update.message.date, desk.now())
    yes = button(desk, person(update)[1], action, account, life=SHORT_LIFE)
    await reply(update, asked, buttons=[[yes]])
    return None
