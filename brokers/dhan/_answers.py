"""What Dhan's tokens, times and addresses say. Pure functions; nothing is asked here."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs

from brokers._errors import ConsentRejected, UnexpectedReply
from brokers._expiry import IST
from brokers._jwt import JWT, claims_in
from brokers._reply import maybe, pick
from brokers._types import Secret

TOKEN_ID = re.compile(r"[\w-]{8,128}", re.ASCII)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
LONGEST_PASTE = 4000
PLAUSIBLE = range(1_000_000_000, 4_000_000_000)
"""Unix times from 2001 to 2096."""

EXPECTED = "send the address you land on after the login, or an access token made on web.dhan.co"


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says of itself."""

    client_id: str
    issued_at: datetime
    expires_at: datetime
    made_by_hand: bool
    """On Dhan Web; the only kind Dhan renews."""


def claims_of(token: Secret) -> Claims | None:
    """None if it is no JWT of Dhan's, or one that says nonsense."""
    body = claims_in(token.reveal())
    with suppress(UnexpectedReply):
        expires = pick(body, "exp", of=int)
        issued = maybe(body, "iat", of=int) or expires - 86_400
        if issued not in PLAUSIBLE or expires not in PLAUSIBLE or issued >= expires:
            return None
        return Claims(
            pick(body, "dhanClientId", of=str),
            datetime.fromtimestamp(issued, UTC),
            datetime.fromtimestamp(expires, UTC),
            maybe(body, "tokenConsumerType", of=str) == "SELF",
        )
    return None


def instant(text: str | None) -> datetime | None:
    """A time as Dhan writes it: in IST, without a zone, with any number of fraction digits. None for "never"."""
    with suppress(ValueError):
        at = datetime.fromisoformat(text or "")
        if at.tzinfo is None and at.year > 2000:
            return (at.replace(tzinfo=IST)).astimezone(UTC)
    return None


def answer_in(pasted: Secret, login_page: str) -> Secret:
    """The tokenId or access token in what the admin sent. `login_page` is the address the login starts from."""
    text = pasted.reveal()
    if len(text) > LONGEST_PASTE:
        raise ConsentRejected(f"that is far too long; {EXPECTED}")
    words = text.split()
    if len(words) > 1:  # a browser's "share" puts the page's title before its address
        words = [word for word in words if "tokenid=" in word.lower()]
    word = words[0].strip("<>\"'`\u200b\ufeff") if len(words) == 1 else ""
    if JWT.fullmatch(word) or UUID.fullmatch(word):
        return Secret(word)
    token_id = _token_id(word)
    if token_id:
        return Secret(token_id)
    if "consentappid=" in word.lower() or word.startswith(login_page):
        raise ConsentRejected(f"that is the login page itself; log in there first, then {EXPECTED}")
    if "://" in word:
        raise ConsentRejected(f"that address holds no tokenId of Dhan's; {EXPECTED}")
    raise ConsentRejected(f"that is nothing Dhan gives out; {EXPECTED}")


def _token_id(address: str) -> str | None:
    """From the query alone: Dhan puts a slash before it, or not, whatever the registered address looks like."""
    query = address.partition("?")[2].partition("#")[0]
    with suppress(ValueError):
        told = [values for name, values in parse_qs(query, max_num_fields=20).items() if name.lower() == "tokenid"]
        if len(told) == 1 and len(told[0]) == 1 and TOKEN_ID.fullmatch(told[0][0]):
            return told[0][0]
    return None
