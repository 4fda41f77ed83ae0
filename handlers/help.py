"""/help: the commands this chat may use now, from the command table."""

from __future__ import annotations

from telegram import Chat, Update

from handlers import text
from handlers.access import allowed
from handlers.context import Context, is_locked, person, reply


async def help_(update: Update, context: Context) -> None:
    chat, user = person(update)
    is_private = update.effective_chat is not None and update.effective_chat.type == Chat.PRIVATE
    found = allowed(context.gate.commands.values(), context.desk.audiences, chat, user, is_private=is_private)
    locked = await is_locked(context)
    await reply(update, text.help_([one for one in found if not (locked and one.guarded)], locked=locked))
