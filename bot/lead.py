"""Whether this process leads, as far as is known at a moment, without asking anybody: whoever is about to act for all
compares two numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from enum import StrEnum

from bot.store import Roll
from bot.store.crew import LEAD


def awake() -> float:
    """Seconds that go on while the machine sleeps, where the system counts such: whoever was asleep must know."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class Place(StrEnum):
    STANDING_BY = "standing by"
    LEADING = "leading"
    UNSURE = "unsure"
    """It led, and was paused or is kept waiting: somebody else may lead by now. Nothing is done until that is known."""
    ADRIFT = "adrift"
    """It led, and the store answers nobody here. It goes on answering in the chat until somebody else shows."""


class Lead:
    """At any moment at most one process is `LEADING`: it counts from before it asked, and the store from after."""

    def __init__(self, clock: Callable[[], float] = awake, lease: float = LEAD) -> None:
        """`lease`: the seconds for which the store's word counts."""
        self._clock = clock
        self._lease = lease
        self._until = self._cut_off_until = -math.inf
        self.called = False
        """It was told to lead, and nothing has ended that."""

    def heard(self, roll: Roll, asked_at: float, *, succeeded: bool = False) -> None:
        """The store's answer to a question of that moment. `succeeded`: somebody else has led meanwhile, so that what
        was begun before is to end first."""
        self.called = roll.leads and not succeeded
        self._until = asked_at + self._lease if self.called else -math.inf

    def missed(self, asked_at: float) -> None:
        """The store did not answer. Nothing follows if it was asked before the lead was over, or if this process may
        have been paused over the question."""
        now = self._clock()
        if asked_at >= self._until and now - asked_at < self._lease:
            self._cut_off_until = now + self._lease

    def met_rival(self) -> None:
        """Telegram shows that somebody else asks for the updates. One who surely leads need not yield."""
        if not self.leads():
            self.called = False

    def lapses(self, at: float) -> bool:
        """It was called, and may have been succeeded by that moment."""
        return self.called and at >= self._until

    def leads(self) -> bool:
        """May act for all."""
        return self.called and self._clock() < self._until

    def place(self) -> Place:
        if not self.called:
            return Place.STANDING_BY
        now = self._clock()
        if now < self._until:
            return Place.LEADING
        return Place.ADRIFT if now < self._cut_off_until else Place.UNSURE
