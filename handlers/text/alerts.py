"""What the bot says by itself: the alerts of a sweep as messages, and the buttons below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from handlers.text.of_accounts import OF_ACCOUNTS
from handlers.text.of_the_bot import OF_THE_BOT
from handlers.text.orders import ENDS, ended
from handlers.text.parts import bold, clock, esc, paragraphs, span, split
from handlers.text.proof import a_refresh_helps, proofs
from handlers.tokens import AlertLike

Listing: TypeAlias = Callable[[Sequence[AlertLike], datetime], str]

SENTENCES = OF_ACCOUNTS | OF_THE_BOT
"""Said once for all accounts that it holds for."""
LISTS: dict[str, Listing] = {"proof": proofs} | dict.fromkeys(ENDS, ended)
"""Said with a line for each account, however alike they are."""
ALERTS = (*SENTENCES, *LISTS)
"""Every kind there is."""


class Why(StrEnum):
    """What kept an alert from being sent in time."""

    TELEGRAM = "telegram"
    AWAY = "away"
    """The bot itself was not running."""


LATE_BECAUSE = {Why.TELEGRAM: "Telegram could not be reached", Why.AWAY: "the bot was not running"}


def alert(alert: AlertLike, now: datetime) -> str:
    """One alert by itself."""
    return _together([alert], now)


def alerts(
    found: Sequence[AlertLike],
    now: datetime,
    *,
    late: timedelta | None = None,
    repeat: bool = False,
    why: str = Why.TELEGRAM,
) -> list[str]:
    """The alerts of one sweep as one message, or as many as it takes. `why`: a `Why`, for what comes late."""
    return split(
        paragraphs((_together(found, now), _late(now, late, why), "<i>(possibly a repeat)</i>" if repeat else None))
    )


def alert_buttons(alert: AlertLike) -> list[tuple[str, str]]:
    """Actions of the button table, each with its account."""
    action = _action(alert)
    return [(action, alert.account)] if action and alert.account else []


def _action(alert: AlertLike) -> str | None:
    match alert.kind:
        case "refused":
            return "force"
        case "expired" | "dead" | "ask":
            return None if alert.facts.get("held_back") else "go"
        case "warning":
            return "go" if alert.facts.get("refresh_helps") and not alert.facts.get("held_back") else None
        case "proof":
            return "go" if a_refresh_helps(alert) else None
    return None


def _together(found: Sequence[AlertLike], now: datetime) -> str:
    shared: dict[str | Listing, list[AlertLike]] = {}
    for one in found:
        shared.setdefault(LISTS.get(one.kind) or _sentence(one, now), []).append(one)
    return paragraphs(_named(said, some) if isinstance(said, str) else said(some, now) for said, some in shared.items())


def _sentence(alert: AlertLike, now: datetime) -> str:
    says = SENTENCES.get(alert.kind)
    return says(alert, now) if says else f"ℹ {{}}: {esc(alert.kind)}" if alert.account else f"ℹ {esc(alert.kind)}"


def _named(sentence: str, found: Sequence[AlertLike]) -> str:
    """The name's place comes before any fact, so that no fact can be mistaken for it."""
    names = dict.fromkeys(one.account for one in found if one.account)
    return sentence.replace("{}", bold(", ".join(names)), 1) if names else sentence


def _late(now: datetime, late: timedelta | None, why: str) -> str | None:
    if late is None:
        return None
    due = clock(now - late, now)
    return f"<i>(this was due at {due}, sent {span(late)} late: {LATE_BECAUSE[Why(why)]})</i>"
