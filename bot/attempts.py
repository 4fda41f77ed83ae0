"""One attempt at a broker: noted on disk before anything is sent, its end noted after it, whatever the end is.

What was begun carries its moment in the note, and that mark tells whose it is: an end is noted once, and only for what
was begun here. What the store does not take of it is kept in mind and noted when the store is back.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bot import budget
from bot.keeping import Keeping
from bot.life import Account
from bot.reports import Reports
from bot.store import AccountNote, HistoryRow, StoreError, Superseded
from brokers import (
    BrokerUnreachable,
    Clock,
    CodeRejected,
    KunjiError,
    RateLimited,
    UnexpectedReply,
    WrongClient,
)

T = TypeVar("T")
SILENT = BrokerUnreachable, RateLimited, UnexpectedReply
"""Nothing was said of the credentials."""
PROBE = "probe"
"""The way of what is no attempt: a token was found to be another client's."""


@dataclass(slots=True)
class _End:
    """What is to be noted of an attempt that has ended."""

    account: Account
    change: Callable[[AccountNote], AccountNote]
    error: KunjiError | None
    is_told: bool
    """Whoever has to know of the error does."""


class Attempts:
    """The caller holds the account's lock."""

    def __init__(self, kept: Keeping, reports: Reports, clock: Clock) -> None:
        self._kept = kept
        self._reports = reports
        self._clock = clock
        self._begun: dict[str, datetime] = {}
        """The mark of what was begun last and has not ended; the store may not have taken it."""
        self._ends: dict[str, list[_End]] = defaultdict(list)
        """What the store has not taken yet, in order."""
        self._noting = threading.Lock()

    def make(self, account: Account, send: Callable[[], T], who: str, way: str) -> T:
        """Raises what `send` raises, and StoreError instead of sending what could not be noted."""
        started = self._clock.monotonic()
        try:
            with self._noted_when_sent(account, way):
                result = send()
        except Superseded:
            raise  # nothing was sent, and the note is that of whoever took the account over
        except KunjiError as error:
            self.failed(account, error, who, way, started)
            raise
        finally:
            self._reports.clock()
        self._reports.reachable(account)
        return result

    @contextmanager
    def _noted_when_sent(self, account: Account, way: str) -> Iterator[None]:
        """That a login was begun is on disk before its first request is sent, and not while a TOTP window is awaited.
        Asking for a consent sends nothing that could be held against the account."""
        noted = way == "login" and not account.logs_in_by_itself
        self._begun.pop(account.name, None)

        def note_it() -> None:
            nonlocal noted
            if not noted:
                self._begin(account)
                noted = True

        with account.broker.noting(note_it):
            yield

    def _begin(self, account: Account) -> None:
        self.catch_up(account.name)
        now = self._clock.now()
        self._begun[account.name] = now  # before the store is asked: it may take it, and its answer may be lost
        self._kept.begin(account, lambda note: budget.begun(note, now))

    def failed(self, account: Account, error: KunjiError, who: str, way: str, started: float | None = None) -> None:
        """Leave the row, count what counts, and tell what somebody has to know. `started` is monotonic."""
        self._reports.history(self.row(account, who, way, started, type(error).__name__))
        now, by_hand = self._clock.now(), way == "exchange"
        begun_at = None if way == PROBE else self._begun.pop(account.name, None)

        def count(note: AccountNote) -> AccountNote:
            return budget.failed(note, account.fingerprint, error, now, begun_at=begun_at, by_hand=by_hand)

        hears_it_anyway = who == "admin" and not isinstance(error, WrongClient)
        end = _End(account, count, error, is_told=hears_it_anyway)
        note = self._note if way == PROBE else self._note_in_turn
        try:
            note(end)
        except StoreError:
            end.is_told = end.is_told and not hears_it_anyway  # what is heard now is that the store failed
            raise
        if isinstance(error, SILENT):
            self._reports.unreachable(account, error)

    def granted(self, account: Account, change: Callable[[AccountNote], AccountNote]) -> None:
        """Note the end of an attempt that was granted a token. Raises StoreError."""
        begun_at = self._begun.pop(account.name, None)

        def change_later(note: AccountNote) -> AccountNote:
            return change(note) if note.begun_at == begun_at else note

        try:
            self._kept.end(account, change)
        except StoreError:
            if begun_at is not None:
                self._ends[account.name].append(_End(account, change_later, None, is_told=True))
            raise

    # What the store did not take at once

    def behind(self) -> list[str]:
        """Accounts of which something is still to be noted."""
        return [name for name, ends in list(self._ends.items()) if ends]

    def catch_up(self, name: str) -> None:
        """Note what the store would not take. Raises StoreError. Needs no account's lock, which after an outage may be
        nobody's for a minute: each end is for what was begun here alone."""
        ends = self._ends.get(name)
        if not ends:
            return
        with self._noting:
            while ends:
                self._note(ends[0])
                ends.pop(0)

    def _note_in_turn(self, end: _End) -> None:
        self._ends[end.account.name].append(end)
        self.catch_up(end.account.name)

    def _note(self, end: _End) -> None:
        """Told before it counts: what counted and was not told would stop the account in silence."""
        if not end.is_told:
            self._tell(end)
            end.is_told = True
        self._kept.change(end.account, end.change)

    def _tell(self, end: _End) -> None:
        stops = budget.spent(end.change(self._kept.note(end.account.name)), end.account.fingerprint)
        if isinstance(end.error, WrongClient):
            self._reports.tell("wrong_client", end.account)
        elif stops and not isinstance(end.error, (*SILENT, StoreError)):
            self._reports.refused(end.account, str(end.error), code=isinstance(end.error, CodeRejected))

    def row(self, account: Account, who: str, way: str, started: float | None, outcome: str) -> HistoryRow:
        seconds = 0.0 if started is None else round(self._clock.monotonic() - started, 3)
        return HistoryRow(account.name, self._clock.now(), who, way, seconds, outcome)
