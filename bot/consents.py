"""The life of a consent: opened, given again, answered, failed, closed. Pure functions on what is remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.store import AccountNote, OpenConsent
from brokers import Consent, ConsentRejected, KunjiError, Secret

FAILURES = 3
"""So many failed exchanges close one."""
LONGEST = timedelta(hours=12)
"""Where the broker names no time: yesterday's link must not be offered tomorrow."""
GIVEN_AGAIN_FOR = timedelta(hours=1)
"""So long the same one is given again instead of asking the broker for another (Dhan allows 25 a day)."""
TAKEN_FOR = timedelta(minutes=10)
"""So long after a link was given a browser may come back from it. What is pasted is taken as long as it waits."""


class NotAwaited(KunjiError):
    """A browser came back from a login that nobody here waits for. Nothing may be told to whoever sent it."""


def opened(consent: Consent, now: datetime, *, state: Secret | None, forced: bool) -> OpenConsent:
    """`forced`: the admin took the risk of one attempt after a refusal."""
    url = Secret(consent.url) if consent.url else None
    return OpenConsent(
        url, consent.expects, consent.asks_totp, now, consent.expires_at, state=state, shown_at=now, forced=forced
    )


def waiting(note: AccountNote, now: datetime) -> OpenConsent | None:
    """The one that waits for an answer, if it has not run out."""
    consent = note.consent
    if consent is None or now >= (consent.expires_at or consent.opened_at + LONGEST):
        return None
    return consent


def to_give_again(note: AccountNote, now: datetime) -> OpenConsent | None:
    """One that was asked for lately and has not failed since."""
    consent = waiting(note, now)
    if consent is None or consent.failures or now >= consent.opened_at + GIVEN_AGAIN_FOR:
        return None
    return consent


def as_given(consent: OpenConsent) -> Consent:
    url = consent.url.reveal() if consent.url else None
    return Consent(url, consent.expects, consent.expires_at, consent.asks_totp)


def shown(note: AccountNote, now: datetime) -> AccountNote:
    """The admin was given the link once more. It stays the same, so that an earlier message with it works, too."""
    return replace(note, consent=replace(note.consent, shown_at=now)) if note.consent else note


def check_paste(consent: OpenConsent | None, state: Secret | None) -> None:
    """Raise ConsentRejected if this comes from another link than the one that waits. A bare value brings no state."""
    if state is not None and (consent is None or consent.state != state):
        raise ConsentRejected("that address comes from another account's link or an old one; log in by the latest link")


def check_redirect(
    consent: OpenConsent | None, state: Secret | None, now: datetime, *, carries_state: bool
) -> OpenConsent:
    """The consent that a browser came back for. Raises NotAwaited, and ConsentRejected if that took too long."""
    if consent is None or (carries_state and (state is None or consent.state != state)):
        raise NotAwaited("no login waits for this")
    if carries_state and now >= (consent.shown_at or consent.opened_at) + TAKEN_FOR:
        minutes = TAKEN_FOR // timedelta(minutes=1)
        raise ConsentRejected(
            f"more than {minutes} minutes have passed since the link was sent, so nothing was done",
            hint="send the bot the address of this page at once, or /refresh and open the link it sends",
        )
    return consent


def failed(note: AccountNote) -> AccountNote:
    """An answer was refused; whatever else comes from the same link is not worth asking about."""
    if note.consent is None:
        return note
    failures = note.consent.failures + 1
    left = replace(note.consent, failures=failures, state=None)
    return replace(note, consent=left if failures < FAILURES else None)


def asked(note: AccountNote, chat: int, message: int) -> AccountNote:
    """Which message asks for it."""
    return replace(note, consent=replace(note.consent, chat=chat, message=message)) if note.consent else note
