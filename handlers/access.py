"""The front gate: who may do what, by chat and by user. Whatever it does not know, it refuses.

It decides before any handler sees an update, and knows nothing of brokers or tokens but whether the bot is locked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from telegram import CallbackQuery, Chat, ChatMember, Message, Update
from telegram.error import TelegramError
from telegram.ext import Application, ContextTypes, ExtBot

from handlers import buttons, origin, text
from handlers.buttons import ButtonRefused
from handlers.context import Context, UsageError, delete, reply

if TYPE_CHECKING:
    from handlers.buttons import Pressed
    from handlers.context import Desk

_log = logging.getLogger(__name__)


class Role(IntEnum):
    NOBODY = 0
    VIEWER = 1
    ADMIN = 2


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may look at an account and who may refresh it. Private chats have the id of their user; groups (negative
    ids) need the users named beside them."""

    viewer_chats: frozenset[int]
    admin_chats: frozenset[int]
    viewer_users: frozenset[int] = frozenset()
    admin_users: frozenset[int] = frozenset()

    def role(self, chat: int, user: int) -> Role:
        """What this user may do in this chat. In a group nobody is more than a viewer: links, codes, pastes and
        figures go to the private chat."""
        if chat == user:
            if chat in self.admin_chats:
                return Role.ADMIN
            return Role.VIEWER if chat in self.viewer_chats else Role.NOBODY
        listed = chat in self.viewer_chats | self.admin_chats and user in self.viewer_users | self.admin_users
        return Role.VIEWER if listed else Role.NOBODY

    def moved(self, group: int, supergroup: int) -> Audience:
        """The same people, where Telegram has given their group a new id."""

        def follow(chats: frozenset[int]) -> frozenset[int]:
            return chats - {group} | {supergroup} if group in chats else chats

        return replace(self, viewer_chats=follow(self.viewer_chats), admin_chats=follow(self.admin_chats))


Audiences = Mapping[str, Audience]
"""The audience of every account."""


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the command table."""

    name: str
    summary: str
    usage: str
    role: Role
    callback: Callable[[Update, Context], Coroutine[Any, Any, None]]
    private: bool = False
    """Not in groups."""
    guarded: bool = False
    """Refused while the bot is locked."""
    carries: bool = False
    """What follows may be secret, unless it is an account's name."""


@dataclass(frozen=True, slots=True)
class Button:
    """A row of the button table. The role is meant for the button's account; without one, for any account."""

    role: Role
    callback: Callable[[Update, Context, Pressed], Coroutine[Any, Any, None]]
    guarded: bool = False
    once: bool = False
    """Works one time."""
    acts: bool = False
    """Changes something, so a press that waited while the bot was away is not obeyed."""


def accounts_for(audiences: Audiences, chat: int, user: int, role: Role) -> list[str]:
    """The accounts for which this user in this chat has at least this role."""
    return [name for name, audience in audiences.items() if audience.role(chat, user) >= role]


def reach(audiences: Audiences, chat: int, user: int) -> Role:
    """The most this user in this chat may do, with any account."""
    return max((audience.role(chat, user) for audience in audiences.values()), default=Role.NOBODY)


def allowed(
    commands: Iterable[Command], audiences: Audiences, chat: int, user: int, *, is_private: bool
) -> list[Command]:
    """What this user may send in this chat."""
    known = reach(audiences, chat, user)
    return [one for one in commands if known >= one.role and (is_private or not one.private)]


def pick_account(update: Update, context: Context, role: Role) -> str:
    """The account the command names, or the only one there is for this person.

    Raises UsageError, which names no account that this person may not see.
    """
    names = my_accounts(update, context, role)
    if context.args:
        return named(context.args[0], names)
    if len(names) == 1:
        return names[0]
    raise UsageError(text.which_account(names))


def pick_accounts(update: Update, context: Context, role: Role) -> list[str]:
    """As `pick_account`, but without a name it means all of them."""
    names = my_accounts(update, context, role)
    return [named(context.args[0], names)] if context.args else names


def my_accounts(update: Update, context: Context, role: Role) -> list[str]:
    chat, user = update.effective_chat, update.effective_user
    if chat is None or user is None:
        return []
    return accounts_for(context.desk.audiences, chat.id, user.id, role)


def named(word: str, names: list[str]) -> str:
    if word.lower() not in names:
        raise UsageError(text.unknown_account(names))
    return word.lower()


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
            # The class alone: an error's text, or the update, may hold what somebody pasted.
            _log.error("an update was dropped at the gate: %s", type(error).__name__)

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
        if typed.addressee not in ("", self.bot.username.lower()):
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
        if command.guarded and await self.desk.tokens.locked():
            return text.LOCKED
        return None

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
        if button.guarded and await self.desk.tokens.locked():
            return text.TOAST_LOCKED
        return None

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
        """No answer. People chatting in a group of ours did not knock; a command there did."""
        if not self._is_ours(message.chat):
            await self._stay_or_leave(message.chat)
        elif not _is_private(message.chat) and origin.command_in(message) is None:
            return
        await self.desk.tokens.knock()

    async def _stay_or_leave(self, chat: Chat) -> None:
        """Nobody but the config invites the bot to a group."""
        if _is_private(chat) or self._is_ours(chat):
            return
        with suppress(TelegramError):
            await self.bot.leave_chat(chat.id)
        _log.info("left a group that is not configured")

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
