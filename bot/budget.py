"""The attempt budget: when a login may be tried, as pure functions on what is remembered of the account.

Accounts get locked by wrong logins, so refusals are counted in *strikes*. A refused PIN, password or key fills the
budget at once; a refused TOTP code is one strike (the window may have turned under way), and so is a login that was
begun and never heard of again, because it may have been refused. At `STRIKES` nothing more is tried until the config
changes or a person asks for one attempt. Silence and nonsense from a broker are no strikes; they are waited out.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import datetime, timedelta

from bot.store import AccountNote
from brokers import (
    CodeRejected,
    ConsentRejected,
    KunjiError,
    LoginRejected,
    NotEntitled,
    NotSupported,
    RateLimited,
    WrongClient,
)

STRIKES = 2
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=5)


class HeldBack(KunjiError):
    """No attempt is made now. `until` says from when one may be; None: not before a person acts, and then `force`."""

    def __init__(self, message: str, *, until: datetime | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.until = until


def current(note: AccountNote, fingerprint: str) -> AccountNote:
    """The note as it counts for the config as it is now: refusals of another config are forgotten."""
    if note.fingerprint == fingerprint:
        return note
    return replace(note, fingerprint=fingerprint, strikes=0, refusal=None, failures=0, retry_at=None)


def spent(note: AccountNote, fingerprint: str) -> bool:
    """Nothing more is tried until a person acts."""
    return current(note, fingerprint).strikes >= STRIKES


def cut_off(note: AccountNote) -> AccountNote:
    """A login was begun and never heard of: it may have been refused, and it may have been granted."""
    if note.begun_at is None:
        return note
    why = note.refusal or "a login was cut off and nobody knows how it ended"
    return replace(note, begun_at=None, strikes=note.strikes + 1, refusal=why, last_login_at=note.begun_at)


def forced(note: AccountNote) -> AccountNote:
    """A person takes the risk of one attempt."""
    return replace(note, strikes=min(note.strikes, STRIKES - 1), retry_at=None)


def begun(note: AccountNote, now: datetime) -> AccountNote:
    return replace(note, begun_at=now)


def granted(note: AccountNote, now: datetime) -> AccountNote:
    """A login ended well: everything held against the account is forgotten."""
    return replace(
        note,
        strikes=0,
        refusal=None,
        failures=0,
        retry_at=None,
        begun_at=None,
        last_login_at=now,
        paused=False,
        consent=None,
        last_failure=None,
        last_failure_at=None,
    )


def failed(note: AccountNote, error: KunjiError, now: datetime) -> AccountNote:
    """A login ended in an error."""
    note = replace(note, begun_at=None, last_failure=str(error), last_failure_at=now)
    match error:
        case ConsentRejected():
            return note
        case CodeRejected():
            return replace(note, strikes=note.strikes + 1, refusal=str(error))
        case LoginRejected() | WrongClient() | NotEntitled() | NotSupported():
            return replace(note, strikes=max(STRIKES, note.strikes + 1), refusal=str(error))
        case RateLimited(retry_after=float() | int() as seconds):
            return replace(note, failures=note.failures + 1, retry_at=now + timedelta(seconds=seconds))
    failures = note.failures + 1
    return replace(note, failures=failures, retry_at=now + wait_after(failures))


def wait_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: 5 s, doubling to 5 min, up to a quarter less by chance so
    that accounts do not come back in step."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * (1 << min(failures - 1, 10)))
    return longest * random.uniform(0.75, 1)  # noqa: S311 - spreads load, guards nothing


def check(note: AccountNote, now: datetime, *, gap: timedelta, by_itself: bool, title: str) -> None:
    """Raise HeldBack if no login may be sent now. `gap` is the broker's own least time between two logins."""
    if note.strikes >= STRIKES:
        raise HeldBack(
            f"no further login is tried, as the last one was refused: {note.refusal}",
            hint="correct the config and restart, or force one attempt",
        )
    if note.last_login_at is not None and now < note.last_login_at + gap:
        free = note.last_login_at + gap
        seconds = math.ceil((free - now).total_seconds())
        raise HeldBack(f"{title} gives a new token again in {seconds} s", until=free)
    if by_itself and note.retry_at is not None and now < note.retry_at:
        seconds = math.ceil((note.retry_at - now).total_seconds())
        raise HeldBack(f"the next attempt comes by itself in {seconds} s", until=note.retry_at)
