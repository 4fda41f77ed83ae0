"""A login that did not succeed: why, what the account has left, and what may be risked."""

from __future__ import annotations

from datetime import datetime

from brokers import BrokerError, CodeRejected, KunjiError
from handlers.text.parts import bold, esc, lines, paragraphs, when
from handlers.text.refreshing import AT_RISK
from handlers.text.refusals import failure
from handlers.tokens import AccountStatus, State

NOT_PASSED_ON = "What you sent was not passed on to the broker. Once you have tapped the button, I ask for it anew."
NEXT_CODE = "Send the next six digits that your app shows. If they are refused, too, I stop, so that nothing is locked."


def failed_login(error: KunjiError, status: AccountStatus, now: datetime) -> str:
    """Where logins are held back, only the admin's own risk goes on."""
    said = lines((failure(error, status.account), lives_on(status, now)))
    return paragraphs((said, AT_RISK if status.held_back else None))


def failed_answer(error: KunjiError, status: AccountStatus, now: datetime) -> str:
    """The same for a login to which the admin had sent something."""
    if status.held_back and not isinstance(error, BrokerError):
        why = f"❌ {bold(status.account)}: {esc(error.message)}"
        return paragraphs((lines((why, lives_on(status, now))), NOT_PASSED_ON, AT_RISK))
    next_one = NEXT_CODE if isinstance(error, CodeRejected) and not status.held_back else None
    return paragraphs((failed_login(error, status, now), next_one))


def lives_on(status: AccountStatus, now: datetime) -> str | None:
    """What the failure has not touched."""
    if status.expires_at is None or status.state not in (State.FRESH, State.EXPIRING):
        return None
    return f"The token it has stays good until {when(status.expires_at, now)}."
