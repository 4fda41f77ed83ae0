"""The attempt budget: when a login may be tried, as pure functions on what is remembered of the account.

Accounts get locked by wrong logins, so refusals are counted in *strikes*, for each config apart. A refused PIN,
password or key fills the budget at once; a refused TOTP code is one strike (the window may have turned under way), and
so is a login that was sent and cut off by the end of this program, because it may have been refused. At `STRIKES`
nothing more is tried until the config changes or a person asks for one attempt. Silence and nonsense from a broker are
no strikes; they are waited out. See docs/decisions/attempt-budget.md.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import datetime, timedelta

from bot.store import AccountNote, HistoryRow, Refused, StoreError
from brokers import (
    CodeRejected,
    ConsentRejected,
    KunjiError,
    LoginRejected,
    NotEntitled,
    NotSupported,
    RateLimited,
    TokenRejected,
    WrongClient,
)

BY_ITSELF = frozenset({"schedule", "program"})
"""Who asks without a person waiting."""
STRIKES = 2
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=5)
CONFIGS_REMEMBERED = 8
CUT_OFF = "a login was cut off in the middle, and may have been refused"


class HeldBack(KunjiError):
    """No attempt is made now. `until` says from when one may be; None: not before a person acts, and then `force`."""

    def __init__(self, message: str, *, until: datetime | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.until = until


def spent(note: AccountNote, fingerprint: str) -> bool:
    """Nothing more is tried with this config until a person acts."""
    against = note.refused.get(fingerprint)
    return against is not None and against.strikes >= STRIKES


def held_back_by(note: AccountNote, fingerprint: str) -> str | None:
    """Why nothing more is tried, as it is shown; None if nothing stands in the way."""
    return note.refused[fingerprint].reason if spent(note, fingerprint) else None


def begun(note: AccountNote, now: datetime) -> AccountNote:
    """A login is being sent."""
    return replace(note, begun_at=now)


def settled(note: AccountNote, fingerprint: str) -> AccountNote:
    """A login was cut off and its end is unknown. It is taken for what it may have been: refused, so it is a strike;
    and granted, so the broker's gap counts from it."""
    if note.begun_at is None:
        return note
    return replace(_with_strikes(note, fingerprint, 1, CUT_OFF), begun_at=None, last_login_at=note.begun_at)


def granted(note: AccountNote, fingerprint: str, row: HistoryRow, *, by_itself: bool) -> AccountNote:
    """A login ended well: what was held against this config is forgotten. Only a person ends a pause."""
    return replace(
        note,
        refused={config: against for config, against in note.refused.items() if config != fingerprint},
        failures=0,
        retry_at=None,
        begun_at=None,
        last_login_at=row.at,
        last_grant=row,
        paused=note.paused and by_itself,
        consent=None,
        last_failure=None,
        last_failure_at=None,
    )


def failed(
    note: AccountNote, fingerprint: str, error: KunjiError, now: datetime, *, begun_at: datetime | None, by_hand: bool
) -> AccountNote:
    """A login ended in an error. `begun_at`: its mark in the note, if anything was sent or may have been. `by_hand`: a
    person logged in at the broker, and sent the wrong thing at worst."""
    is_ours = note.begun_at == begun_at
    if begun_at is not None and not is_ours and not isinstance(error, StoreError):
        return note  # it counts already: so, or as cut off
    note = replace(note, begun_at=None if is_ours else note.begun_at, last_failure=str(error), last_failure_at=now)
    match error:
        case ConsentRejected() | NotSupported() | TokenRejected():
            return note
        case WrongClient() if by_hand:
            return note
        case CodeRejected():
            return _with_strikes(note, fingerprint, 1, str(error))
        case LoginRejected() | WrongClient() | NotEntitled():
            return _with_strikes(note, fingerprint, STRIKES, str(error))
    failures = note.failures + 1
    wait = wait_after(failures)
    if isinstance(error, RateLimited) and error.retry_after is not None:
        wait = min(timedelta(seconds=error.retry_after), LONGEST_WAIT)
    return replace(note, failures=failures, retry_at=now + wait)


def _with_strikes(note: AccountNote, fingerprint: str, more: int, reason: str) -> AccountNote:
    before = note.refused.get(fingerprint)
    others = [(config, against) for config, against in note.refused.items() if config != fingerprint]
    mine = Refused((before.strikes if before else 0) + more, reason)
    return replace(note, refused=dict([*others[1 - CONFIGS_REMEMBERED :], (fingerprint, mine)]))


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: 5 s, doubling to 5 min, up to a quarter less by chance so
    that accounts do not come back in step."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * (1 << min(failures - 1, 10)))
    return longest * random.uniform(0.75, 1)  # noqa: S311 - spreads load, guards nothing


def check_strikes(note: AccountNote, fingerprint: str) -> None:
    """Raise HeldBack if only a person may ask for the next attempt."""
    if spent(note, fingerprint):
        raise HeldBack(
            f"no further login is tried by itself: {held_back_by(note, fingerprint)}",
            hint="correct the config and restart, or force one attempt",
        )


def check_pace(note: AccountNote, now: datetime, *, gap: timedelta, by_itself: bool, title: str) -> None:
    """Raise HeldBack if it is too early. `gap` is the broker's own least time between two logins."""
    if free := waits_until(note.last_login_at, gap, now):
        raise HeldBack(f"{title} allows the next login in {_seconds(free - now)} s", until=free)
    if by_itself and (free := waits_until(note.retry_at, timedelta(0), now)):
        raise HeldBack(f"the next attempt comes by itself in {_seconds(free - now)} s", until=free)


def waits_until(noted: datetime | None, wait: timedelta, now: datetime) -> datetime | None:
    """When such a wait ends, if it has not. One that ends further ahead than it can last was noted by a clock that has
    been set back since, and is not believed."""
    ends = None if noted is None else noted + wait
    return ends if ends is not None and now < ends <= now + max(wait, LONGEST_WAIT) else None


def _seconds(length: timedelta) -> int:
    return math.ceil(length.total_seconds())
