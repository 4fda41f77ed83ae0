"""The hours of the trading day, in IST, and which days may trade. Reads no clock.

The calendar may silence an alert; it must never keep a proof or a login from a day that might trade. So whatever is
not certain counts as a trading day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from brokers import IST

KNOWN_YEARS = range(2001, 2027)
"""The years whose holidays the exchange had announced when this was written; what `holidays` says of later ones is
calculated, and the exchange may decide otherwise."""
SATURDAY = 5
MUHURAT = "Lakshmi"
"""On Diwali the exchange is closed but for an hour of Muhurat trading."""


@dataclass(frozen=True, slots=True)
class Hours:
    """What the admin may set about time; all times of day are IST."""

    morning: time = time(8, 45)
    """Automatic logins."""
    ask_at: time = time(8, 15)
    """Assisted accounts are asked for, again every 10 minutes until `trading_starts`."""
    ready_at: time = time(8, 55)
    """The proof that every account is ready."""
    trading_starts: time = time(9, 15)
    trading_ends: time = time(15, 30)
    warn_before: timedelta = timedelta(minutes=120)
    probe_every: timedelta = timedelta(minutes=15)
    quiet: tuple[time, time] | None = None
    """From, until; may span midnight. Alerts then make no sound."""


class TradingDays:
    """The calendar of the National Stock Exchange, as far as it is certain."""

    def __init__(self, extra_trading_days: Iterable[date] = (), extra_holidays: Iterable[date] = ()) -> None:
        """`extra_trading_days` are weekends and holidays with a session; they win over everything."""
        self._trading = frozenset(extra_trading_days)
        self._closed = frozenset(extra_holidays)
        self._holidays: dict[int, frozenset[date]] = {}

    def knows(self, year: int) -> bool:
        """Whether the exchange had announced that year's holidays."""
        return year in KNOWN_YEARS

    def may_trade(self, day: date) -> bool:
        """False only if the exchange is certainly closed."""
        if day in self._trading:
            return True
        if day.weekday() >= SATURDAY or day in self._closed:
            return False
        return not self.knows(day.year) or day not in self._holidays_of(day.year)

    def _holidays_of(self, year: int) -> frozenset[date]:
        if year not in self._holidays:
            self._holidays[year] = _certain_holidays(year)
        return self._holidays[year]


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for all accounts."""

    hours: Hours
    days: TradingDays


def _certain_holidays(year: int) -> frozenset[date]:
    import holidays  # takes long to import, and most commands need no calendar

    calendar = holidays.financial_holidays("NSE", years=year, language="en_US")
    return frozenset(day for day, name in calendar.items() if "(estimated)" not in name and MUHURAT not in name)


def ist(moment: datetime) -> datetime:
    """The same moment on an Indian clock."""
    return moment.astimezone(IST)


def at(day: date, time_of_day: time) -> datetime:
    """That time of an Indian day. Aware, UTC."""
    return datetime.combine(day, time_of_day, IST).astimezone(UTC)


def in_quiet_hours(now: datetime, quiet: tuple[time, time] | None) -> bool:
    if quiet is None:
        return False
    begins, ends = quiet
    clock = ist(now).time()
    if begins <= ends:
        return begins <= clock < ends
    return clock >= begins or clock < ends
