"""The life of a consent: opened, given again, answered, failed, closed. Pure functions on what is remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.store import AccountNote, OpenConsent
from brokers import Broker, Consent, ConsentRejected, KunjiError, Secret

FAILURES = 3
"""So many failed exchanges close one."""
LONGEST = timedelta(hours=12)
"""Where the broker names no time: yesterday's link must not be offered tomorrow, as a login by it is nobody's who looks
at the chat now."""
GIVEN_AGAIN_FOR = timedelta(hours=1)
"""So long the same one is given again instead of asking the broker for another (Dhan allows 25 a day)."""
TAKEN_FOR = timedelta(minutes=10)
"""So long after a link was given a browser may come back from it. What is pasted is taken as long as it waits."""


class NotAwaited(KunjiError):
    """A browser came back from a login that nobody here waits for. Nothing may be told to whoever sent it."""


class CameTooLate(ConsentRejected):
    """A browser came back from a login that waits, long after its link was given."""

    def __init__(self, message: str, *, hint: str, asked: OpenConsent) -> None:
        super().__init__(message, hint=hint)
        self.asked = asked


def opened(consent: Consent, now: datetime, *, state: Secret | None, forced: bool) -> OpenConsent:
    """`forced`: the admin took the risk of one attempt after a refusal. A link that names no end is given one; digits
    that are typed need none."""
    url = Secret(consent.url) if consent.url else None
    ends = consent.expires_at or (now + LONGEST if url else None)
    return OpenConsent(url, consent.expects, consent.asks_totp, now, ends, state=state, shown_at=now, forced=forced)


def put(note: AccountNote, consent: OpenConsent) -> AccountNote:
    """In place of an earlier one. The message that asked for that one is known until another asks for this."""
    earlier = note.consent or consent
    return replace(note, begun_at=None, consent=replace(consent, chat=earlier.chat, message=earlier.message))


def taken_for(broker: Broker[Any]) -> timedelta | None:
    """How long after a link was given a browser may come back from it; None: as long as the login waits."""
    return TAKEN_FOR if broker.carries_state else None


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
    """The consent that a browser came back for. Raises NotAwaited, and CameTooLate."""
    if consent is None or (carries_state and (state is None or consent.state != state)):
        raise NotAwaited("no login waits for this")
    if carries_state and now >= (consent.shown_at or consent.opened_at) + TAKEN_FOR:
        minutes = TAKEN_FOR // timedelta(minutes=1)
        raise CameTooLate(
            f"more than {minutes} minutes have passed since the link was sent, so nothing was done",
            hint="send the bot the address of the page you landed on at once, or /refresh for a fresh link",
            asked=consent,
        )
    return consent


def failed(note: AccountNote) -> AccountNote:
    """An answer was refused; whatever else comes from the same link is not worth asking about, and the one attempt
    that a person may have forced is spent."""
    if note.consent is None:
        return note
    failures = note.consent.failures + 1
    left = replace(note.consent, failures=failures, state=None, forced=False)
    return replace(note, consent=left if failures < FAILURES else None)


def asked(note: AccountNote, chat: int, message: int) -> AccountNote:
    """Which message asks for it."""
    return replace(note, consent=replace(note.consent, chat=chat, message=message)) if note.consent else note
