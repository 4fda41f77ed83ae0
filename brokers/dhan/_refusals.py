"""What Dhan means by saying no.

There is no single envelope: refused logins come as HTTP 200, an empty demat account as HTTP 500, dead tokens under two
codes. So the body decides first, by its message and then by its code, and the status comes last. Of the texts nothing
is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from brokers._errors import (
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    ConsentRejected,
    LoginRejected,
    NotEntitled,
    RateLimited,
    TokenRejected,
    UnexpectedReply,
)
from brokers._reply import Reply

BETWEEN_LOGINS = timedelta(minutes=2, seconds=10)
"""Dhan says once every two minutes; ten seconds more, as it counts by its own clock and from when it granted one."""
AFTER_TOO_MANY = 60.0
"""Dhan warns that going on after code 805 may lead to blocking."""
NO_HOLDINGS = "DH-1111"
WRONG_CODE = "either totp_secret is another account's, or this machine's clock is wrong"

CODES: dict[str, Callable[[], BrokerError]] = {
    **dict.fromkeys(
        ("DH-901", "807", "808", "809", "810"), lambda: TokenRejected("Dhan no longer accepts this access token")
    ),
    **dict.fromkeys(
        ("DH-902", "DH-903", "806"),
        lambda: NotEntitled("Dhan does not let this account do that: is its segment, API access or data plan active?"),
    ),
    "DH-904": lambda: RateLimited("Dhan was asked too often"),
    "805": lambda: RateLimited("Dhan was asked too often", retry_after=AFTER_TOO_MANY),
    **dict.fromkeys(
        ("DH-908", "DH-909", "800"), lambda: BrokerUnreachable("Dhan says it is out of order at the moment")
    ),
}

LOGIN_TEXTS: tuple[tuple[str, Callable[[], BrokerError]], ...] = (
    # First, as such a text may well name a PIN or some minutes, too.
    (
        "blocked|suspended|disabled",
        lambda: LoginRejected("Dhan has blocked this account's logins", hint="log in on web.dhan.co to see why"),
    ),
    ("token ?id", lambda: ConsentRejected("Dhan no longer takes this tokenId: it works once, and not for long")),
    (
        "minute",
        lambda: RateLimited("Dhan grants one login in two minutes", retry_after=BETWEEN_LOGINS.total_seconds()),
    ),
    (
        "totp",
        lambda: CodeRejected("Dhan refused the TOTP code", hint=WRONG_CODE),
    ),
    (r"\bpin\b", lambda: LoginRejected("Dhan refused the PIN")),
    (
        "client ?id|(invalid|unknown|wrong) client",
        lambda: LoginRejected("Dhan does not know this client id, or not with these credentials"),
    ),
    (r"\bapp\b", lambda: LoginRejected("Dhan refused api_key and api_secret", hint="they are valid for 12 months")),
    (
        "for the day|per day|a day|daily|today",
        lambda: RateLimited("Dhan gives this account no more logins by consent today"),
    ),
    ("valid credentials|login failed", lambda: LoginRejected("Dhan refused the login")),
)
DEAD_TEXT = "invalid token"
NOT_RENEWABLE_TEXT = "not allowed for this token type"
ERROR_FIELDS = ("errorType", "errorCode", "errorMessage")


@dataclass(frozen=True, slots=True)
class Refusal:
    message: str
    """In small letters; never shown."""
    code: str


def granted(reply: Reply, key: str, otherwise: type[BrokerError] = LoginRejected) -> dict[str, object]:
    """The body of an answer of the auth host that holds what was asked for; else raises.

    A refusal in words nobody has seen before is `otherwise`, not nonsense to be tried again: logins that are repeated
    lock accounts.
    """
    body = reply.body
    said_no = refusal_in(body)
    if isinstance(body, dict) and key in body and said_no is None and reply.good:
        return body
    message = said_no.message if said_no else _message(body)
    for text, error in LOGIN_TEXTS:
        if re.search(text, message):
            raise error()
    if reply.status == 429 or reply.status >= 500:
        raise reply.failure()
    if said_no or message or reply.status in {401, 403}:
        raise otherwise("Dhan refused, and not in words its documentation knows", hint="try it on web.dhan.co")
    raise UnexpectedReply(f"Dhan granted nothing and gave no reason (HTTP {reply.status})")


def accepted(reply: Reply) -> object:
    """The body of an answer of the api host that is a success; else raises."""
    if reply.status == 401 and not reply.raw.strip():
        raise CODES["DH-901"]()
    body = reply.body
    said_no = refusal_in(body)
    if said_no is None and reply.good:
        return body
    known = said_no and meaning(said_no)
    if known:
        raise known
    if reply.status in {401, 403}:
        raise CODES["DH-901"]()
    if said_no and reply.status < 429:
        raise UnexpectedReply(f"Dhan refused the request{_told(said_no.code)}")
    raise reply.failure()


def meaning(refusal: Refusal) -> BrokerError | None:
    """What the message says, then what the code says; None if neither says anything."""
    if DEAD_TEXT in refusal.message:  # comes as DH-906, too, which is an order error otherwise
        return CODES["DH-901"]()
    return CODES[refusal.code]() if refusal.code in CODES else None


def renewal_refused(reply: Reply) -> bool:
    """This kind of token cannot be renewed: HTTP 500, under either of two error types."""
    said_no = refusal_in(reply.body)
    return said_no is not None and NOT_RENEWABLE_TEXT in said_no.message


def refusal_in(body: object) -> Refusal | None:
    """What went wrong, by the body itself; None if it does not say that anything did."""
    first = body[0] if isinstance(body, list) and body else body
    if not isinstance(first, dict):
        return None
    status = first.get("status")
    failed = isinstance(status, str) and status.lower() != "success"
    if not failed and not any(first.get(name) for name in ERROR_FIELDS):
        return None
    data = first.get("data")
    code, text = next(iter(data.items()), ("", "")) if isinstance(data, dict) else (first.get("errorCode"), "")
    return Refusal(_message(first) or str(text).lower(), code if isinstance(code, str) else "")


def _message(body: object) -> str:
    for name in ("errorMessage", "message"):
        text = body.get(name) if isinstance(body, dict) else None
        if isinstance(text, str):
            return text.lower()
    return ""


def _told(code: str) -> str:
    return f" with code {code}" if re.fullmatch(r"(DH-)?\d{3,4}", code, re.ASCII) else ""
