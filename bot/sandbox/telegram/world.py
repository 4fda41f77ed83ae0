"""Everything the stand-in for Telegram remembers, under one lock: the methods change it from the bot's side, the people
from theirs, the screen shows it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.pulse import Pulse
from bot.sandbox.telegram.chats import SPOKESMEN, Chat, Message, User
from bot.sandbox.telegram.keyboard import Markup
from bot.sandbox.telegram.params import Refused, bad
from bot.sandbox.telegram.updates import Updates


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, for who watches."""

    number: int
    at: int
    what: str
    """sent, edited, deleted, answered, action (by the bot); said, changed, pressed, erased, blocked … (by people)."""
    chat: int
    message: int | None = None
    who: str = ""
    text: str = ""
    buttons: tuple[tuple[str, ...], ...] = ()
    silent: bool = False
    alert: bool = False
    """An answer that stays until it is dismissed."""


@dataclass(slots=True)
class Query:
    """A pressed button that waits for its answer."""

    id: str
    chat: int
    user: int
    pressed_at: float
    answered: bool = False
    text: str = ""
    alert: bool = False


@dataclass(slots=True)
class World:
    unix: Callable[[], float]
    pulse: Pulse
    token: str
    bot: User
    lock: threading.RLock = field(default_factory=threading.RLock)
    users: dict[int, User] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    queries: dict[str, Query] = field(default_factory=dict)
    commands: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    """By scope (as JSON) and language."""
    updates: Updates = field(default_factory=Updates)
    events: list[Event] = field(default_factory=list)
    query_seconds: float = 60.0
    """How long a pressed button may be answered. Telegram does not publish it."""
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def user(self, user_id: int) -> User:
        if user_id in SPOKESMEN:
            return SPOKESMEN[user_id]
        return self.users.setdefault(user_id, User(user_id, f"User {user_id}"))

    def happened(self, what: str, chat: Chat, message: Message | None = None, **more: Any) -> Event:
        """Note it, and wake whoever waits."""
        event = Event(next(self.numbers), int(self.unix()), what, chat.id, message.id if message else None, **more)
        self.events.append(event)
        if message is not None:
            message.event = event.number
        self.pulse.beat()
        return event

    def add_message(self, chat: Chat, message: Message, what: str) -> Message:
        chat.messages[message.id] = message
        who = message.sender.first_name if message.sender else chat.title
        looks = {"buttons": labels(message.markup), "silent": message.silent}
        self.happened(what, chat, message, who=who, text=message.text, **looks)
        return message

    def next_id(self, chat: Chat) -> int:
        chat.last_id += 1
        return chat.last_id

    def reachable(self, chat_id: str) -> Chat:
        """The chat of that id or @name, if the bot may write there. Raises what the Bot API would."""
        chat = self.known(chat_id)
        if chat.moved_to is not None:
            raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.moved_to)
        if chat.blocked:
            why = (
                "bot was blocked by the user" if chat.kind == "private" else f"bot was kicked from the {chat.kind} chat"
            )
            raise Refused(403, f"Forbidden: {why}")
        return chat

    def known(self, chat_id: str) -> Chat:
        if not chat_id:
            raise bad("chat_id is empty")
        for chat in self.chats.values():
            if chat_id in (str(chat.id), f"@{chat.username}"):
                return chat
        raise bad("chat not found")


def labels(markup: Markup | None) -> tuple[tuple[str, ...], ...]:
    rows = (markup or {}).get("inline_keyboard", [])
    return tuple(tuple(button["text"] for button in row) for row in rows)
