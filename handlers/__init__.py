"""The conversation: one command, one file. Here are the table of commands, the table of buttons, and `register`.

The tables are the only list of what the bot understands: registration, roles, /help and the menus come from them.
"""

from __future__ import annotations

import logging

from telegram import Bot, BotCommand, BotCommandScopeChat
from telegram.error import TelegramError
from telegram.ext import CallbackQueryHandler, CommandHandler, MessageHandler, filters

from handlers.access import Button, Command, Role, allowed
from handlers.account import account
from handlers.buttons import press
from handlers.context import Desk
from handlers.errors import on_error
from handlers.gate import Gate
from handlers.help import help_
from handlers.history import history
from handlers.lock import lock
from handlers.logout import confirmed, logout, pressed_logout
from handlers.orders import orders
from handlers.pastes import paste, pressed_use
from handlers.pause import pause, pressed_pause, pressed_resume, resume
from handlers.refresh import pressed_all, pressed_anew, pressed_force, pressed_go, refresh
from handlers.start import start
from handlers.status import look, status
from handlers.totp import pressed_totp, totp

_log = logging.getLogger(__name__)

VIEWER, ADMIN = Role.VIEWER, Role.ADMIN

COMMANDS = (
    Command("start", "the accounts and the bot", "/start", VIEWER, start),
    Command("status", "state of tokens", "/status [account]", VIEWER, status),
    Command(
        "refresh",
        "a new token",
        "/refresh [account|all]",
        ADMIN,
        refresh,
        guarded=True,
        carries=True,
    ),
    Command(
        "account",
        "what you hold",
        "/account [account] [chart]",
        VIEWER,
        account,
        private=True,
        guarded=True,
    ),
    Command("orders", "today's orders", "/orders [account]", VIEWER, orders, private=True, guarded=True),
    Command("totp", "a TOTP code", "/totp [account]", ADMIN, totp, guarded=True),
    Command("history", "the last refreshes", "/history [account]", VIEWER, history),
    Command("logout", "end the token", "/logout [account]", ADMIN, logout, guarded=True),
    Command("pause", "no automatic logins", "/pause [account]", ADMIN, pause, guarded=True),
    Command("resume", "logins go on", "/resume [account]", ADMIN, resume, guarded=True),
    Command("lock", "nothing secret in the chat", "/lock", ADMIN, lock),
    Command("help", "what you can do here", "/help", VIEWER, help_),
)

BUTTONS = {
    "go": Button(ADMIN, pressed_go, guarded=True, acts=True),
    "all": Button(ADMIN, pressed_all, guarded=True, acts=True),
    "anew": Button(ADMIN, pressed_anew, guarded=True, once=True, acts=True),
    "force": Button(ADMIN, pressed_force, guarded=True, once=True, acts=True),
    "totp": Button(ADMIN, pressed_totp, guarded=True, acts=True),
    "logout": Button(ADMIN, pressed_logout, guarded=True),
    "out": Button(ADMIN, confirmed, guarded=True, once=True, acts=True),
    "use": Button(ADMIN, pressed_use, guarded=True, once=True, acts=True),
    "pause": Button(ADMIN, pressed_pause, guarded=True, acts=True),
    "resume": Button(ADMIN, pressed_resume, guarded=True, acts=True),
    "look": Button(VIEWER, look),
}


def register(application: Gate) -> None:
    """Teach the application everything above. A gate that was not taught admits nothing."""
    application.commands = {command.name: command for command in COMMANDS}
    application.buttons = BUTTONS
    fresh = filters.UpdateType.MESSAGE
    for command in COMMANDS:
        application.add_handler(CommandHandler(command.name, command.callback, filters=fresh))
    application.add_handler(MessageHandler(fresh & ~filters.COMMAND, paste))
    application.add_handler(CallbackQueryHandler(press))
    application.add_error_handler(on_error)


def menus(desk: Desk) -> dict[int, list[BotCommand]]:
    """For every chat the commands it may use."""
    people = {chat for one in desk.audiences.values() for chat in one.viewer_chats | one.admin_chats}
    found = {}
    for chat in sorted(people):
        # In a group the menu is the same for all who are listed; private chats have the id of their user.
        users = {user for one in desk.audiences.values() for user in one.viewer_users | one.admin_users}
        here = [
            allowed(COMMANDS, desk.audiences, chat, user, is_private=chat > 0)
            for user in ({chat} if chat > 0 else users)
        ]
        best = max(here, key=len, default=[])
        if best:
            found[chat] = [BotCommand(command.name, command.summary) for command in best]
    return found


async def set_menus(bot: Bot, desk: Desk) -> None:
    """An empty menu for everybody, its own for each known chat. A chat that never wrote to the bot has none to set."""
    try:
        await bot.delete_my_commands()
    except TelegramError as error:
        _log.warning("the common command menu was not emptied: %s", type(error).__name__)
    for chat, commands in menus(desk).items():
        try:
            await bot.set_my_commands(commands, scope=BotCommandScopeChat(chat))
        except TelegramError as error:
            _log.info("a command menu was not set: %s", type(error).__name__)


__all__ = ["BUTTONS", "COMMANDS", "Gate", "menus", "register", "set_menus"]
