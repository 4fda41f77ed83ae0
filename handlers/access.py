"""Who may do what, by chat and by user: roles, audiences, and the rows of the command and button tables.

Pure values; `handlers.gate` holds every update against them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from telegram import Update

if TYPE_CHECKING:
    from handlers.buttons import Pressed
    from handlers.context import Context


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
