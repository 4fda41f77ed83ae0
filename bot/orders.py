"""Orders that ended are told in the chat, by the word of the broker's own book.

A postback is no more than a hint that something became of an order: anybody may have sent it. The hints of an account
are gathered, one read of its book serves them all, and what is told is what the book says. How a book is read or a
message sent is no business of this module.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from bot.accounts import NoLiveToken
from bot.store import AccountNote, Alert, Store, StoreError
from bot.trading import ist
from brokers import Clock, KunjiError, Order
from handlers.tokens import OrderBook

log = logging.getLogger(__name__)

LOOK_EVERY = 1
"""Seconds. So long hints are gathered, so rarely a book is read, and so rarely something is told."""
HINTS_KEPT = 500
"""Of one account; the newest stay."""
TOLD_KEPT = 200
READ_AGAIN = (2.0, 5.0, 15.0)
"""Seconds until a book is read again that could not be read, or in which an order is not over yet: a postback may be
ahead of the book. After the last of them the hint is dropped; that a book could not be read is told once a day."""
TOKEN_PATIENCE = 5.0
"""Seconds between two tries while there is no live token."""
DAY_BEGINS = timedelta(hours=6)
"""After midnight in India. Until then a broker may still show the orders of the day before."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Tell(Protocol):
    def __call__(self, *alerts: Alert) -> None: ...


@dataclass(slots=True, eq=False)
class _Hint:
    due: float
    reads: int = 0
    """How many have found nothing."""


Hints = dict[str, _Hint]
"""By order, the newest last."""


@dataclass(slots=True)
class _Desk:
    """An account's day."""

    day: date
    hints: Hints = field(default_factory=dict)
    reading: bool = False
    failures: int = 0
    """Reads in a row that failed."""
    told_unread: bool = False
    """That hints were dropped is told once a day."""
    not_before: float = 0.0

    def forget(self, hints: Hints) -> None:
        """But not what was hinted anew meanwhile."""
        for order, hint in hints.items():
            if self.hints.get(order) is hint:
                del self.hints[order]


class OrderWatch:
    """`hint` may be called from any thread and returns at once; `look` is to be called every `LOOK_EVERY` seconds."""

    def __init__(
        self,
        read: Callable[[str], OrderBook],
        store: Store,
        clock: Clock,
        *,
        tell: Tell,
        messages: Mapping[str, str],
        executor: Executor,
    ) -> None:
        """`read` gives an account's book, or raises KunjiError. `messages`: for each way an order ends whether it is
        told: `on`, `silent` or `off`. `executor` is where brokers are asked."""
        self._read = read
        self._clock = clock
        self._executor = executor
        self._endings = _Endings(store, clock, tell, messages)
        self._lock = threading.Lock()
        self._desks: dict[str, _Desk] = {}

    def hint(self, account: str, order: str) -> None:
        """Something became of this order, somebody says."""
        with self._lock:
            hints = self._desk(account).hints
            hints.pop(order, None)
            hints[order] = _Hint(self._clock.monotonic())
            if len(hints) > HINTS_KEPT:
                del hints[next(iter(hints))]
                log.debug("%s: too many hints; the oldest is dropped", account)

    def look(self) -> None:
        """Tell what was read, and begin to read where there is a reason to."""
        self._endings.tell_all()
        with self._lock:
            desks = {account: self._desk(account) for account in self._desks}
        for account, desk in desks.items():
            if wanted := self._wanted(account, desk):
                self._executor.submit(self._read_for, account, desk, wanted)

    def _desk(self, account: str) -> _Desk:
        """Today's: what was hinted yesterday is in no book any more."""
        today = _day(self._clock.now())
        desk = self._desks.get(account)
        if desk is None or desk.day != today:
            desk = self._desks[account] = _Desk(today)
        return desk

    def _wanted(self, account: str, desk: _Desk) -> Hints:
        """The orders to look for now; none if there is no reason to look."""
        if not desk.hints:
            return {}
        told, now = self._endings.told(account), self._clock.monotonic()
        with self._lock:
            for order in desk.hints.keys() & told.keys():
                del desk.hints[order]
            if desk.reading or now < desk.not_before or all(now < hint.due for hint in desk.hints.values()):
                return {}
            desk.reading = True
            return dict(desk.hints)

    # On a thread of the executor

    def _read_for(self, account: str, desk: _Desk, wanted: Hints) -> None:
        try:
            book = self._read(account)
        except NoLiveToken:
            desk.not_before = self._clock.monotonic() + TOKEN_PATIENCE
        except KunjiError as error:
            self._failed(account, desk, wanted, str(error))
        except Exception:
            log.exception("%s: the orders could not be read", account)
            self._failed(account, desk, wanted, "a fault of ours")
        else:
            self._found(account, desk, wanted, book.orders)
        finally:
            desk.reading = False

    def _found(self, account: str, desk: _Desk, wanted: Hints, book: Iterable[Order]) -> None:
        ended = {order.id: order for order in book if order.id in wanted and order.end is not None}
        self._endings.add(account, ended.values())
        with self._lock:
            desk.failures = 0
            for order, hint in wanted.items():
                if order in ended or hint.reads == len(READ_AGAIN):
                    desk.forget({order: hint})
                else:
                    hint.due = self._clock.monotonic() + READ_AGAIN[hint.reads]
                    hint.reads += 1

    def _failed(self, account: str, desk: _Desk, wanted: Hints, why: str) -> None:
        with self._lock:
            if desk.failures < len(READ_AGAIN):
                desk.not_before = self._clock.monotonic() + READ_AGAIN[desk.failures]
                desk.failures += 1
                return
            desk.failures = 0
            desk.forget(wanted)
            is_news, desk.told_unread = not desk.told_unread, True
        if is_news:
            self._endings.tell_unread(account, why)
        log.warning("%s: %d hints of orders are dropped, as the book cannot be read: %s", account, len(wanted), why)


