"""/logout: end a token, after a confirm."""

from __future__ import annotations

from telegram import Message, Update

from handlers import text
from handlers.buttons import SHORT_LIFE, Pressed, account_or_ask, button
from handlers.context import Context, person, show, words


async def logout(update: Update, context: Context) -> None:
    words(context, 1)
    account = await account_or_ask(update, context, "logout")
    if account is not None:
        await _confirm(update, context, account)


async def pressed_logout(update: Update, context: Context, pressed: Pressed) -> None:
    await _confirm(update, context, pressed.account, pressed.message(update))


async def _confirm(update: Update, context: Context, account: str, shown: Message | None = None) -> None:
    desk = context.desk
    [status] = await desk.tokens.status([account])
    can_revoke = await desk.tokens.can_revoke(account)
    said = text.confirm_logout(account, can_revoke, status.expires_at, desk.now())
    yes = button(desk, person(update)[1], "out", account, life=SHORT_LIFE)
    await show(update, shown, said, buttons=[[yes]])


async def confirmed(update: Update, context: Context, pressed: Pressed) -> None:
    done = await context.desk.tokens.logout(pressed.account, who="admin")
    await show(update, pressed.message(update), text.logged_out(done, context.desk.now()))
