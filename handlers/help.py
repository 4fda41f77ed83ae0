"""/help: the commands this chat may use, from the command table."""

from __future__ import annotations

from telegram import Chat, Update

from handlers import text
from handlers.access import allowed
from handlers.context import Context, person, reply


async def help_(update: Update, context: Context) -> None:
    chat, user = person(update)
    is_private = update.effective_chat is not None and update.effective_chat.type == Chat.PRIVATE
    found = allowed(context.gate.commands.values(), context.desk.audiences, chat, user, is_private=is_private)
    await reply(update, text.help_(found))
