"""What the life of a token leaves behind: rows of history, and alerts that are told once and not every time.

A report never stops the work it reports on: where the store will not take it, that is logged and told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from bot import budget
from bot.life import Account
from bot.store import AccountNote, Alert, BotNote, HeldToken, HistoryRow, Store, StoreError
from brokers import WORTH_TELLING as WRONG_BY
from brokers import Clock, Drift, KunjiError

log = logging.getLogger(__name__)

UNREACHABLE_FOR = timedelta(minutes=10)
"""After so long without an answer the admin is told."""
FAULT_AGAIN_AFTER = timedelta(minutes=30)
RIGHT_WITHIN = WRONG_BY - timedelta(seconds=1)
"""In between, a clock stays what it was: one that is wrong by 5 s is measured as a little more or less each time."""

Tell = Callable[..., None]
"""Takes alerts; those of one call belong together."""


class Reports:
    def __init__(self, store: Store, clock: Clock, drift: Drift, tell: Tell, machine: str = "") -> None:
        """`machine`: the name of this one, where there are others."""
        self._store = store
        self._machine = machine
        self._clock = clock
        self._drift = drift
        self._tell = tell
        self._fault_told: datetime | None = None
        self.on_history: Callable[[HistoryRow], None] = lambda _: None
        """Called with every row."""

    def tell(
        self, kind: str, account: Account | None, *, loud: bool = True, **facts: str | float | bool | None
    ) -> None:
        self._tell(Alert(kind, self._clock.now(), account.name if account else None, facts, loud))

    def dead(self, account: Account, held: HeldToken) -> None:
        """A token was found dead, and nothing follows by itself."""
        try:
            held_back = budget.held_back_by(self._store.note(account.name), account.fingerprint)
        except StoreError:
            held_back = None
        expires_at = iso(held.token.expires_at)
        self.tell("dead", account, expires_at=expires_at, login=account.login, held_back=held_back)

    def history(self, row: HistoryRow) -> None:
        """Leave a row."""
        log.info("%s: %s asked by %s: %s after %.1f s", row.account, row.way, row.who, row.outcome, row.seconds)
        self.on_history(row)
        with self._unharmed():
            self._store.record(row)

    def store_fault(self, error: StoreError) -> None:
        log.error("the store failed: %s", error)
        now = self._clock.now()
        if self._fault_told is None or not self._fault_told <= now < self._fault_told + FAULT_AGAIN_AFTER:
            self._fault_told = now
            self.tell("store", None, fault=str(error))

    def refused(self, account: Account, reason: str, *, code: bool = False, cut_off: bool = False) -> None:
        """With it is told how the token stands; one that has run out needs no alert of its own then."""
        expires_at = self._expiry(account)
        told_at = iso(expires_at) if expires_at is not None else None
        self.tell("refused", account, reason=reason, code=code, cut_off=cut_off, expires_at=told_at)
        if expires_at is not None and expires_at <= self._clock.now():
            with self._unharmed():
                self._store.update({account.name: lambda note: replace(note, expired_for=expires_at)})

    def _expiry(self, account: Account) -> datetime | None:
        """Of a token that the broker has not ended."""
        try:
            held = self._store.load(account.name)
        except StoreError:
            return None
        return held.token.expires_at if held is not None and held.rejected_at is None else None

    def unreachable(self, account: Account, reason: KunjiError) -> None:
        """The broker did not answer, or not sensibly. Told once it has lasted."""
        now = self._clock.now()

        def remember(note: AccountNote) -> AccountNote:
            since = note.unreachable_since or now
            return replace(note, unreachable_since=since, unreachable_told=now - since >= UNREACHABLE_FOR)

        with self._unharmed():
            told_before = self._store.note(account.name).unreachable_told
            note = self._store.update({account.name: remember})[account.name]
            if note.unreachable_told and not told_before:
                since = iso(note.unreachable_since or now)
                self.tell("unreachable", account, since=since, reason=str(reason))

    def reachable(self, account: Account) -> None:
        """The broker answered, whatever it said."""
        with self._unharmed():
            before = self._store.note(account.name)
            if before.unreachable_since is None:
                return
            self._store.update({account.name: lambda note: _reached(note, account.fingerprint)})
            if before.unreachable_told:
                self.tell("reachable", account, loud=False, since=iso(before.unreachable_since))

    def clock(self) -> None:
        """Tell once that this machine's clock is wrong, by the brokers' word."""
        error = self._drift.error()
        if error is None or RIGHT_WITHIN < abs(error) <= WRONG_BY:
            return
        wrong = abs(error) > WRONG_BY
        with self._unharmed():
            was_told = self._machine in self._store.bot_note().clocks_told
            if was_told != wrong and self._is_first_to_note(wrong) and wrong:
                self.tell("clock", None, seconds=round(error.total_seconds(), 1), machine=self._machine)

    def _is_first_to_note(self, wrong: bool) -> bool:
        """Others may have found the same at this moment."""
        first = False

        def remember(note: BotNote) -> BotNote:
            nonlocal first
            others = tuple(machine for machine in note.clocks_told if machine != self._machine)
            told = (*others, self._machine) if wrong else others
            first = set(told) != set(note.clocks_told)
            return replace(note, clocks_told=told) if first else note

        self._store.update_bot(remember)
        return first

    @contextmanager
    def _unharmed(self) -> Iterator[None]:
        """What is reported on goes on, whatever becomes of the report."""
        try:
            yield
        except StoreError as error:
            self.store_fault(error)


def _reached(note: AccountNote, fingerprint: str) -> AccountNote:
    """With the silence ends what it made fail, as far as that can be told from a refusal."""
    note = replace(note, unreachable_since=None, unreachable_told=False)
    if note.failures and fingerprint not in note.refused:
        return replace(note, last_failure=None, last_failure_at=None)
    return note


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
