"""/start: who you are to the bot, how every account stands, and how the bot itself is."""

from __future__ import annotations

from telegram import Update

from handlers import text
from handlers.access import Role
from handlers.buttons import button
from handlers.context import Context, is_locked, my_accounts, person, reply
from handlers.status import shortcuts


async def start(update: Update, context: Context) -> None:
    tokens, now = context.desk.tokens, context.desk.now()
    locked = await is_locked(context)
    seen, own = my_accounts(update, context, Role.VIEWER), my_accounts(update, context, Role.ADMIN)
    viewed = [name for name in seen if name not in own]
    found = await tokens.status(seen)
    said = text.start(own, viewed, found, await tokens.health(), locked, now)
    user = person(update)[1]
    again = button(context.desk, user, "look", "")
    refreshes = [] if locked else shortcuts(context, user, own)
    await reply(update, said, buttons=[*refreshes, [again]])
