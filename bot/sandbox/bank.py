"""What the stand-in for any broker keeps: its clients, the rules it goes by, and what a login leaves behind.

Every broker's own `Client`, `Rules` and `Bank` build on these. No HTTP, no wording of answers.
"""

from __future__ import annotations

import hmac
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Generic, TypeVar

from bot.sandbox import totp
from bot.sandbox.india import IST

Limits = tuple[tuple[float, int], ...]
"""Calls allowed, as (seconds, calls)."""
Row = dict[str, Any]
SATURDAY = 5
MADE_BY = time(9, 30)
"""When every made-up order of a day has been placed, in India."""
MADE_UP = {"book_of", "make_orders"}


@dataclass(slots=True)
class Paces:
    """When calls came in lately, by their kind."""

    _past: dict[str, deque[float]] = field(default_factory=dict)

    def allow(self, kind: str, limits: Limits, at: float) -> bool:
        """Count a call if it is allowed."""
        past = self._past.setdefault(kind, deque())
        longest = max(seconds for seconds, _ in limits)
        while past and past[0] <= at - longest:
            past.popleft()
        if any(sum(1 for moment in past if moment > at - seconds) >= most for seconds, most in limits):
            return False
        past.append(at)
        return True


@dataclass(slots=True, kw_only=True)
class BaseClient:
    """One account at a broker."""

    totp_secret: str
    blocked: bool = False
    holdings: list[dict[str, Any]] = field(default_factory=list)
    positions: list[dict[str, Any]] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    make_orders: Callable[[date], list[Row]] | None = None
    """What is in the book by then on a day on which somebody trades; None: it is as it was given."""
    book_of: tuple[date, bool] | None = None
    """The day that the book is of, and whether what was made up is in it."""
    postback_url: str | None = None
    """Where what becomes of an order is posted to."""

    used_windows: set[int] = field(default_factory=set)
    granted: int = 0
    refused: int = 0

    def book(self, now: datetime) -> list[Row]:
        """The order book, which begins anew every day."""
        of = now.date(), now.weekday() < SATURDAY and now.time() >= MADE_BY
        if self.make_orders is not None and self.book_of != of:
            kept = self.orders if self.book_of is not None and self.book_of[0] == of[0] else []
            self.orders = [*(self.make_orders(of[0]) if of[1] else []), *kept]
            self.book_of = of
        return self.orders


@dataclass(slots=True, kw_only=True)
class BaseRules:
    """What is not published, or can be so or so. Changed through the stand-in's `rules`."""

    windows_either_side: int = 1
    codes_once: bool = True
    """A TOTP window that was accepted is refused from then on."""
    refusals_until_blocked: int = 5
    """So many in a row."""
    pace: bool = True
    """Hold the calls per second and so on to the broker's limits."""


C = TypeVar("C", bound=BaseClient)
R = TypeVar("R", bound=BaseRules)


@dataclass(slots=True)
class BaseBank(Generic[C, R]):
    """The clients and the rules that all doors of a broker go by."""

    unix: Callable[[], float]
    rules: R
    lock: threading.RLock = field(default_factory=threading.RLock)
    clients: dict[str, C] = field(default_factory=dict)

    def book(self, client: C) -> list[Row]:
        return client.book(datetime.fromtimestamp(self.unix(), IST))

    def take_code(self, client: C, code: str) -> bool:
        """Whether the TOTP code is right, and not used before where it works once. Then it is used up."""
        window = totp.window_of(client.totp_secret, code, self.unix(), self.rules.windows_either_side)
        if window is None or (self.rules.codes_once and window in client.used_windows):
            return False
        client.used_windows.add(window)
        return True

    def refuse(self, client: C, in_a_row: int, with_sample: str) -> str:
        """Count a refused login, which may block the client; the sample that refuses it."""
        client.refused += 1
        client.blocked = client.blocked or in_a_row >= self.rules.refusals_until_blocked
        return with_sample


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
