"""When something is said, and what it looks like then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from brokers import Consent
from handlers import text

NOW = datetime(2026, 11, 20, 3, 15, tzinfo=UTC)  # Friday, 08:45 in India
"""The moment at which everything on the page is said."""
MIDNIGHT = NOW.replace(hour=18, minute=30)
LATER = NOW + timedelta(hours=2)
EARLIER = NOW - timedelta(hours=2)
TOMORROW = NOW + timedelta(days=1)
LINK = Consent("https://broker.example/login", "the address you land on after logging in", NOW + timedelta(hours=12))


@dataclass(frozen=True, slots=True)
class Occasion:
    """`says` is HTML as Telegram takes it."""

    when: str
    says: str
    buttons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """As it lies in the outbox."""

    kind: str
    account: str | None
    facts: dict[str, Any]
    at: datetime = NOW


def told(when: str, kind: str, account: str | None = "dhan", **facts: Any) -> Occasion:
    """An alert by itself, with its buttons."""
    return told_together(when, [Alert(kind, account, facts)])


def told_together(when: str, alerts: Sequence[Alert], **late: Any) -> Occasion:
    """The alerts of one sweep."""
    [says] = text.alerts(alerts, NOW, **late)
    buttons = tuple(text.label(*action) for alert in alerts for action in text.alert_buttons(alert))
    return Occasion(when, says.replace("\u00a0", " ").replace("\u2060", ""), buttons)


def iso(moment: datetime) -> str:
    return moment.isoformat()
