"""From whom and where, and in which ways, a message can come and a button be pressed; as Telegram writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.unit.handlers.stage import ADMIN, FOREIGN_GROUP, GROUP, NOW, STRANGER, VIEWER, message_from

OLD_GROUP, SUPERGROUP = -501, -100501


@dataclass(frozen=True)
class Sender:
    user: int
    chat: int
    standing: str = "nobody"
    kind: str = "private"

    @property
    def is_in_a_group_of_ours(self) -> bool:
        return self.chat in (GROUP, SUPERGROUP)


SENDERS = {
    "a stranger": Sender(STRANGER, STRANGER),
    "a viewer": Sender(VIEWER, VIEWER, "viewer"),
    "the admin": Sender(ADMIN, ADMIN, "admin"),
    "a stranger in the admin's chat": Sender(STRANGER, ADMIN),
    "a viewer in the admin's chat": Sender(VIEWER, ADMIN),
    "the admin in a viewer's chat": Sender(ADMIN, VIEWER),
    "a stranger in the group": Sender(STRANGER, GROUP, kind="group"),
    "a viewer in the group": Sender(VIEWER, GROUP, "viewer", "group"),
    "the admin in the group": Sender(ADMIN, GROUP, "viewer", "group"),
    "a stranger in what became a supergroup": Sender(STRANGER, SUPERGROUP, kind="supergroup"),
    "a viewer in what became a supergroup": Sender(VIEWER, SUPERGROUP, "viewer", "supergroup"),
    "the admin in what became a supergroup": Sender(ADMIN, SUPERGROUP, "viewer", "supergroup"),
    "the admin in the group it was": Sender(ADMIN, OLD_GROUP, kind="group"),
    "the admin in a foreign group": Sender(ADMIN, FOREIGN_GROUP, kind="supergroup"),
    "the admin in a channel": Sender(ADMIN, FOREIGN_GROUP, kind="channel"),
}


ANOTHER_BOT = {"id": 43, "is_bot": True, "first_name": "Other", "username": "OtherBot"}
GROUP_BOT = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
CHANNEL_BOT = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
SERVICE = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
A_CHANNEL = {"id": -100999, "type": "channel", "title": "News"}
BY_A_USER = {"type": "user", "date": int(NOW.timestamp()), "sender_user": {"id": 9, "is_bot": False, "first_name": "O"}}
BY_A_CHANNEL = {"type": "channel", "date": int(NOW.timestamp()), "chat": A_CHANNEL, "message_id": 3}

Way = Callable[[Sender, str], dict[str, Any]]


def way(as_what: str = "message", **more: Any) -> Way:
    def come(sender: Sender, said: str) -> dict[str, Any]:
        return {as_what: message_from(sender.user, said, chat=sender.chat, **{"kind": sender.kind, **more})}

    return come


def named(bot: str) -> Way:
    def come(sender: Sender, said: str) -> dict[str, Any]:
        command, *words = said.split(" ")
        return way()(sender, " ".join([f"{command}@{bot}", *words]))

    return come


def as_the_group(sender: Sender, said: str) -> dict[str, Any]:
    itself = {"id": sender.chat, "type": sender.kind, "title": "x"}
    return way(sender=GROUP_BOT, sender_chat=itself)(sender, said)


OWN_WORDS: dict[str, Way] = {"typed": way(), "sent three minutes ago": way(at=NOW - timedelta(minutes=3))}
ADDRESSED: dict[str, Way] = {"with the bot's name": named("kunjiBOT"), "for another bot": named("OtherBot")}
NOT_THEIR_OWN: dict[str, Way] = {
    "edited": way("edited_message", edit_date=int(NOW.timestamp())),
    "forwarded": way(forward_origin=BY_A_USER),
    "through another bot": way(via_bot=ANOTHER_BOT),
}
UNSEEN: dict[str, Way] = {
    "by an anonymous admin": as_the_group,
    "in a channel's name": way(sender=CHANNEL_BOT, sender_chat=A_CHANNEL),
    "by a linked channel": way(
        sender=SERVICE, sender_chat=A_CHANNEL, is_automatic_forward=True, forward_origin=BY_A_CHANNEL
    ),
    "by another bot": way(sender=ANOTHER_BOT),
    "by Telegram": way(sender=SERVICE),
    "to a business": way("business_message", business_connection_id="b"),
    "to a business, edited": way("edited_business_message", business_connection_id="b"),
    "to a business, as a message": way(business_connection_id="b"),
    "by a business's bot": way(sender_business_bot=ANOTHER_BOT),
    "as a guest": way("guest_message", guest_query_id="g"),
    "as a guest, as a message": way(guest_query_id="g"),
    "as a channel post": way("channel_post", kind="channel", sender_chat=A_CHANNEL),
    "as an edited channel post": way("edited_channel_post", kind="channel", sender_chat=A_CHANNEL),
}
WAYS = OWN_WORDS | NOT_THEIR_OWN | UNSEEN
COMMAND_WAYS = WAYS | ADDRESSED


@dataclass(frozen=True)
class Press:
    """What is odd about it."""

    spoilt: bool = False
    by_another: bool = False
    seconds_left: int = 300
    account: str | None = None
    action: str | None = None
    before: int = 0
    """How often the same button was pressed already."""
    refused: bool = False
    """Telegram says that the press is too old to be answered."""
    message: str = "shown"
    by_a_bot: bool = False


PRESSES = {
    "as it was given": Press(),
    "forged": Press(spoilt=True),
    "made for another user": Press(by_another=True),
    "of an action that is gone": Press(action="gone"),
    "for an account that is gone": Press(account="gone"),
    "for somebody else's account": Press(account="hidden"),
    "expired": Press(seconds_left=0),
    "pressed again": Press(before=1),
    "pressed long ago": Press(refused=True),
    "under a message too old to be shown": Press(message="too old"),
    "under an inline message": Press(message="inline"),
    "pressed by a bot": Press(by_a_bot=True),
}
