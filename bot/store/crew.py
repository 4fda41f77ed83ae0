"""What several `kunji run` on one store need to share the work: who leads, who is there, which logins are to be done.

Nothing here decides what is due or does it. A lost word costs time and never a token: a login that is claimed twice is
made once, as whoever comes second finds under the account's lock that it is done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

LEAD = 9.0
"""Seconds after which somebody else may lead if the leader was not heard of."""
CLAIM = 60.0
"""Seconds after which a login that was claimed and not finished is there for the next one to claim."""


@dataclass(frozen=True, slots=True)
class Roll:
    """Who was there at one moment."""

    leads: bool
    """This one leads, for `LEAD` seconds from before it asked."""
    leader: str | None
    """The leader's name: its machine's, with the process id where two are on one machine."""
    others: tuple[str, ...]
    """Names of all the rest but this one."""


class Crew(ABC):
    """One process's place among the others. Thread-safe. Every call raises StoreError if the server does not answer."""

    name: str
    lease: float = LEAD
    """Seconds for which an answer of `attend` counts."""

    @abstractmethod
    def attend(self, *, lead: bool = True) -> Roll:
        """Be there for the next `LEAD` seconds; keep the lead, or take it if nobody has it, unless `lead` is False:
        then it is given up."""

    @abstractmethod
    def look(self) -> Roll:
        """Who is there, without being there oneself."""

    @abstractmethod
    def leave(self) -> None:
        """Be gone at once, and lead no longer. What was claimed here and not finished is free."""

    @abstractmethod
    def offer(self, accounts: Sequence[str]) -> None:
        """Their logins are due, and each is to be done by whoever claims it first. Nothing happens to one that is
        offered already."""

    @abstractmethod
    def claim(self, most: int) -> list[str]:
        """At most so many of the offered logins, for this process to do within `CLAIM` seconds."""

    @abstractmethod
    def hand_back(self, account: str) -> None:
        """It was claimed, and is not to be done here: it is there for the next one at once."""

    @abstractmethod
    def finished(self, account: str) -> None:
        """It was done or failed; nobody has to claim it any more."""

    @abstractmethod
    def offered(self) -> set[str]:
        """All that wait to be claimed, or are claimed and not finished."""
