"""The life of a consent: opened, given again, answered, failed, closed. Pure functions on what is remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.store import AccountNote, OpenConsent
from brokers import Consent, Secret

FAILURES = 3
"""So many failed exchanges close one."""
LONGEST = timedelta(hours=12)
"""Where the broker names no time: yesterday's link must not be offered tomorrow."""
GIVEN_AGAIN_FOR = timedelta(hours=1)
"""So long the same one is given again instead of asking the broker for another (Dhan allows 25 a day)."""


def opened(consent: Consent, now: datetime, *, forced: bool) -> OpenConsent:
    """`forced`: the admin took the risk of one attempt after a refusal."""
    url = Secret(consent.url) if consent.url else None
    return OpenConsent(url, consent.expects, consent.asks_totp, now, consent.expires_at, forced=forced)


def waiting(note: AccountNote, now: datetime) -> OpenConsent | None:
    """The one that waits for an answer, if it has not run out."""
    consent = note.consent
    if consent is None or now >= (consent.expires_at or consent.opened_at + LONGEST):
        return None
    return consent


def to_give_again(note: AccountNote, now: datetime) -> Consent | None:
    """One that was asked for lately and has not failed since."""
    consent = waiting(note, now)
    if consent is None or consent.failures or now >= consent.opened_at + GIVEN_AGAIN_FOR:
        return None
    url = consent.url.reveal() if consent.url else None
    return Consent(url, consent.expects, consent.expires_at, consent.asks_totp)


def failed(note: AccountNote) -> AccountNote:
    """An answer was refused."""
    if note.consent is None:
        return note
    failures = note.consent.failures + 1
    return replace(note, consent=replace(note.consent, failures=failures) if failures < FAILURES else None)


def asked(note: AccountNote, chat: int, message: int) -> AccountNote:
    """Which message asks for it."""
    return replace(note, consent=replace(note.consent, chat=chat, message=message)) if note.consent else note
