"""/logout: end a token, after a confirm."""

from __future__ import annotations

from telegram import Update

from handlers import text
from handlers.access import Role
from handlers.buttons import SHORT_LIFE, Pressed, button
from handlers.context import Context, person, pick_account, reply, show, words


async def logout(update: Update, context: Context) -> None:
    words(context, 1)
    desk = context.desk
    account = pick_account(update, context, Role.ADMIN)
    [status] = await desk.tokens.status([account])
    can_revoke = await desk.tokens.can_revoke(account)
    said = text.confirm_logout(account, can_revoke, status.expires_at, desk.now())
    yes = button(desk, person(update)[1], "out", account, life=SHORT_LIFE)
    await reply(update, said, buttons=[[yes]])


async def confirmed(update: Update, context: Context, pressed: Pressed) -> None:
    done = await context.desk.tokens.logout(pressed.account, who="admin")
    await show(update, pressed.message(update), text.logged_out(done, context.desk.now()))
