"""Whether this process leads: where several `kunji run` share a store, one polls Telegram and runs the time table.

What a leader does, and what those who stand by do, is no business of this module.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from bot.lead import Lead, Place, awake
from bot.store import BotNote, Crew, Roll, Store, StoreError

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two words of a process that it is there."""
PARTING = 1.0
"""Seconds a stop waits until the store has heard of it."""


class TakenOver(NamedTuple):
    """By their names."""

    by: str
    before: str
    """Who led, and was cut off."""


class Leadership(ABC):
    """A process's part in leading. Everything but `leads` and `place` is for the loop alone."""

    @property
    def roll(self) -> Roll | None:
        """Who was there when the store was last asked; None: nobody else can be."""
        return None

    @property
    def round_at(self) -> float | None:
        """When the store was last asked, by `awake`; None: nobody asks."""
        return None

    @abstractmethod
    def taken_over(self) -> TakenOver | None:
        """From whom, if that one did not sign off. Raises StoreError."""

    @abstractmethod
    def sign_on(self) -> None:
        """Take down in the store that this process leads. Raises StoreError."""

    @abstractmethod
    def sign_off(self) -> None:
        """Raises StoreError."""

    @abstractmethod
    def leads(self) -> bool:
        """May act for all, at this very moment. Asks nobody."""

    @abstractmethod
    def place(self) -> Place: ...

    @abstractmethod
    def met_rival(self) -> None:
        """Telegram shows somebody else."""

    @abstractmethod
    async def answers(self) -> bool:
        """Whether this process answers in the chat; waits until that is known."""

    @abstractmethod
    async def until_called(self) -> None:
        """Until this process is to lead."""

    @abstractmethod
    async def until_dismissed(self) -> None:
        """Until this process is to lead no longer."""

    @abstractmethod
    async def run(self) -> None:
        """Keep it up, until cancelled."""

    @abstractmethod
    async def give_up(self) -> None:
        """Let somebody else lead; this process will not any more."""

    @abstractmethod
    async def leave(self) -> None:
        """Be gone."""


class Alone(Leadership):
    """Nobody else has this store."""

    def taken_over(self) -> TakenOver | None:
        return None

    def sign_on(self) -> None:
        """Nobody would read it."""

    def sign_off(self) -> None:
        """Nobody would read it."""

    def leads(self) -> bool:
        return True

    def place(self) -> Place:
        return Place.LEADING

    def met_rival(self) -> None:
        """It is no other of ours."""

    async def answers(self) -> bool:
        return True

    async def until_called(self) -> None:
        """It always is."""

    async def until_dismissed(self) -> None:
        await asyncio.Event().wait()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def give_up(self) -> None:
        """There is nobody to take it."""

    async def leave(self) -> None:
        """Nobody would notice."""


