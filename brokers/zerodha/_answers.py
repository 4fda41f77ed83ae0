"""What Zerodha's addresses and times say. Pure functions; nothing is asked here."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, parse_qs

from brokers._addresses import http_parts
from brokers._errors import ConsentRejected
from brokers._expiry import IST
from brokers._types import Secret

BARE = re.compile(r"[A-Za-z0-9]{16,128}", re.ASCII)
"""A request token by itself. 32 in everything seen, which nobody promises."""
REQUEST_TOKEN = re.compile(r"[\w-]{8,128}", re.ASCII)
STATE = re.compile(r"[\w-]{8,128}", re.ASCII)
LONGEST_PASTE = 4000

EXPECTED = "send the whole address you land on after the login, or the request_token in it"


def answer_in(pasted: Secret, *, login_page: str) -> Secret:
    """The request token in what the admin sent. `login_page` is the address the login starts from."""
    if len(pasted.reveal()) > LONGEST_PASTE:
        raise ConsentRejected(f"that is far too long; {EXPECTED}")
    word = _word_in(pasted)
    if BARE.fullmatch(word):
        return Secret(word)
    told = query_of(word)
    if "request_token" in told:
        return _from_callback(told)
    if "/connect/login" in word or word.startswith(login_page):
        raise ConsentRejected(f"that is the login page itself; log in there first, then {EXPECTED}")
    if "://" in word:
        raise ConsentRejected(f"that address holds no request_token of Zerodha's; {EXPECTED}")
    raise ConsentRejected(f"that is nothing Zerodha gives out; {EXPECTED}")


def state_in(pasted: Secret) -> Secret | None:
    """What the address brings back of the link it comes from."""
    return _one(query_of(_word_in(pasted)), "state", STATE)


def _word_in(pasted: Secret) -> str:
    """The address or value among what was sent; nothing if that is not plain."""
    words = pasted.reveal()[: LONGEST_PASTE + 1].split()
    if len(words) > 1:  # a browser's "share" puts the page's title before its address
        words = [word for word in words if "request_token=" in word]
    return words[0].strip("<>\"'`\u200b\ufeff") if len(words) == 1 else ""


def _from_callback(told: dict[str, list[str]]) -> Secret:
    """The address must come from a link of the bot's: else somebody else's login could be slipped in."""
    if told.get("status") != ["success"]:
        raise ConsentRejected("that address says that the login did not succeed; open the link and log in again")
    found = request_token_in(told)
    if found is None:
        raise ConsentRejected(f"that address holds no request_token that could be used; {EXPECTED}")
    if _one(told, "state", STATE) is None:
        raise ConsentRejected(
            "that address does not come from the bot's link; log in by that link, or send the request_token alone"
        )
    return found


def query_of(address: str) -> dict[str, list[str]]:
    """From the query alone, as people copy addresses without their beginning. Empty if it cannot be read."""
    query = address.partition("?")[2].partition("#")[0]
    with suppress(ValueError):
        return parse_qs(query, keep_blank_values=True, max_num_fields=20)
    return {}


def request_token_in(told: dict[str, list[str]]) -> Secret | None:
    return _one(told, "request_token", REQUEST_TOKEN)


def _one(told: dict[str, list[str]], name: str, form: re.Pattern[str]) -> Secret | None:
    values = told.get(name, [])
    return Secret(values[0]) if len(values) == 1 and form.fullmatch(values[0]) else None


def registered(address: str) -> tuple[str, str | None, int | None, str] | None:
    """What two addresses must share to be the same: scheme, host, port, path. None if it is no web address."""
    parts = http_parts(address)
    if parts is None or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port_of(parts), parts.path or "/"


def port_of(parts: SplitResult) -> int:
    return parts.port if parts.port is not None else {"https": 443}.get(parts.scheme, 80)


def instant(text: str | None) -> datetime | None:
    """A time as Zerodha writes it: in IST, without a zone."""
    with suppress(ValueError):
        at = datetime.fromisoformat(text or "")
        if at.tzinfo is None and at.year > 2000:
            return at.replace(tzinfo=IST).astimezone(UTC)
    return None


def issued(told: str | None, asked_at: datetime) -> datetime:
    """When a token was made: as told, unless that is not a time of today."""
    at = instant(told)
    if at is not None and asked_at - timedelta(days=1) < at < asked_at + timedelta(minutes=10):
        return at
    return asked_at
