"""What the chat page cannot know by itself: who is in the chats, and which moments are worth going to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a private chat of their own."""

    chat: int
    name: str
    role: str
    """In a word or two, for who looks on."""


@dataclass(frozen=True, slots=True)
class Leap:
    """A moment to which time can be moved."""

    label: str
    at: float | None
    """Unix; None while there is no such moment."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a made-up client types on a broker's page."""

    broker: str
    client_id: str
    password: str


@dataclass(frozen=True, slots=True)
class Scene:
    """The first of the people is always in view."""

    people: tuple[Person, ...]
    logins: tuple[Login, ...] = ()
    leaps: Callable[[], Sequence[Leap]] = tuple