class Attendance(Leadership):
    """A process's among a crew: it says every `LOOK_EVERY` seconds that it is there, and hears who leads."""

    def __init__(
        self,
        crew: Crew,
        store: Store,
        *,
        clock: Callable[[], float] = awake,
        every: float = LOOK_EVERY,
    ) -> None:
        self._crew = crew
        self._store = store
        self._mark = secrets.token_hex(8)
        self._followed: str | None = None
        self._clock = clock
        self._every = every
        self._lead = Lead(clock, crew.lease)
        self._roll: Roll | None = None
        self._round_at: float | None = None
        self._wants = True
        self._heard_at = -math.inf
        self._missing_since: float | None = None
        self._was_blind = False
        """When this one began to lead, it had itself been cut off for too long to know who else was."""
        self._said: Place | None = None
        self._news = asyncio.Event()
        # The store may keep whoever asks waiting for seconds.
        self._thread = ThreadPoolExecutor(1, "kunji-work-crew")

    @property
    def roll(self) -> Roll | None:
        return self._roll

    @property
    def round_at(self) -> float | None:
        return self._round_at

    # What the store remembers of who leads

    def taken_over(self) -> TakenOver | None:
        last, name = self._store.bot_note().led_by, self._crew.name
        mark, _, before = (last or "").partition(" ")
        # One that was killed and has begun again by itself took over from nobody, unless it saw the other lead.
        before = self._followed or (before if before != name else "")
        is_anothers = last is not None and mark != self._mark
        return TakenOver(name, before) if before and is_anothers and not self._was_blind else None

    def sign_on(self) -> None:
        self._store.update_bot(lambda note: replace(note, led_by=f"{self._mark} {self._crew.name}"))

    def sign_off(self) -> None:
        self._store.update_bot(lambda note: replace(note, led_by=None) if self._is_ours(note) else note)

    def _is_ours(self, note: BotNote) -> bool:
        return note.led_by is not None and note.led_by.startswith(self._mark)

    # Leading

    def leads(self) -> bool:
        return self._lead.leads()

    def place(self) -> Place:
        return self._lead.place()

    def met_rival(self) -> None:
        self._lead.met_rival()
        self._spread()

    async def answers(self) -> bool:
        await self._until(lambda: self.place() is not Place.UNSURE)
        return self.place() in {Place.LEADING, Place.ADRIFT}

    async def until_called(self) -> None:
        await self._until(lambda: self._lead.called)

    async def until_dismissed(self) -> None:
        await self._until(lambda: not self._lead.called)

    async def run(self) -> None:
        while True:
            await self._ask()
            self._round_at = self._clock()
            self._spread()
            await asyncio.sleep(0.0 if self._is_in_a_hurry() else self._every)

    async def give_up(self) -> None:
        self._wants = False
        await self._parting(lambda: self._crew.attend(lead=False))

    async def leave(self) -> None:
        await self._parting(self._crew.leave)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _ask(self) -> None:
        asked_at = self._clock()
        try:
            roll, succeeded = await asyncio.get_running_loop().run_in_executor(self._thread, self._attend)
        except StoreError as error:
            self._lead.missed(asked_at)
            self._miss(asked_at, str(error))
        else:
            self._lead.heard(roll, asked_at, succeeded=succeeded)
            self._take_in(roll, asked_at)
        self._say_place()

    def _attend(self) -> tuple[Roll, bool]:
        lapsed = self._lead.lapses(self._clock())
        roll = self._crew.attend(lead=self._wants)
        return roll, lapsed and roll.leads and not self._is_ours(self._store.bot_note())

    def _is_in_a_hurry(self) -> bool:
        """To know again, after a pause; or to begin anew what somebody else has done meanwhile."""
        just_succeeded = self._roll is not None and self._roll.leads and not self._lead.called
        return self._missing_since is None and (self.place() is Place.UNSURE or just_succeeded)

    def _miss(self, asked_at: float, why: str) -> None:
        if self._missing_since is None:
            self._missing_since = asked_at
            log.warning("%s; it is asked again until it answers", why)

    def _take_in(self, roll: Roll, asked_at: float) -> None:
        if self._missing_since is not None:
            log.info("the store answers again, after %.0f s", asked_at - self._missing_since)
        if not roll.leads:
            self._followed, self._was_blind = roll.leader or self._followed, False
        elif self._roll is not None and not self._roll.leads:
            self._was_blind = asked_at - self._heard_at >= self._crew.lease / 2
        self._heard_at = asked_at
        if self._said is Place.STANDING_BY and self._roll is not None and self._roll.leader != roll.leader:
            self._said = None
        self._roll, self._missing_since = roll, None

    def _say_place(self) -> None:
        place = self.place()
        if place in {self._said, Place.UNSURE}:
            return
        self._said = place
        match place:
            case Place.LEADING:
                log.info("leading as %s", self._crew.name)
            case Place.STANDING_BY:
                log.info("standing by; %s leads", (self._roll and self._roll.leader) or "nobody")
            case Place.ADRIFT:
                log.warning("adrift: the chat is answered, and nothing is done by itself, until the store answers")

    async def _parting(self, word: Callable[[], object]) -> None:
        told = asyncio.get_running_loop().run_in_executor(self._thread, word)
        with suppress(StoreError, TimeoutError):
            await asyncio.wait_for(told, PARTING)

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            await self._news.wait()

    def _spread(self) -> None:
        """Wake whoever waits for news."""
        news, self._news = self._news, asyncio.Event()
        news.set()
