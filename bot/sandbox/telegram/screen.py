"""What a person sees of a chat: messages as they are now, and what happened in which order. For tests and the demo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.telegram.chats import Chat, Message
from bot.sandbox.telegram.entities import Entity
from bot.sandbox.telegram.world import Event, Query, World


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    data: str | None = None
    url: str | None = None
    copies: str | None = None
    style: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it stands in the chat now."""

    id: int
    date: int
    by_bot: bool
    who: str
    text: str
    html: str
    entities: tuple[Entity, ...]
    buttons: tuple[tuple[Button, ...], ...]
    silent: bool
    protected: bool
    preview: bool
    edits: int
    reply_to: int | None
    thread: int | None
    picture: Picture | None
    """Its text then stands under it. What it shows: `Screen.photo`."""
    event: int
    """The number of the last event that changed it; compare with `mark()`."""

    def button(self, part: str) -> Button:
        """The one button whose label has this part."""
        fitting = [b for row in self.buttons for b in row if part in b.label]
        if len(fitting) != 1:
            raise ValueError(f"no single button {part!r} there, but {[b.label for row in self.buttons for b in row]}")
        return fitting[0]


class Screen:
    """Looks at `world`. Everything here may be called from any thread."""

    world: World

    def mark(self) -> int:
        """The number of the last event: give it to `wait_for` to hear only of what comes later."""
        with self.world.lock:
            return self.world.events[-1].number if self.world.events else 0

    def transcript(self, chat_id: int) -> list[Shown]:
        """What is visible in the chat, oldest first. Deleted messages are gone."""
        with self.world.lock:
            chat = self.world.chats.get(chat_id)
            return [self._shown(chat, m) for m in chat.messages.values() if not m.deleted] if chat else []

    def changed(self, chat_id: int, after: int) -> tuple[list[Shown], list[int]]:
        """What became of the chat since that event: messages that are new or edited, and the ids of those deleted."""
        with self.world.lock:
            chat = self.world.chats.get(chat_id)
            late = [m for m in chat.messages.values() if m.event > after] if chat else []
            return [self._shown(chat, m) for m in late if chat and not m.deleted], [m.id for m in late if m.deleted]

    def photo(self, chat_id: int, message_id: int) -> bytes | None:
        """The picture of that message, as it was sent; None where there is none any more."""
        with self.world.lock:
            chat = self.world.chats.get(chat_id)
            message = chat.visible(message_id) if chat else None
            return message.photo.content if message and message.photo else None

    def menu(self, chat_id: int) -> dict[str, str]:
        """The commands that the chat's menu offers: the list of the narrowest scope that has one."""
        scope = f'{{"chat_id": {chat_id}, "type": "chat"}}'
        private = '{"type": "all_private_chats"}'
        return self.commands(scope) or self.commands(private) or self.commands()

    def events(self, after: int = 0) -> list[Event]:
        with self.world.lock:
            return [event for event in self.world.events if event.number > after]

    def wait_event(self, after: int = 0, timeout: float = 5.0) -> list[Event]:
        """The events after that one, as soon as there is one; none when the time is up."""
        return self.world.pulse.wait(lambda: self.events(after) or None, timeout) or []

    def wait_for(
        self,
        chat_id: int,
        text: str = "",
        *,
        after: int = 0,
        where: Callable[[Shown], bool] = lambda _: True,
        timeout: float = 5.0,
    ) -> Shown:
        """The last message of the bot with this text in it, as soon as it is there. Raises TimeoutError.

        `after`: only messages sent or edited after that event (see `mark`). `where`: what else must be true of it.
        """

        def look() -> Shown | None:
            fitting = [
                s for s in self.transcript(chat_id) if s.by_bot and s.event > after and text in s.text and where(s)
            ]
            return fitting[-1] if fitting else None

        found = self.world.pulse.wait(look, timeout)
        if found is None:
            there = [shown.text for shown in self.transcript(chat_id)]
            raise TimeoutError(f"the bot did not say {text!r} in chat {chat_id}; there is {there}")
        return found

    def wait_gone(self, chat_id: int, message_id: int, timeout: float = 5.0) -> None:
        """Until the message is deleted. Raises TimeoutError."""

        def look() -> bool | None:
            return None if any(shown.id == message_id for shown in self.transcript(chat_id)) else True

        if self.world.pulse.wait(look, timeout) is None:
            raise TimeoutError(f"message {message_id} is still there in chat {chat_id}")

    def answer_to(self, query_id: str, timeout: float = 5.0) -> Query:
        """How the bot answered a pressed button. Raises TimeoutError if it does not."""

        def look() -> Query | None:
            query = self.world.queries[query_id]
            return query if query.answered else None

        found = self.world.pulse.wait(look, timeout)
        if found is None:
            raise TimeoutError("the bot did not answer the pressed button")
        return found

    def commands(self, scope: str = '{"type": "default"}', language: str = "") -> dict[str, str]:
        """The command menu of a scope, given as JSON."""
        with self.world.lock:
            return {c["command"]: c["description"] for c in self.world.commands.get((scope, language), [])}

    def waiting_updates(self) -> int:
        """How many the bot has not fetched and confirmed yet."""
        with self.world.lock:
            return len(self.world.updates)

    def _shown(self, chat: Chat, message: Message) -> Shown:
        rows = (message.markup or {}).get("inline_keyboard", [])
        by_bot = message.sender == self.world.bot or (message.sender is None and message.sender_chat == chat.id)
        return Shown(
            message.id,
            message.date,
            by_bot,
            message.sender.first_name if message.sender else chat.title,
            message.text,
            message.html,
            tuple(message.entities),
            tuple(tuple(_button(b) for b in row) for row in rows),
            message.silent,
            message.protected,
            message.preview,
            message.edits,
            message.reply_to,
            message.thread,
            Picture(message.photo.width, message.photo.height) if message.photo else None,
            message.event,
        )


def _button(button: dict[str, object]) -> Button:
    def text(name: str) -> str | None:
        value = button.get(name)
        return value if isinstance(value, str) else None

    copied = button.get("copy_text")
    copies = str(copied["text"]) if isinstance(copied, dict) else None
    return Button(str(button["text"]), text("callback_data"), text("url"), copies, text("style"))
