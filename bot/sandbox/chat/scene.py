"""What the chat page cannot know by itself: who is in the chats, which moments are worth going to, what it runs on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


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
    calls_it: str = "client id"
    """What the page asks for by that."""


class Machine(Protocol):
    """Where the program runs, as whoever sits at it has it in hand."""

    @property
    def config(self) -> str:
        """The folder in which its config lies."""

    def is_locked(self) -> bool:
        """The chat is, for a lost phone."""

    def unlock(self) -> None: ...

    def pass_until(self, moment: float, /) -> None:
        """Let time pass until then (unix), and the program do what it does meanwhile."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The first of the people is always in view."""

    people: tuple[Person, ...]
    logins: tuple[Login, ...] = ()
    leaps: Callable[[], Sequence[Leap]] = tuple
    machine: Machine | None = None
