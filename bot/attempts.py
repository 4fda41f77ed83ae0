"""One attempt at a broker: noted on disk before anything is sent, its end noted after it, whatever the end is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from bot import budget
from bot.keeping import Keeping
from bot.life import Account
from bot.reports import Reports
from bot.store import AccountNote, HistoryRow, Superseded
from brokers import (
    BrokerUnreachable,
    Clock,
    CodeRejected,
    KunjiError,
    RateLimited,
    UnexpectedReply,
    WrongClient,
    nothing,
)

T = TypeVar("T")
SILENT = BrokerUnreachable, RateLimited, UnexpectedReply
"""Nothing was said of the credentials."""


class Attempts:
    """The caller holds the account's lock."""

    def __init__(self, kept: Keeping, reports: Reports, clock: Clock) -> None:
        self._kept = kept
        self._reports = reports
        self._clock = clock

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

        def note_it() -> None:
            nonlocal noted
            if not noted:
                self._kept.begin(account, lambda note: budget.begun(note, self._clock.now()))
                noted = True

        account.broker.before_sending = note_it
        try:
            yield
        finally:
            account.broker.before_sending = nothing

    def failed(self, account: Account, error: KunjiError, who: str, way: str, started: float | None = None) -> None:
        """Leave the row, count what counts, and tell what somebody has to know. `started` is monotonic."""
        self._reports.history(self.row(account, who, way, started, type(error).__name__))
        now, by_hand = self._clock.now(), way == "exchange"

        def count(note: AccountNote) -> AccountNote:
            return budget.failed(note, account.fingerprint, error, now, by_hand=by_hand)

        # Told before it counts: what counted and was not told would stop the account in silence.
        stops = budget.spent(count(self._kept.note(account.name)), account.fingerprint)
        if isinstance(error, WrongClient):
            self._reports.tell("wrong_client", account)
        elif stops and who != "admin" and not isinstance(error, SILENT):
            self._reports.refused(account, str(error), code=isinstance(error, CodeRejected))
        self._kept.end(account, count)
        if isinstance(error, SILENT):
            self._reports.unreachable(account, error)

    def row(self, account: Account, who: str, way: str, started: float | None, outcome: str) -> HistoryRow:
        seconds = 0.0 if started is None else round(self._clock.monotonic() - started, 3)
        return HistoryRow(account.name, self._clock.now(), who, way, seconds, outcome)
