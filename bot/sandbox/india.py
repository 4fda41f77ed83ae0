"""Time in India, by which brokers count their days.

Written apart from the program's own, so that a fault is not on both sides.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30), "IST")


def day(unix: float) -> str:
    """As `2026-11-16`."""
    return datetime.fromtimestamp(unix, UTC).astimezone(IST).date().isoformat()


def next_after_midnight(unix: float, minutes: int = 0) -> float:
    """The first moment after that one which lies so many minutes after midnight in India."""
    moment = datetime.fromtimestamp(unix, UTC).astimezone(IST)
    sought = moment.replace(hour=minutes // 60, minute=minutes % 60, second=0, microsecond=0)
    return (sought if sought > moment else sought + timedelta(days=1)).timestamp()
