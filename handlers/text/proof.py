"""The proof before the market opens: one list of all accounts. Programs care about the token, people about whether they
can trade.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from handlers.text.facts import fact, money, when_of
from handlers.text.parts import UNKNOWN, bold, lines
from handlers.text.refusals import held_back
from handlers.tokens import AlertLike

TAP = "Tap Refresh where there is no token."
FOLLOWS = "Until the market opens I look again every minute, and say what is ready then."


def proofs(found: Sequence[AlertLike], now: datetime) -> str:
    bad = sum(1 for one in found if not one.facts.get("ok"))
    heading = f"Not ready: {bad} of {len(found)} accounts" if bad else "Ready for the market"
    tap = TAP if any(a_refresh_helps(one) for one in found) else None
    follows = _joined((tap, FOLLOWS), " ") if bad else None
    return lines((f"<b>{heading}</b>", *(_row(one, now) for one in found), follows))


def a_refresh_helps(alert: AlertLike) -> bool:
    in_its_way = alert.facts.get("held_back") or alert.facts.get("orders_allowed") is False
    return not alert.facts.get("ok") and not in_its_way


def _row(alert: AlertLike, now: datetime) -> str:
    name = bold(alert.account or UNKNOWN)
    if alert.facts.get("paused"):
        return f"⏸ {name}: paused; /resume ends that"
    mark, says = ("✅", _ready(alert, now)) if alert.facts.get("ok") else ("❌", _problem(alert))
    whose = f" (client {fact(alert, 'client_id')})" if alert.facts.get("client_id") else ""
    why = alert.facts.get("held_back")
    return f"{mark} {name}{whose}: {_joined((says, held_back(alert.account or UNKNOWN, why) if why else None), '; ⚠ ')}"


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
