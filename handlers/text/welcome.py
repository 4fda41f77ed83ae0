"""/start and /help: who you are here, how it all is in brief, and what you may do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from handlers.text.accounts import FEW, MARKS, STILL_LOCKED, led_by, status
from handlers.text.parts import bold, clock, esc, lines, listed, paragraphs, span
from handlers.tokens import AccountStatus, Health, State

CLOCK_RIGHT_WITHIN = 5
"""Seconds. Up to this the clock counts as right."""
QUIET_TELEGRAM = timedelta(minutes=2)


class CommandLike(Protocol):
    @property
    def usage(self) -> str: ...
    @property
    def summary(self) -> str: ...


def start(
    admin_of: Sequence[str],
    viewer_of: Sequence[str],
    found: Sequence[AccountStatus],
    health: Health,
    locked: bool,
    now: datetime,
) -> str:
    return paragraphs(
        (
            f"I keep your brokers' access tokens alive. {_who(admin_of, viewer_of)}".rstrip(),
            STILL_LOCKED if locked else None,
            _accounts(found, now, viewer_of),
            _health(health, now),
            "Indian time; /help has the commands.",
        )
    )


def _who(admin_of: Sequence[str], viewer_of: Sequence[str]) -> str:
    """Names where they are needed to tell; the list of states below has them all."""
    if not (admin_of and viewer_of):
        return "You are the admin." if admin_of else "You may look, not refresh." if viewer_of else ""

    def names(found: Sequence[str]) -> str:
        return listed([bold(name) for name in found]) if len(found) <= 10 else f"{len(found)} accounts"

    return f"You are the admin of {names(admin_of)}. You may look at {names(viewer_of)}."


def _accounts(found: Sequence[AccountStatus], now: datetime, viewed: Sequence[str]) -> str:
    if 1 < len(found) <= FEW:
        return lines(_briefly(one, now) for one in found)
    return status(found, now, viewed=viewed)


def _briefly(one: AccountStatus, now: datetime) -> str:
    trouble = " ⚠" if one.held_back else " 🔑" if one.consent_open else ""
    return f"{MARKS[one.state]} {bold(one.account)}: {_state_briefly(one, now)}{trouble}"


def _state_briefly(one: AccountStatus, now: datetime) -> str:
    match one.state:
        case State.MISSING:
            return "no token yet"
        case State.REJECTED:
            return "no longer accepted"
    paused = "paused, " if one.state is State.PAUSED else ""
    if one.expires_at is None:
        return f"{paused}no token"
    return f"{paused}{'until' if one.expires_at > now else 'expired at'} {clock(one.expires_at, now)}"


def _health(health: Health, now: datetime) -> str:
    parts = (_telegram(health.telegram_at, now), _clock(health.clock_error), _store(health.store_fault))
    well = ", ".join(part.says for part in parts if part.is_well)
    return lines(
        (
            f"Up since {clock(health.up_since, now)} ({span(now - health.up_since)}){f'; {well}' if well else ''}.",
            led_by(health.crew),
            *(part.says for part in parts if not part.is_well),
            _next_login(health.next_login, now),
            f"Alerts waiting for Telegram: {health.alerts_waiting}." if health.alerts_waiting else None,
            f"⚠ Alerts that Telegram refuses: {health.alerts_parked}. The log says why."
            if health.alerts_parked
            else None,
            "⚠ Another program reads this bot's messages: no answers are taken and no codes shown."
            if health.second_poller
            else None,
        )
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Of the bot. What is well is told in a few words, the rest in a line of its own."""

    is_well: bool
    says: str


def _telegram(at: datetime | None, now: datetime) -> _Part:
    if at is None:
        return _Part(False, "Telegram: no contact yet.")
    if now - at > QUIET_TELEGRAM:
        return _Part(False, f"⚠ Telegram: last contact {span(now - at)} ago.")
    return _Part(True, f"heard from Telegram {span(now - at)} ago")


def _clock(error: float | None) -> _Part:
    if error is None:
        return _Part(False, "Clock: not compared with a broker yet.")
    if abs(error) <= CLOCK_RIGHT_WITHIN:
        return _Part(True, "clock right")
    off = f"{span(timedelta(seconds=error))} {'slow' if error > 0 else 'fast'}"
    return _Part(False, f"⚠ Clock: {off}. Set it (turn on NTP).")


def _store(fault: str | None) -> _Part:
    return _Part(False, f"⚠ Store: {esc(fault)}") if fault else _Part(True, "store in order")


def _next_login(planned: tuple[datetime, str] | None, now: datetime) -> str:
    if planned is None:
        return "No automatic login is planned."
    return f"Next login: {bold(planned[1])}, {clock(planned[0], now)}."


def help_(commands: Iterable[CommandLike], *, locked: bool = False) -> str:
    """Only what this chat may do now."""
    rows = lines(f"{esc(one.usage)}: {esc(one.summary)}" for one in commands)
    more = f"{STILL_LOCKED} Until then there is nothing else." if locked else None
    return paragraphs((rows, more, "Times are Indian time. An account is named as its config file is."))
