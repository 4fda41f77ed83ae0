"""The proof before the market opens: one list of all accounts. Programs care about the token, people about whether they
can trade.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from handlers.text.facts import fact, money, when_of
from handlers.text.parts import UNKNOWN, bold, lines
from handlers.tokens import AlertLike

FOLLOWS = (
    "Tap Refresh where there is no token. Until the market opens I look again every minute, and say what is ready then."
)


def proofs(found: Sequence[AlertLike], now: datetime) -> str:
    bad = sum(1 for one in found if not one.facts.get("ok"))
    heading = f"Not ready: {bad} of {len(found)} accounts" if bad else "Ready for the market"
    return lines((f"<b>{heading}</b>", *(_row(one, now) for one in found), FOLLOWS if bad else None))


def a_refresh_helps(alert: AlertLike) -> bool:
    return not alert.facts.get("ok") and alert.facts.get("orders_allowed") is not False


def _row(alert: AlertLike, now: datetime) -> str:
    name = bold(alert.account or UNKNOWN)
    if alert.facts.get("paused"):
        return f"⏸ {name}: paused; /resume ends that"
    mark, says = ("✅", _ready(alert, now)) if alert.facts.get("ok") else ("❌", _problem(alert))
    whose = f" (client {fact(alert, 'client_id')})" if alert.facts.get("client_id") else ""
    held_back = f"I do not log in by myself: {fact(alert, 'held_back')}" if alert.facts.get("held_back") else None
    return f"{mark} {name}{whose}: {_joined((says, held_back), '; ⚠ ')}"


def _ready(alert: AlertLike, now: datetime) -> str:
    available = money(alert, "available")
    orders = f"orders allowed{_address(alert)}" if alert.facts.get("orders_allowed") else None
    return _joined(
        (f"good until {when_of(alert, 'expires_at', now)}", f"{available} available" if available else None, orders)
    )


def _problem(alert: AlertLike) -> str:
    mend = f"{_address(alert)}: register it at the broker" if alert.facts.get("orders_allowed") is False else ""
    return f"{fact(alert, 'problem')}{mend}"


def _address(alert: AlertLike) -> str:
    return f" ({fact(alert, 'address')})" if alert.facts.get("address") else ""


def _joined(parts: Iterable[str | None], by: str = ", ") -> str:
    return by.join(part for part in parts if part)
