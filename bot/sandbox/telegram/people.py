"""The other side of the chats: people who write, press, edit, block and invite, and what the bot gets to know of it.

Everything here may be called from any thread.
"""

from __future__ import annotations

import secrets
from typing import Any

from bot.sandbox.telegram.chats import ANONYMOUS_ADMIN, CHANNEL_BOT, Chat, Message, User
from bot.sandbox.telegram.entities import LONGEST, marked_by_telegram, units
from bot.sandbox.telegram.world import Query, World


class People:
    """Works on `world`. A wish that makes no sense (no such chat, no such button) is a ValueError."""

    world: World

    # Chats.

    def add_user(self, user_id: int, first_name: str, username: str | None = None, is_bot: bool = False) -> None:
        """Only needed to give somebody a name."""
        with self.world.lock:
            self.world.users[user_id] = User(user_id, first_name, username, is_bot)

    def open_chat(
        self,
        chat_id: int,
        kind: str = "private",
        title: str = "",
        username: str | None = None,
        forum: bool = False,
        bot_deletes: bool = False,
    ) -> None:
        """From now on the bot may write there: the user wrote to it before, or it was let into the group."""
        if kind not in ("private", "group", "supergroup", "channel"):
            raise ValueError(f"there is no kind of chat {kind}")
        with self.world.lock:
            title = title or (self.world.user(chat_id).first_name if kind == "private" else f"Chat {chat_id}")
            self.world.chats[chat_id] = Chat(chat_id, kind, title, username, forum, bot_deletes=bot_deletes)

    def invite(self, chat_id: int, by: int) -> None:
        """Somebody adds the bot to a group, which is opened if need be."""
        with self.world.lock:
            if chat_id not in self.world.chats:
                self.open_chat(chat_id, "group")
            self._member(chat_id, by, inside=True)

    def block(self, chat_id: int, by: int | None = None) -> None:
        """The user blocks the bot, or somebody throws it out of the group."""
        self._member(chat_id, chat_id if by is None else by, inside=False)

    def unblock(self, chat_id: int, by: int | None = None) -> None:
        self._member(chat_id, chat_id if by is None else by, inside=True)

    def upgrade(self, group: int, supergroup: int) -> None:
        """The group becomes a supergroup, under a new id."""
        with self.world.lock:
            old = self._chat(group)
            self.open_chat(supergroup, "supergroup", old.title)
            moved = self._write(old, "", self.world.user(ANONYMOUS_ADMIN), {"migrate_to_chat_id": supergroup})
            self._tell("message", old, moved)
            new = self._chat(supergroup)
            came = self._write(new, "", self.world.user(ANONYMOUS_ADMIN), {"migrate_from_chat_id": group})
            self._tell("message", new, came)
            old.moved_to = supergroup

    # Messages.

    def say(  # noqa: PLR0913 (the ways a message can be odd)
        self,
        chat_id: int,
        text: str,
        user: int | None = None,
        *,
        reply_to: int | None = None,
        thread: int | None = None,
        forwarded_from: int | None = None,
        as_group: bool = False,
        as_channel: int | None = None,
        via_bot: int | None = None,
    ) -> int:
        """Somebody writes; the id of the message. A private chat is opened by it.

        `as_group`: an anonymous admin; `as_channel`: in the name of a channel. In groups the bot is told everything,
        as an admin or a bot without privacy mode is.
        """
        with self.world.lock:
            if chat_id > 0 and chat_id not in self.world.chats:
                self.open_chat(chat_id)
            chat = self._chat(chat_id)
            if chat.blocked or chat.moved_to is not None:
                raise ValueError("the bot cannot hear that: it is blocked, or the group moved")
            sender = self._sender(chat, user, as_group=as_group, as_channel=as_channel)
            more = self._oddities(chat, forwarded_from, as_group=as_group, as_channel=as_channel, via_bot=via_bot)
            message = self._write(chat, text, sender, more, reply_to=reply_to, thread=thread)
            self._tell("message", chat, message)
            return message.id

    def post(self, channel_id: int, text: str) -> int:
        """A post in a channel the bot belongs to."""
        with self.world.lock:
            chat = self._chat(channel_id)
            message = self._write(chat, text, None, {"sender_chat": chat.to_json()})
            self._tell("channel_post", chat, message)
            return message.id

    def say_to_business(self, user: int, text: str) -> int:
        """Somebody writes to a business account that the bot answers for."""
        return self._aside(user, text, "business_message", {"business_connection_id": "sandbox-business"})

    def say_as_guest(self, user: int, text: str) -> int:
        """Somebody calls the bot into a chat it does not belong to."""
        return self._aside(user, text, "guest_message", {"guest_query_id": secrets.token_hex(8)})

    def change(self, chat_id: int, message_id: int, text: str) -> None:
        """Somebody edits what they wrote, or a channel its post."""
        with self.world.lock:
            chat = self._chat(chat_id)
            message = self._message(chat, message_id)
            message.text = message.html = text
            message.entities = marked_by_telegram(text)
            message.edits += 1
            message.edited_at = int(self.world.unix())
            self.world.happened("changed", chat, message, text=text)
            self._tell("edited_channel_post" if chat.kind == "channel" else "edited_message", chat, message)

    def erase(self, chat_id: int, message_id: int) -> None:
        """Somebody deletes a message; the bot is not told."""
        with self.world.lock:
            chat = self._chat(chat_id)
            message = self._message(chat, message_id)
            message.deleted = True
            self.world.happened("erased", chat, message)

    # Buttons.

    def press(
        self,
        chat_id: int,
        message_id: int,
        button: str | int | None = None,
        user: int | None = None,
        *,
        data: str | None = None,
        inaccessible: bool = False,
    ) -> str:
        """Press a button by its label (or a part of it), or by its place; the id of the query.

        `data` is sent instead of the button's own, as a forged client can. `inaccessible`: the message is too old for
        the bot to be shown it.
        """
        with self.world.lock:
            chat = self._chat(chat_id)
            message = self._message(chat, message_id)
            sent = data if data is not None else _callback_data(message, button)
            presser = self.world.user(user if user is not None else chat_id)
            query = Query(str(secrets.randbits(62)), chat_id, presser.id, self.world.unix())
            self.world.queries[query.id] = query
            shown = chat.message_json(message)
            if inaccessible:
                shown = {"chat": shown["chat"], "message_id": message.id, "date": 0}
            content = {"id": query.id, "from": presser.to_json(), "message": shown, "data": sent}
            self.world.updates.add("callback_query", content | {"chat_instance": f"{chat_id}"})
            self.world.happened("pressed", chat, who=presser.first_name, text=str(button if data is None else "…"))
            return query.id

    # Updates.

    def inject(self, update: dict[str, Any]) -> int:
        """Queue an update as it is; its id."""
        with self.world.lock:
            number = self.world.updates.inject(update)
        self.world.pulse.beat()
        return number

    def poison(self) -> int:
        """Queue an update that no library can read: a message without date or chat."""
        return self.inject({"message": {"message_id": 1}})

    def _tell(self, kind: str, chat: Chat, message: Message) -> None:
        self.world.updates.add(kind, chat.message_json(message))
        self.world.pulse.beat()

    def _write(
        self,
        chat: Chat,
        text: str,
        sender: User | None,
        more: dict[str, Any],
        *,
        reply_to: int | None = None,
        thread: int | None = None,
    ) -> Message:
        if units(text) > LONGEST:
            raise ValueError("nobody can send more than 4096 characters")
        made = Message(
            self.world.next_id(chat),
            int(self.world.unix()),
            text,
            sender,
            html=text,
            entities=marked_by_telegram(text),
            reply_to=reply_to,
            thread=thread,
            more=more,
        )
        return self.world.add_message(chat, made, "said")

    def _aside(self, user: int, text: str, kind: str, more: dict[str, Any]) -> int:
        with self.world.lock:
            chat = Chat(user, "private", self.world.user(user).first_name)
            message = Message(1, int(self.world.unix()), text, self.world.user(user), more=more)
            message.entities = marked_by_telegram(text)
            self._tell(kind, chat, message)
            return message.id

    def _sender(self, chat: Chat, user: int | None, *, as_group: bool, as_channel: int | None) -> User:
        if as_group:
            return self.world.user(ANONYMOUS_ADMIN)
        if as_channel is not None:
            return self.world.user(CHANNEL_BOT)
        if user is None and chat.kind != "private":
            raise ValueError("in a group somebody must be named who writes")
        return self.world.user(chat.id if user is None else user)

    def _oddities(
        self, chat: Chat, forwarded_from: int | None, *, as_group: bool, as_channel: int | None, via_bot: int | None
    ) -> dict[str, Any]:
        more: dict[str, Any] = {}
        if forwarded_from is not None:
            origin = self.world.user(forwarded_from).to_json()
            more["forward_origin"] = {"type": "user", "date": int(self.world.unix()), "sender_user": origin}
        if as_group:
            more["sender_chat"] = chat.to_json()
        if as_channel is not None:
            more["sender_chat"] = {"id": as_channel, "type": "channel", "title": f"Chat {as_channel}"}
        if via_bot is not None:
            more["via_bot"] = User(via_bot, "Another bot", "another_bot", is_bot=True).to_json()
        return more

    def _member(self, chat_id: int, by: int, *, inside: bool) -> None:
        with self.world.lock:
            chat = self._chat(chat_id)
            bot = self.world.bot.to_json()
            was, now = ("left", "member") if chat.kind != "private" else ("kicked", "member")
            states = [_standing(bot, was), _standing(bot, now)]
            if not inside:
                states = [_standing(bot, "member"), _standing(bot, "kicked")]
            chat.blocked = not inside
            content = {"chat": chat.to_json(), "from": self.world.user(by).to_json(), "date": int(self.world.unix())}
            content |= {"old_chat_member": states[0], "new_chat_member": states[1]}
            self.world.updates.add("my_chat_member", content)
            self.world.happened("invited" if inside else "blocked", chat, who=self.world.user(by).first_name)

    def _chat(self, chat_id: int) -> Chat:
        if chat_id not in self.world.chats:
            raise ValueError(f"there is no chat {chat_id}; open it first")
        return self.world.chats[chat_id]

    def _message(self, chat: Chat, message_id: int) -> Message:
        message = chat.visible(message_id)
        if message is None:
            raise ValueError(f"there is no message {message_id} in chat {chat.id} (any more)")
        return message


def _standing(user: dict[str, Any], status: str) -> dict[str, Any]:
    until = {"until_date": 0} if status == "kicked" else {}
    return {"user": user, "status": status, **until}


def _callback_data(message: Message, button: str | int | None) -> str:
    buttons = [b for row in (message.markup or {}).get("inline_keyboard", []) for b in row]
    if isinstance(button, int):
        fitting = buttons[button : button + 1]
    else:
        exact = [b for b in buttons if b["text"] == button]
        fitting = exact or [b for b in buttons if button is not None and button in b["text"]]
    if len(fitting) != 1:
        raise ValueError(f"no single button {button!r} there, but {[b['text'] for b in buttons]}")
    if "callback_data" not in fitting[0]:
        raise ValueError(f"the button {button!r} does not call the bot: it opens a link or copies")
    data: str = fitting[0]["callback_data"]
    return data
