"""What the life of a token leaves behind: rows of history, and alerts that are told once and not every time.

A report never stops the work it reports on: where the store will not take it, that is logged and told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.life import Account
from bot.store import AccountNote, Alert, BotNote, HistoryRow, Store, StoreError
from brokers import WORTH_TELLING as WRONG_BY
from brokers import Clock, Drift, KunjiError

log = logging.getLogger(__name__)

UNREACHABLE_FOR = timedelta(minutes=10)
"""After so long without an answer the admin is told."""

Tell = Callable[..., None]
"""Takes alerts; those of one call belong together."""


class Reports:
    def __init__(self, store: Store, clock: Clock, drift: Drift, tell: Tell) -> None:
        self._store = store
        self._clock = clock
        self._drift = drift
        self._tell = tell

    def tell(
        self, kind: str, account: Account | None, *, loud: bool = True, **facts: str | float | bool | None
    ) -> None:
        self._tell(Alert(kind, self._clock.now(), account.name if account else None, facts, loud))

    def history(self, account: Account, who: str, way: str, seconds: float, outcome: str) -> None:
        """Leave a row; `seconds` is how long it took."""
        log.info("%s: %s asked by %s: %s after %.1f s", account.name, way, who, outcome, seconds)
        at = self._clock.now()
        try:
            self._store.record(HistoryRow(account.name, at, who, way, round(seconds, 3), outcome))
        except StoreError as error:
            self.store_fault(error)

    def store_fault(self, error: StoreError) -> None:
        log.error("the store failed: %s", error)
        self.tell("store", None, fault=str(error))

    def refused(self, account: Account, reason: KunjiError, *, code: bool) -> None:
        self.tell("refused", account, reason=str(reason), code=code, blocked_until_human=True)

    def unreachable(self, account: Account, reason: KunjiError) -> None:
        """The broker did not answer, or not sensibly. Told once it has lasted."""
        now, told = self._clock.now(), False

        def remember(note: AccountNote) -> AccountNote:
            nonlocal told
            since = note.unreachable_since or now
            told = not note.unreachable_told and now - since >= UNREACHABLE_FOR
            return replace(note, unreachable_since=since, unreachable_told=note.unreachable_told or told)

        note = self._change(account, remember)
        if told and note is not None and note.unreachable_since is not None:
            self.tell("unreachable", account, since=iso(note.unreachable_since), reason=str(reason))

    def reachable(self, account: Account) -> None:
        """The broker answered, whatever it said."""
        before = self._store.note(account.name)
        if before.unreachable_since is None:
            return
        self._change(account, lambda note: replace(note, unreachable_since=None, unreachable_told=False))
        if before.unreachable_told:
            self.tell("reachable", account, loud=False, since=iso(before.unreachable_since))

    def clock(self) -> None:
        """Tell once that this machine's clock is wrong, by the brokers' word."""
        error = self._drift.error()
        if error is None:
            return
        wrong, told = abs(error) > WRONG_BY, False

        def remember(note: BotNote) -> BotNote:
            nonlocal told
            told = wrong and not note.clock_told
            return replace(note, clock_told=wrong)

        if self._store.bot_note().clock_told != wrong:
            self._store.update_bot(remember)
        if told:
            self.tell("clock", None, seconds=round(error.total_seconds(), 1))

    def _change(self, account: Account, change: Callable[[AccountNote], AccountNote]) -> AccountNote | None:
        try:
            return self._store.update({account.name: change})[account.name]
        except StoreError as error:
            self.store_fault(error)
            return None


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
