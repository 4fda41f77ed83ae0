"""The demo's time: the moments worth going to, and the way there, on which nothing is left out.

Moved at once, time would pass over what the bot does at its own moments, such as probes, and make the rest late.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from bot.sandbox import Leap, SandboxClock
from bot.trading import Hours, TradingDays, at, ist
from bot.works import Works

NEXT = timedelta(minutes=1)
"""The step where something takes too long to wait for: no probe is missed by it."""
REST, SHORTEST, LONGEST = 0.25, 1.0, 5.0
"""Real seconds for what is under way at one stop, and for the whole way, one for each hour: what is left of it then is
passed over at once."""
LOOK_EVERY = 0.002


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


def pass_until(moment: float, clock: SandboxClock, works: Works, look: Callable[[], datetime | None]) -> None:
    """Let time pass, with a stop wherever the bot has something to do. `look` makes it do what is due, and says when
    there is more; None: it does nothing by itself now."""
    patience = time.monotonic() + min(LONGEST, max(SHORTEST, (moment - clock.unix()) / 3600))
    while clock.unix() < moment and time.monotonic() < patience:
        following = _rested(works, look)
        if following is None:
            break
        _move(clock, min(moment, following.timestamp()), works)
    if clock.unix() < moment:
        _move(clock, moment, works)


def _rested(works: Works, look: Callable[[], datetime | None]) -> datetime | None:
    """When there is more to do, once everything is done and told that was due."""
    patience = time.monotonic() + REST
    while (following := look()) is not None:
        if time.monotonic() > patience:
            return max(following, works.clock.now() + NEXT)
        if following > works.clock.now() and _is_told(works):
            return following
        time.sleep(LOOK_EVERY)
    return None


def _is_told(works: Works) -> bool:
    return all(item.parked is not None for _, item in works.store.queued())


def _move(clock: SandboxClock, moment: float, works: Works) -> None:
    """The bot's own clock hears of it a little later."""
    clock.set(max(moment, clock.unix()))
    patience, reached = time.monotonic() + REST, datetime.fromtimestamp(moment, UTC)
    while works.clock.now() < reached and time.monotonic() < patience:
        time.sleep(LOOK_EVERY)
