"""The life of a token, as pure functions of the token, what is remembered, and `now`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from bot import budget
from bot.store import AccountNote, HeldToken
from bot.trading import Hours, Rules, TradingDays, at, ist
from brokers import Broker
from handlers.tokens import State

BEFORE_EXPIRY = timedelta(minutes=10)
"""How long before an expiry in mid-trading, or of a renewable token, a new one is fetched."""
LOOK_AHEAD_DAYS = 15
"""No holiday is longer; a login further away is planned when it comes nearer."""


@dataclass(frozen=True, slots=True)
class Account:
    """One configured account, ready to use."""

    name: str
    title: str
    """The broker's."""
    broker: Broker[Any]
    login: str
    """`auto`, `assisted` or `unofficial`."""
    morning: time
    """IST."""
    fingerprint: str
    """Changes when the credentials do."""

    @property
    def logs_in_by_itself(self) -> bool:
        return self.login != "assisted"


def is_live(held: HeldToken | None, now: datetime) -> bool:
    """A token a program may use: its time is not up, and the broker has not said that it is dead."""
    return held is not None and held.rejected_at is None and now < held.token.expires_at


def outlives_today(held: HeldToken | None, now: datetime, hours: Hours) -> bool:
    """A proven live token that lasts beyond today's trading: a refresh gains little and ends it in every program."""
    if held is None or not held.proven or not is_live(held, now):
        return False
    return held.token.expires_at > at(ist(now).date(), hours.trading_ends)


@dataclass(frozen=True, slots=True)
class Standing:
    """An account at a moment."""

    account: Account
    held: HeldToken | None
    note: AccountNote
    now: datetime

    @property
    def live(self) -> HeldToken | None:
        """The token, if programs can use it."""
        return self.held if is_live(self.held, self.now) else None


def state(one: Standing, warn_before: timedelta) -> State:
    if one.note.paused:
        return State.PAUSED
    if one.held is None:
        return State.MISSING
    expires_at = one.held.token.expires_at
    if one.now >= expires_at:
        return State.EXPIRED
    if one.held.rejected_at is not None:
        return State.REJECTED
    return State.EXPIRING if one.now >= expires_at - warn_before else State.FRESH


def next_login(one: Standing, rules: Rules) -> datetime | None:
    """When a login is due by itself; a moment not after `now` means at once. None: none is planned."""
    note, fingerprint = one.note, one.account.fingerprint
    if note.paused or budget.spent(note, fingerprint):
        return None
    due = _due(one, rules)
    if due is None:
        return None
    gap = budget.waits_until(note.last_login_at, one.account.broker.login_gap, one.now)
    retry = budget.waits_until(note.retry_at, timedelta(0), one.now)
    return max(moment for moment in (due, gap, retry) if moment is not None)


def _due(one: Standing, rules: Rules) -> datetime | None:
    if one.live is not None and one.live.token.renewable:
        renewal = next_renewal(one.live, one.account.morning)
        # Where tokens end at a fixed hour a renewal gains nothing before it; what is wanted then is a login.
        if one.account.broker.expiry(max(renewal, one.now)) > one.live.token.expires_at:
            return renewal
    if not one.account.logs_in_by_itself:
        return None
    return _next_wanted(one, rules, one.account.morning, until=rules.hours.trading_ends)


def next_asking(one: Standing, rules: Rules) -> datetime | None:
    """When the admin of an account that needs one is next asked to log in; None: not in sight."""
    if one.account.logs_in_by_itself or one.note.paused:
        return None
    return _next_wanted(one, rules, rules.hours.ask_at, until=rules.hours.trading_starts)


def next_renewal(held: HeldToken, morning: time) -> datetime:
    """A renewable token is renewed every morning, trading or not: one missed day breaks the chain. And always before
    it expires, so that renewing does not creep into the trading hours from day to day."""
    issued = held.token.issued_at
    first = at(ist(issued).date(), morning)
    if first <= issued:
        first = at(ist(issued).date() + timedelta(days=1), morning)
    return min(first, held.token.expires_at - BEFORE_EXPIRY)


def _next_wanted(one: Standing, rules: Rules, start: time, *, until: time) -> datetime | None:
    """When a new token is wanted: from `start` (IST) on the first day that trades and that the held one does not
    outlive. A start missed today is made up until `until`."""
    for day in _days_that_trade(ist(one.now).date(), rules.days):
        begins, ends = at(day, start), at(day, rules.hours.trading_ends)
        if one.now >= at(day, until):
            continue
        if one.live is None:
            if _replaced_already(one, day):
                continue
            return max(begins, one.now)
        token = one.live.token
        if token.expires_at > ends:
            continue
        wanted = begins if token.issued_at < begins else token.expires_at - BEFORE_EXPIRY
        if one.account.broker.expiry(max(wanted, one.now)) > token.expires_at:
            return wanted
    return None


def _replaced_already(one: Standing, day: date) -> bool:
    """A token found dead before its time is replaced by itself once a trading day; the next time somebody else logs in
    to this account, and two programs would end each other's tokens for ever."""
    return one.held is not None and one.held.rejected_at is not None and one.note.replaced_on == day


def _days_that_trade(first: date, days: TradingDays) -> Iterator[date]:
    for ahead in range(LOOK_AHEAD_DAYS):
        day = first + timedelta(days=ahead)
        if days.may_trade(day):
            yield day
