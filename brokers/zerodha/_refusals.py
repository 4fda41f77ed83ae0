"""What Zerodha means by saying no.

`error_type` decides, and the HTTP status only where there is none: a dead token, a missing permission and an address
that may not order are all 403. Of the texts nothing is passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from brokers._errors import (
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    ConsentRejected,
    LoginRejected,
    NotEntitled,
    TokenRejected,
    UnexpectedReply,
)
from brokers._reply import Reply

Texts = tuple[tuple[str, Callable[[], BrokerError]], ...]

TYPES: dict[str, Callable[[], BrokerError]] = {
    "TokenException": lambda: TokenRejected("Zerodha no longer accepts this access token"),
    **dict.fromkeys(
        ("PermissionException", "PermissionError"),
        lambda: NotEntitled("Zerodha does not let this app do that: is its plan or permission active?"),
    ),
    "UserException": lambda: NotEntitled("Zerodha does not let this account do that"),
    **dict.fromkeys(
        ("NetworkException", "DataException", "GeneralException"),
        lambda: BrokerUnreachable("Zerodha says it is out of order at the moment"),
    ),
    **dict.fromkeys(
        ("InputException", "TwoFAException", "OrderException", "MarginException", "HoldingException"),
        lambda: UnexpectedReply("Zerodha found fault with the request itself"),
    ),
}

API_TEXTS: Texts = (
    (
        r"\bips?\b.*(allowed|configured)",
        lambda: NotEntitled(
            "Zerodha takes this only from addresses on the app's list", hint="developers.kite.trade → IP Whitelist"
        ),
    ),
    ("insufficient permission", TYPES["PermissionException"]),
)


def unknown_key() -> BrokerError:
    return LoginRejected("Zerodha does not know this api_key", hint="compare it at developers.kite.trade")


EXCHANGE_TEXTS: Texts = (
    (
        "checksum",
        lambda: LoginRejected("Zerodha refused api_secret", hint="was it made anew at developers.kite.trade?"),
    ),
    ("api_key", unknown_key),
    (
        "token.*(invalid|expired)|request_token",
        lambda: ConsentRejected("Zerodha no longer takes this request token: it works once, and for a few minutes"),
    ),
)

BY_HAND = "log in on kite.zerodha.com by hand before anything else is tried"


def no_totp() -> BrokerError:
    return LoginRejected(
        "this Zerodha account takes no TOTP code",
        hint="enable external TOTP on kite.zerodha.com → My profile → Password & security",
    )


WEB_TEXTS: Texts = (
    # First, as such a text may well name a password or attempts, too.
    (
        "block",
        lambda: LoginRejected(
            "Zerodha has blocked this account's logins",
            hint="only a new password unblocks it: set one on kite.zerodha.com, then in the config",
        ),
    ),
    ("captcha", lambda: LoginRejected("Zerodha asks for a captcha, which only you can answer", hint=BY_HAND)),
    (
        "credential|password",
        lambda: LoginRejected("Zerodha refused client_id and password", hint="five refusals block the account"),
    ),
    (
        "attempt",
        lambda: LoginRejected("Zerodha refused the login and counts the attempts left", hint=BY_HAND),
    ),
    ("not available", no_totp),
    (
        "(?=.*invalid)(?=.*(totp|app code|2fa))",
        lambda: CodeRejected(
            "Zerodha refused the TOTP code",
            hint="either totp_secret is another account's, or this machine's clock is wrong",
        ),
    ),
    ("api_key", unknown_key),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    message: str
    """In small letters; never shown."""
    type: str


def accepted(reply: Reply) -> object:
    """What a success of the api host holds as `data`; else raises."""
    said_no = _refusal_or_none(reply)
    if said_no is None:
        return _data(reply)
    raise _by_text(API_TEXTS, said_no) or _by_type(reply, said_no)


def granted(reply: Reply) -> object:
    """What a granted session holds; else raises. None of its refusals says anything of the token that is held, and one
    in words nobody has seen is one of the request token: a person gets another easily."""
    said_no = _refusal_or_none(reply)
    if said_no is None:
        return _data(reply)
    error = _by_text(EXCHANGE_TEXTS, said_no) or _by_text(API_TEXTS, said_no) or _by_type(reply, said_no)
    if isinstance(error, TokenRejected):
        raise ConsentRejected("Zerodha refused the login, and not in words its documentation knows")
    raise error


def let_in(reply: Reply) -> object:
    """What a step of the web login holds as `data`; else raises. Its refusals are documented nowhere, so one in words
    nobody has seen is final: repeated logins block accounts."""
    if reply.status < 429 and reply.raw.lstrip().startswith(b"<"):
        raise page_changed()
    said_no = _refusal_or_none(reply)
    if said_no is None and reply.status not in {400, 401, 403}:
        return _data(reply)
    said_no = said_no or Refusal("", "")
    error = _by_text(WEB_TEXTS, said_no)
    if error is None and (reply.status == 429 or reply.status >= 500 or said_no.type == "NetworkException"):
        error = _by_type(reply, said_no)
    raise error or LoginRejected("Zerodha refused the login, and not in words anybody has seen", hint=BY_HAND)


def page_changed() -> BrokerError:
    return UnexpectedReply(
        "Zerodha's login page does not work as it used to, so it has probably changed",
        hint='"login": "assisted" needs none of it',
    )


def _refusal_or_none(reply: Reply) -> Refusal | None:
    """What went wrong, by the body itself; None where it does not say that anything did."""
    body = reply.body
    if not isinstance(body, dict):
        return None
    kind, message = body.get("error_type"), body.get("message")
    if not kind and reply.status == 401:
        kind = "TokenException"  # in no table of Zerodha's, but its own client reads it so
    if not kind and body.get("status") != "error":
        return None
    return Refusal(message.lower() if isinstance(message, str) else "", kind if isinstance(kind, str) else "")


def _data(reply: Reply) -> object:
    body = reply.body
    if reply.good and isinstance(body, dict) and body.get("status") == "success":
        return body.get("data")
    raise _by_status(reply)


def _by_text(texts: Texts, refusal: Refusal) -> BrokerError | None:
    return next((error() for text, error in texts if re.search(text, refusal.message)), None)


def _by_type(reply: Reply, refusal: Refusal) -> BrokerError:
    """Too many requests come as NetworkException, like a breakdown: there the status knows better."""
    if reply.status == 429 or refusal.type not in TYPES:
        return _by_status(reply)
    return TYPES[refusal.type]()


def _by_status(reply: Reply) -> BrokerError:
    if reply.good:
        return UnexpectedReply("Zerodha's reply has another shape than documented")
    return reply.failure()
