"""What Angel One means by saying no.

Refusals come as HTTP 200 in two envelopes with keys of their own; too many calls come as HTTP 403 and plain text. One
code may mean several things: AB1007 is a wrong PIN, a blocked account, or trouble in the trading back end. So words are
read before codes, and the status comes last. Of the words nothing is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from brokers._errors import (
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    LoginRejected,
    NotEntitled,
    RateLimited,
    TokenRejected,
    UnexpectedReply,
)
from brokers._reply import Reply

Cause = Callable[[], BrokerError]


def _too_often() -> BrokerError:
    return RateLimited("Angel One was asked too often")


def _trouble() -> BrokerError:
    return BrokerUnreachable("Angel One says it is out of order at the moment")


def _dead() -> BrokerError:
    return TokenRejected("Angel One no longer accepts this access token")


def _key_refused() -> BrokerError:
    return LoginRejected("Angel One refused api_key", hint="is its app still listed on smartapi.angelone.in?")


def _address_refused() -> BrokerError:
    return NotEntitled(
        "Angel One does not take this from this machine's address", hint="see the app's static IP on the SmartAPI page"
    )


def _code_refused() -> BrokerError:
    return CodeRejected(
        "Angel One refused the TOTP code",
        hint="is it of this account's authenticator, and the machine's clock right?",
    )


def _pin_refused() -> BrokerError:
    return LoginRejected("Angel One refused client_id and PIN", hint="the PIN is the one you open the app with")


def _password_sent() -> BrokerError:
    return LoginRejected("Angel One wants the PIN of four digits, not the old trading password")


def _login_blocked() -> BrokerError:
    return LoginRejected("Angel One has blocked this account", hint="log in to the Angel One app to see why")


def _blocked() -> BrokerError:
    return NotEntitled("Angel One has blocked this account", hint="log in to the Angel One app to see why")


def _pin_or_trouble() -> BrokerError:
    return LoginRejected(
        "Angel One refused the login with an error that can mean a wrong PIN or trouble of its own",
        hint="if the Angel One app lets you in, force one attempt",
    )


BLOCKED = "block|locked|suspend|dormant|deactivat"
TOO_OFTEN = "exceeding|too many requests"
LATER = "try after|try again|internal error|went wrong"

LOGIN_TEXTS: Sequence[tuple[str, Cause]] = (
    # First, as such a text may well name a PIN, too.
    (BLOCKED, _login_blocked),
    (TOO_OFTEN, _too_often),
    ("loginbypassword|login by mpin", _password_sent),
    (r"totp|\botp\b", _code_refused),
    (r"password|mpin|\bpin\b|login ?id|client ?(code|id)\b|user not found|credential", _pin_refused),
    ("(api|private) ?key", _key_refused),
    (LATER, _trouble),
)
READ_TEXTS: Sequence[tuple[str, Cause]] = (
    (BLOCKED, _blocked),
    (TOO_OFTEN, _too_often),
    ("invalid token|token (expired|missing)|session expired|not login", _dead),
    (LATER, _trouble),
)
DEAD_CODES = ("AG8001", "AG8002", "AG8003", "AB1010", "AB1011")
EVERYWHERE: Mapping[str, Cause] = {
    **dict.fromkeys(("AB1004", "AB2000", "AB2001"), _trouble),
    **dict.fromkeys(("AG8004", "AB1053"), _key_refused),
    "AB1021": _too_often,
    "AG7002": _address_refused,
}
LOGIN_CODES: Mapping[str, Cause] = {
    **EVERYWHERE,
    # There is no token yet that could be dead: these come while Angel One is in trouble.
    **dict.fromkeys(DEAD_CODES, _trouble),
    **dict.fromkeys(("AB1000", "AB1001", "AB1002", "AB1032"), _pin_refused),
    "AB1006": _login_blocked,
    "AB1007": _pin_or_trouble,
    "AB1050": _code_refused,
    "AB7001": _password_sent,
}
READ_CODES: Mapping[str, Cause] = {
    **EVERYWHERE,
    **dict.fromkeys(DEAD_CODES, _dead),
    "AB1006": _blocked,
    "AB1007": _trouble,
}
NOTHING_THERE = frozenset({"AB1013", "AB1014", "AB1015", "AB1016"})
"""No order, trade, holding or position was found."""


@dataclass(frozen=True, slots=True)
class Refusal:
    message: str
    """In small letters; never shown."""
    code: str


def granted(reply: Reply) -> object:
    """The data of a login's answer; else raises.

    A refusal in words nobody has seen before ends the trying: logins that are repeated lock accounts.
    """
    said_no = refusal_in(reply)
    if said_no is None:
        return _data(reply)
    raise (
        _meaning(said_no, LOGIN_TEXTS, LOGIN_CODES)
        or _by_status(reply)
        or LoginRejected(
            f"Angel One refused, and not in words its documentation knows{_told(said_no.code)}",
            hint="try it in the Angel One app",
        )
    )


def accepted(reply: Reply) -> object:
    """The data of an answer to a call with a token, None where there is none; else raises."""
    if reply.status == 401 and not reply.raw.strip():
        raise _dead()
    said_no = refusal_in(reply)
    if said_no is None:
        return _data(reply)
    if said_no.code in NOTHING_THERE:
        return None
    error = _meaning(said_no, READ_TEXTS, READ_CODES) or _by_status(reply)
    if error is None and reply.status in {401, 403}:
        error = _dead()
    raise error or UnexpectedReply(f"Angel One refused the request{_told(said_no.code)}")


def renewed(reply: Reply) -> object:
    """The data of a renewal's answer. None where it was refused for a reason that a login gets over."""
    if reply.status == 401:
        return None
    said_no = refusal_in(reply)
    if said_no is None:
        return _data(reply)
    error = _meaning(said_no, READ_TEXTS, READ_CODES)
    if isinstance(error, RateLimited | LoginRejected | NotEntitled):
        raise error
    flaw = _by_status(reply)
    if flaw is not None:
        raise flaw
    return None


def refusal_in(reply: Reply) -> Refusal | None:
    """Why Angel One said no; None if it said yes. Raises if it said neither."""
    if reply.status == 403 and b"exceeding" in reply.raw.lower():
        raise _too_often()
    body = reply.body
    fields = body if isinstance(body, dict) else {}
    told = [fields[name] for name in ("status", "success") if name in fields]
    if told and all(_is_yes(one) for one in told) and reply.good:
        return None
    refusal = Refusal(_text(fields, "message").lower(), _text(fields, "errorcode") or _text(fields, "errorCode"))
    if not reply.good and not refusal.message and not refusal.code:
        raise reply.failure()
    if not told and not refusal.code:
        raise _by_status(reply) or UnexpectedReply("Angel One's answer has another shape than documented")
    return refusal


def _meaning(refusal: Refusal, texts: Sequence[tuple[str, Cause]], codes: Mapping[str, Cause]) -> BrokerError | None:
    for text, cause in texts:
        if re.search(text, refusal.message):
            return cause()
    return codes[refusal.code]() if refusal.code in codes else None


def _by_status(reply: Reply) -> BrokerError | None:
    return reply.failure() if reply.status == 429 or reply.status >= 500 else None


def _data(reply: Reply) -> object:
    """Nothing is null, an empty text, or the word null."""
    body = reply.body
    data = body.get("data") if isinstance(body, dict) else None
    return None if data in ("", "null") else data


def _is_yes(value: object) -> bool:
    """The documentation's own example writes its booleans as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _told(code: str) -> str:
    return f" with code {code}" if re.fullmatch("A[A-Z][0-9]{4}", code, re.ASCII) else ""
