"""Where a message comes from and what it says at its beginning; pure functions.

Who may do what is none of its business.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import takewhile

from telegram import Message, MessageEntity

NOT_PEOPLE = frozenset({1087968824, 136817688, 777000})
"""Accounts behind which Telegram hides somebody: anonymous admins, channels, its own service."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was typed; `addressee` is the bot it names, or empty."""

    name: str
    addressee: str
    words: tuple[str, ...]
    """What follows."""


def is_from_a_person(message: Message) -> bool:
    """Written by somebody who can be told apart, and not on behalf of a business or as a guest."""
    sender = message.from_user
    if sender is None or sender.is_bot or sender.id in NOT_PEOPLE or message.sender_chat is not None:
        return False
    on_behalf = (
        message.business_connection_id,
        message.sender_business_bot,
        message.guest_query_id,
        message.guest_bot_caller_user,
        message.guest_bot_caller_chat,
    )
    return not any(on_behalf)


def was_passed_on(message: Message) -> bool:
    """Forwarded, or made through another bot: its words are not its sender's."""
    return bool(message.forward_origin or message.via_bot or message.is_automatic_forward)


def command_in(message: Message) -> Typed | None:
    """The command a message begins with, as Telegram marked it."""
    first = message.entities[0] if message.entities else None
    if first is None or first.type != MessageEntity.BOT_COMMAND or first.offset != 0 or not message.text:
        return None
    name, _, addressee = message.text[1 : first.length].lower().partition("@")
    return Typed(name, addressee, tuple(message.text.split()[1:]))


def command_meant(said: str, commands: Collection[str], may_follow: Collection[str]) -> str | None:
    """The command whose slash was left out, with what follows as far as it is known: the rest may be secret."""
    first, *rest = said.lower().split() or [""]
    if first not in commands:
        return None
    return " ".join((f"/{first}", *takewhile(lambda word: word in may_follow, rest)))
