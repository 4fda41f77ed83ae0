"""What Kotak Neo means by saying no.

It says so in six shapes, often with HTTP 200, and gives an empty list as an error; its codes mean one thing at the
login and another elsewhere. So the body decides first and the status comes last. Of the texts nothing is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from brokers._errors import (
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    LoginRejected,
    RateLimited,
    TokenRejected,
    UnexpectedReply,
)
from brokers._reply import Reply, pick

VIEW, TRADE = "View", "Trade"
"""The two kinds of session: after the code, and after the MPIN."""
NOTHING_TO_REPORT = "5203"
FINE_CODES = {"", "200", "1000"}
FINE_WORDS = {"", "ok", "success"}

CODES: dict[str, Callable[[], BrokerError]] = {
    **dict.fromkeys(
        # 100008 is an address that may not order, where an order is placed; on a read it is a dead session.
        ("100022", "1003", "100008"),
        lambda: TokenRejected("Kotak Neo no longer accepts this session"),
    ),
    "424": lambda: BrokerUnreachable("Kotak Neo says that something behind it is out of order at the moment"),
    "429": lambda: RateLimited("Kotak Neo was asked too often"),
}

LOGIN_TEXTS: tuple[tuple[str, Callable[[], BrokerError]], ...] = (
    # First, as such a text names a field, too.
    (
        "missing required field",
        lambda: LoginRejected(
            "Kotak Neo says that a part of the login is missing", hint="kunji check reads the config"
        ),
    ),
    ("required header", lambda: LoginRejected("Kotak Neo took the first step of the login, and refused the second")),
    (
        r"block|\block|suspend|disabl|dormant|attempts",
        lambda: LoginRejected("Kotak Neo has blocked this account's logins", hint="log in on the Neo app to see why"),
    ),
    (r"\bmpin\b", lambda: LoginRejected("Kotak Neo refused the MPIN")),
    (
        # With the code 429, which here has nothing to do with asking too often.
        r"\bucc\b",
        lambda: LoginRejected(
            "Kotak Neo does not know this client code (UCC)",
            hint="client_id is the code in the app's profile, not the numeric customer id",
        ),
    ),
)
CODE_TEXT = "totp|credential"


@dataclass(frozen=True, slots=True)
class Refusal:
    message: str
    """In small letters; never shown."""
    code: str


def granted(reply: Reply, kind: str) -> dict[str, object]:
    """What a login's step gives: a session of that kind. Else raises.

    A refusal in words nobody has seen before is LoginRejected, not nonsense to be tried again: logins that are repeated
    lock accounts.
    """
    if _wordless(reply):
        raise _refused_without_a_reason()
    body = reply.body
    said_no = refusal_in(body)
    if said_no is not None or not reply.good:
        raise _login_refused(reply, said_no, kind)
    data: dict[str, object] = pick(body, "data", of=dict)
    if pick(data, "kType", of=str) != kind:
        raise UnexpectedReply(f"Kotak Neo gave another kind of session than {kind}")
    return data


def accepted(reply: Reply) -> object:
    """The body of an answer to a read that is a success; else raises."""
    if _wordless(reply):
        raise CODES["100022"]()
    body = reply.body
    said_no = refusal_in(body)
    if said_no is None and reply.good:
        return body
    if reply.status == 429:
        raise reply.failure()
    if said_no is not None and said_no.code in CODES:
        raise CODES[said_no.code]()
    if reply.status in {401, 403}:
        raise CODES["100022"]()
    if reply.status == 424:
        raise CODES["424"]()
    if said_no is not None and reply.status < 500:
        raise UnexpectedReply(f"Kotak Neo refused the request{_told(said_no.code)}")
    raise reply.failure()


def listed(reply: Reply) -> list[object]:
    """The rows of an answer. That there are none is told as an error; any other error is one."""
    if not _wordless(reply):
        said_no = refusal_in(reply.body)
        if said_no is not None and said_no.code == NOTHING_TO_REPORT:
            return []
    return pick(accepted(reply), "data", of=list)


def refusal_in(body: object) -> Refusal | None:
    """What went wrong, by the body itself; None if it does not say that anything did."""
    places = list(_places(body))
    message = _first(places, "errMsg", "emsg", "message")
    code = _first(places, "stCode", "errorCode", "code")
    outcomes = {_word(place.get(name)).lower() for place in places for name in ("stat", "status")}
    if not message and code in FINE_CODES and outcomes <= FINE_WORDS:
        return None
    return Refusal(message.lower(), code)


def _login_refused(reply: Reply, said_no: Refusal | None, kind: str) -> BrokerError:
    refusal = said_no or Refusal("", "")
    for text, error in LOGIN_TEXTS:
        if re.search(text, refusal.message):
            return error()
    if reply.status == 429 or reply.status >= 500:
        return reply.failure()
    if "424" in {refusal.code, str(reply.status)}:
        return CODES["424"]()
    if "too many requests" in refusal.message:
        return CODES["429"]()
    if "403" in {refusal.code, str(reply.status)}:
        return LoginRejected(
            "Kotak Neo forbids this login", hint="was the consumer key reset, or was a login refused too often?"
        )
    if kind == VIEW and re.search(CODE_TEXT, refusal.message):
        return CodeRejected(
            "Kotak Neo refused the TOTP code, or the credentials with it",
            hint="is this machine's clock right, and are mobile_number, consumer_key and authenticator this account's?",
        )
    if said_no is not None or reply.status == 401:
        return _refused_without_a_reason()
    return reply.failure()


def _refused_without_a_reason() -> BrokerError:
    return LoginRejected(
        "Kotak Neo refused the login, and not in words its documentation knows",
        hint="compare consumer_key with the API dashboard, and log in on the Neo app",
    )


def _wordless(reply: Reply) -> bool:
    return reply.status in {401, 403} and not reply.raw.strip()


def _places(body: object) -> Iterator[dict[str, object]]:
    """Where an answer may say how it went: at the top, in the first of its errors, in its data."""
    if isinstance(body, dict):
        yield body
        errors = body.get("error")
        for place in (errors[0] if isinstance(errors, list) and errors else errors, body.get("data")):
            if isinstance(place, dict):
                yield place


def _first(places: list[dict[str, object]], *names: str) -> str:
    return next((word for name in names for place in places if (word := _word(place.get(name)))), "")


def _word(value: object) -> str:
    """Codes come as numbers and as text."""
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""


def _told(code: str) -> str:
    return f" with code {code}" if re.fullmatch(r"\d{3,6}", code, re.ASCII) else ""
