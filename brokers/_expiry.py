"""When a token stops working, as a rule on when it was issued."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30), "IST")
"""India has had one zone and no daylight saving since 1945; a fixed offset needs no zone database."""

Expiry = Callable[[datetime], datetime]


def lasting(life: timedelta) -> Expiry:
    """So long after issue."""
    return lambda issued_at: (issued_at + life).astimezone(UTC)


def daily(hour: int) -> Expiry:
    """At the next `hour` o'clock IST strictly after issue."""

    def expires(issued_at: datetime) -> datetime:
        at = issued_at.astimezone(IST).replace(hour=hour, minute=0, second=0, microsecond=0)
        return (at if at > issued_at else at + timedelta(days=1)).astimezone(UTC)

    return expires
