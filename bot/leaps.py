"""The moments of the demo that are worth going to: a token about to expire, and the morning of a trading day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.sandbox import Leap
from bot.trading import Hours, TradingDays, at, ist
from bot.works import Works


def leaps(works: Works) -> list[Leap]:
    now, hours = works.clock.now(), works.config.hours
    kept = [works.store.load(account.name) for account in works.config.accounts]
    warned = [one.token.expires_at - hours.warn_before for one in kept if one is not None]
    next_warning = min((moment for moment in warned if moment > now), default=None)
    days = TradingDays(works.config.extra_trading_days, works.config.extra_holidays)
    return [
        Leap("Two hours before the next expiry", next_warning.timestamp() if next_warning else None),
        Leap(f"{hours.morning:%H:%M} of the next trading day", next(_mornings(now, hours, days)).timestamp()),
    ]


def _mornings(now: datetime, hours: Hours, days: TradingDays) -> Iterator[datetime]:
    """Those to come, without end."""
    day = ist(now).date()
    while True:
        if days.may_trade(day) and (morning := at(day, hours.morning)) > now:
            yield morning
        day += timedelta(days=1)