class _Endings:
    """Tells how orders ended: of each once, over restarts. `add` and `tell_unread` may be called from any thread, the
    rest from one."""

    def __init__(self, store: Store, clock: Clock, tell: Tell, messages: Mapping[str, str]) -> None:
        self._store = store
        self._clock = clock
        self._tell = tell
        self._messages = messages
        self._lock = threading.Lock()
        self._new: list[tuple[str, Order]] = []
        self._told: dict[tuple[str, date], dict[str, None]] = {}
        """Orders that were told, by account and day, the newest last."""

    def add(self, account: str, orders: Iterable[Order]) -> None:
        with self._lock:
            self._new += [(account, order) for order in orders]

    def told(self, account: str) -> dict[str, None]:
        """Today's orders that were told, also before a restart."""
        today = _day(self._clock.now())
        if (account, today) not in self._told:
            self._told = {key: told for key, told in self._told.items() if key[1] == today}
            self._told[account, today] = self._remembered(account, today)
        return self._told[account, today]

    def tell_all(self) -> None:
        """What came since the last time, as one message, but for what a later read found again. It is remembered once
        it lies in the outbox: twice is better than never."""
        with self._lock:
            came, self._new = self._new, []
        new = {(account, order.id): order for account, order in came if order.id not in self.told(account)}
        if not new:
            return
        in_order = sorted(new.items(), key=lambda one: one[1].at or LONG_AGO)
        self._tell(*(self._alert(account, order) for (account, _), order in in_order if self._how(order) != "off"))
        self._remember(new)

    def tell_unread(self, account: str, why: str) -> None:
        """Orders may have ended of which nothing will be told."""
        if any(how != "off" for how in self._messages.values()):
            self._tell(Alert("orders_unread", self._clock.now(), account, {"reason": why}))

    def _how(self, order: Order) -> str:
        return self._messages[str(order.end)]

    def _alert(self, account: str, order: Order) -> Alert:
        facts: dict[str, str | int | float | bool | None] = {
            "symbol": order.symbol,
            "side": order.side,
            "quantity": order.quantity,
            "filled": order.filled,
            "price": None if order.price is None else str(order.price),
            "average_price": None if order.average_price is None else str(order.average_price),
            "reason": order.reason,
        }
        return Alert(f"order_{order.end}", self._clock.now(), account, facts, loud=self._how(order) == "on")

    def _remembered(self, account: str, today: date) -> dict[str, None]:
        try:
            note = self._store.note(account)
        except StoreError as error:
            log.warning("%s: it is not known which orders were told before: %s", account, error)
            return {}
        return dict.fromkeys(note.orders_told if note.orders_on == today else ())

    def _remember(self, new: Collection[tuple[str, str]]) -> None:
        for account, order in new:
            self.told(account)[order] = None
        today = _day(self._clock.now())
        try:
            self._store.update({account: _noting(today, self.told(account)) for account, _ in new})
        except StoreError as error:
            log.warning("it could not be kept which orders were told: %s", error)


def _day(now: datetime) -> date:
    return (ist(now) - DAY_BEGINS).date()


def _noting(day: date, told: Iterable[str]) -> Callable[[AccountNote], AccountNote]:
    newest = tuple(told)[-TOLD_KEPT:]
    return lambda note: replace(note, orders_on=day, orders_told=newest)
