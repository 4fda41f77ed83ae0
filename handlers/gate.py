"""The front gate: whatever it does not know, it refuses.

It decides before any handler sees an update, and knows nothing of brokers or tokens but whether the bot is locked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from telegram import CallbackQuery, Chat, ChatMember, Message, Update
from telegram.error import TelegramError
from telegram.ext import Application, ContextTypes, ExtBot

from brokers import KunjiError
from handlers import buttons, origin, text
from handlers.access import Button, Command, Role, reach
from handlers.buttons import ButtonRefused, Pressed
from handlers.context import Context, Desk, delete, reply
from handlers.errors import record

_log = logging.getLogger(__name__)


class Gate(Application[ExtBot[None], Context, dict[Any, Any], dict[Any, Any], dict[Any, Any], None]):
    """An Application that looks at every update before its handlers do. Nothing escapes it, as an exception here
    would end the fetching of updates."""

    def __init__(self, desk: Desk, **given: Any) -> None:
        given["context_types"] = ContextTypes(context=Context)
        super().__init__(**given)
        self.desk = desk
        self.commands: Mapping[str, Command] = {}
        self.buttons: Mapping[str, Button] = {}

    async def process_update(self, update: object) -> None:
        try:
            if isinstance(update, Update) and await self._admits(update):
                await super().process_update(update)
        except Exception as error:
            record(error, "an update was dropped at the gate")

    async def _admits(self, update: Update) -> bool:
        if update.my_chat_member is not None:
            if update.my_chat_member.new_chat_member.status not in (ChatMember.LEFT, ChatMember.BANNED):
                await self._stay_or_leave(update.my_chat_member.chat)
        elif update.callback_query is not None:
            return await self._admits_press(update.callback_query)
        elif update.edited_message is not None:
            await self._explain(update, update.edited_message, text.EDITED)
        elif update.message is not None:
            return await self._admits_message(update, update.message)
        return False

    async def _admits_message(self, update: Update, message: Message) -> bool:
        if await self._follows_migration(message) or not origin.is_from_a_person(message):
            return False
        if origin.was_passed_on(message):
            await self._explain(update, message, text.FORWARDED)
            return False
        known = self._reach(message)
        if known is Role.NOBODY:
            await self._turn_away(message)
            return False
        typed = origin.command_in(message)
        if typed is None:
            return await self._admits_text(update, message, known)
        if not self._is_for_us(typed):
            return False
        command = self.commands.get(typed.name)
        if command is None:
            if _is_private(message.chat):
                await reply(update, text.UNKNOWN_COMMAND)
            return False
        refusal = await self._refusal(command, message, known)
        if refusal is None:
            return True
        if command.carries and not {word.lower() for word in typed.words} <= {*self.desk.audiences, "all"}:
            await delete(message)
        await reply(update, refusal)
        return False

    async def _admits_text(self, update: Update, message: Message, known: Role) -> bool:
        """Only the admin's own words in the private chat can be an answer to something."""
        if known is Role.ADMIN:
            return True
        if _is_private(message.chat) and message.text:
            await reply(update, text.COMMANDS_ONLY)
        return False

    async def _refusal(self, command: Command, message: Message, known: Role) -> str | None:
        """Why this person's command is not obeyed here and now; None if it is."""
        if not _is_private(message.chat) and (command.private or command.role > Role.VIEWER):
            return text.PRIVATE_ONLY
        if known < command.role:
            return text.ADMIN_ONLY
        try:
            locked = command.guarded and await self.desk.tokens.locked()
        except KunjiError as error:
            return text.failure(error)
        return text.LOCKED if locked else None

    async def _admits_press(self, query: CallbackQuery) -> bool:
        """A button's data can be forged, and a message with buttons can be seen by others: nothing is believed."""
        if query.message is None or query.from_user.is_bot:
            return False
        chat, user = query.message.chat, query.from_user.id
        if not _is_someones(chat, user) or reach(self.desk.audiences, chat.id, user) is Role.NOBODY:
            await self.desk.tokens.knock()
            return False
        try:
            pressed = buttons.opened(self.desk.signing_key, query.data or "", user, self.desk.now())
        except ButtonRefused as error:
            await self._toast(query, str(error))
            return False
        refusal = await self._press_refusal(pressed, chat.id, user)
        if refusal is not None:
            await self._toast(query, refusal)
        return refusal is None

    async def _press_refusal(self, pressed: Pressed, chat: int, user: int) -> str | None:
        button = self.buttons.get(pressed.action)
        if button is None:
            return text.BUTTON_DEAD
        audience = self.desk.audiences.get(pressed.account)
        if pressed.account and audience is None:
            return text.BUTTON_DEAD
        role = audience.role(chat, user) if audience else reach(self.desk.audiences, chat, user)
        if role < button.role:
            return text.TOAST_ADMIN_ONLY
        try:
            locked = button.guarded and await self.desk.tokens.locked()
        except KunjiError:
            return text.TOAST_UNKNOWN
        return text.TOAST_LOCKED if locked else None

    async def _explain(self, update: Update, message: Message, sentence: str) -> None:
        """One sentence for the admin about what was not obeyed; none for anybody else."""
        if not origin.is_from_a_person(message):
            return
        known = self._reach(message)
        if known is Role.NOBODY:
            await self._turn_away(message)
        elif known is Role.ADMIN:
            await reply(update, sentence)

    def _reach(self, message: Message) -> Role:
        user = message.from_user
        if user is None or not _is_someones(message.chat, user.id):
            return Role.NOBODY
        return reach(self.desk.audiences, message.chat.id, user.id)

    async def _turn_away(self, message: Message) -> None:
        """No answer. People chatting in a group of ours, or with another bot there, did not knock; a command did."""
        typed = origin.command_in(message)
        if not self._is_ours(message.chat):
            await self._stay_or_leave(message.chat)
        elif not _is_private(message.chat) and not (typed and self._is_for_us(typed)):
            return
        await self.desk.tokens.knock()

    async def _stay_or_leave(self, chat: Chat) -> None:
        """Nobody but the config invites the bot to a group."""
        if _is_private(chat) or self._is_ours(chat):
            return
        with suppress(TelegramError):
            await self.bot.leave_chat(chat.id)
        _log.info("left a group that is not configured")

    def _is_for_us(self, typed: origin.Typed) -> bool:
        return typed.addressee in ("", self.bot.username.lower())

    def _is_ours(self, chat: Chat) -> bool:
        return any(chat.id in one.viewer_chats | one.admin_chats for one in self.desk.audiences.values())

    async def _follows_migration(self, message: Message) -> bool:
        group, supergroup = message.chat.id, message.migrate_to_chat_id
        if message.migrate_from_chat_id is not None:
            group, supergroup = message.migrate_from_chat_id, message.chat.id
        if supergroup is None:
            return False
        before = dict(self.desk.audiences)
        self.desk.audiences.update({name: one.moved(group, supergroup) for name, one in before.items()})
        if self.desk.audiences != before:
            await self.desk.tokens.moved(group, supergroup)
        return True

    async def _toast(self, query: CallbackQuery, sentence: str) -> None:
        with suppress(TelegramError):
            await query.answer(sentence)


def _is_private(chat: Chat) -> bool:
    return chat.type == Chat.PRIVATE


def _is_someones(chat: Chat, user: int) -> bool:
    """A private chat has its user's id and nobody else in it; besides those there are only groups."""
    return chat.id == user if _is_private(chat) else chat.type in (Chat.GROUP, Chat.SUPERGROUP)
