"""Who and what there is: users, chats, messages, and how the Bot API writes them as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.telegram.entities import Entity
from bot.sandbox.telegram.keyboard import Markup
from bot.sandbox.telegram.photos import Photo

ANONYMOUS_ADMIN = 1087968824
CHANNEL_BOT = 136817688
TWO_DAYS = 48 * 3600


@dataclass(frozen=True, slots=True)
class User:
    id: int
    first_name: str
    username: str | None = None
    is_bot: bool = False

    def to_json(self) -> dict[str, Any]:
        named = {"username": self.username} if self.username else {}
        return {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name, **named}


SPOKESMEN = {
    ANONYMOUS_ADMIN: User(ANONYMOUS_ADMIN, "Group", "GroupAnonymousBot", is_bot=True),
    CHANNEL_BOT: User(CHANNEL_BOT, "Channel", "Channel_Bot", is_bot=True),
}
"""Whom Telegram names as the sender of messages that a group or a channel wrote."""


@dataclass(slots=True)
class Message:
    id: int
    date: int
    text: str
    """What it says; of a picture, what is written under it."""
    sender: User | None
    html: str = ""
    """As the bot sent it; for others the same as the text."""
    sender_chat: int | None = None
    entities: list[Entity] = field(default_factory=list)
    markup: Markup | None = None
    reply_to: int | None = None
    thread: int | None = None
    silent: bool = False
    protected: bool = False
    preview: bool = True
    photo: Photo | None = None
    edits: int = 0
    edited_at: int | None = None
    deleted: bool = False
    event: int = 0
    """The number of the last event that changed it."""
    more: dict[str, Any] = field(default_factory=dict)
    """Fields that stand in the JSON as they are: forward_origin, via_bot …"""


@dataclass(slots=True)
class Chat:
    id: int
    kind: str
    """private, group, supergroup or channel."""
    title: str
    username: str | None = None
    forum: bool = False
    blocked: bool = False
    """The user blocked the bot, or the bot is not in the group (any more)."""
    bot_deletes: bool = False
    """The bot is an admin who may delete others' messages."""
    moved_to: int | None = None
    messages: dict[int, Message] = field(default_factory=dict)
    last_id: int = 0

    def to_json(self) -> dict[str, Any]:
        name = "first_name" if self.kind == "private" else "title"
        found: dict[str, Any] = {"id": self.id, "type": self.kind, name: self.title}
        if self.username:
            found["username"] = self.username
        if self.forum:
            found["is_forum"] = True
        return found

    def visible(self, message_id: int | None) -> Message | None:
        message = self.messages.get(message_id or 0)
        return None if message is None or message.deleted else message

    def message_json(self, message: Message, *, with_reply: bool = True) -> dict[str, Any]:
        """A message as the bot sees it."""
        found: dict[str, Any] = {
            "message_id": message.id,
            "date": message.date,
            "chat": self.to_json(),
            **_content(message),
            **message.more,
        }
        optional = {
            "from": message.sender.to_json() if message.sender else None,
            "reply_markup": message.markup if message.markup and "inline_keyboard" in message.markup else None,
            "edit_date": message.edited_at,
            "message_thread_id": message.thread,
            "is_topic_message": True if message.thread else None,
            "has_protected_content": True if message.protected else None,
            "link_preview_options": None if message.preview else {"is_disabled": True},
        }
        found |= {name: value for name, value in optional.items() if value is not None}
        if with_reply and (replied := self.visible(message.reply_to)):
            found["reply_to_message"] = self.message_json(replied, with_reply=False)
        return found


def _content(message: Message) -> dict[str, Any]:
    words, marks = ("text", "entities") if message.photo is None else ("caption", "caption_entities")
    found: dict[str, Any] = {words: message.text} if message.text or message.photo is None else {}
    if message.entities:
        found[marks] = message.entities
    return found if message.photo is None else found | {"photo": message.photo.to_json()}
