"""What an alert knows, put into words. Facts come from the outbox, perhaps written by an older version: one that is
missing leaves a gap, never an error.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from handlers.text.parts import UNKNOWN, esc, rupees, when
from handlers.tokens import AlertLike


def fact(alert: AlertLike, key: str) -> str:
    found = alert.facts.get(key)
    return UNKNOWN if found is None else esc(found)


def moment(alert: AlertLike, key: str) -> datetime | None:
    found = alert.facts.get(key)
    try:
        at = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)


def when_of(alert: AlertLike, key: str, now: datetime) -> str:
    at = moment(alert, key)
    return when(at, now) if at is not None else "an unknown time"


def money(alert: AlertLike, key: str) -> str | None:
    try:
        return rupees(Decimal(str(alert.facts[key])))
    except (KeyError, InvalidOperation):
        return None
