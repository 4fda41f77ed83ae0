"""What Zerodha's addresses and times say. Pure functions; nothing is asked here."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
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
STATE = re.compile(r"([0-9a-f]{6,9})-[0-9a-f]{32}", re.ASCII)
STATE_LIFE = timedelta(hours=12)
"""A login by yesterday's link is nobody's who looks at the chat now."""
LONGEST_PASTE = 4000

EXPECTED = "send the whole address you land on after the login, or the request_token in it"


def answer_in(pasted: Secret, *, login_page: str, state_fits: Callable[[Secret, datetime], bool]) -> Secret:
    """The request token in what the admin sent. `login_page` is the address the login starts from."""
    text = pasted.reveal()
    if len(text) > LONGEST_PASTE:
        raise ConsentRejected(f"that is far too long; {EXPECTED}")
    words = text.split()
    if len(words) > 1:  # a browser's "share" puts the page's title before its address
        words = [word for word in words if "request_token=" in word]
    word = words[0].strip("<>\"'`\u200b\ufeff") if len(words) == 1 else ""
    if BARE.fullmatch(word):
        return Secret(word)
    told = query_of(word)
    if "request_token" in told:
        return _from_callback(told, state_fits)
    if "/connect/login" in word or word.startswith(login_page):
        raise ConsentRejected(f"that is the login page itself; log in there first, then {EXPECTED}")
    if "://" in word:
        raise ConsentRejected(f"that address holds no request_token of Zerodha's; {EXPECTED}")
    raise ConsentRejected(f"that is nothing Zerodha gives out; {EXPECTED}")


def _from_callback(told: dict[str, list[str]], state_fits: Callable[[Secret, datetime], bool]) -> Secret:
    """The address must come from a link of ours: else somebody else's login could be slipped in."""
    if told.get("status") != ["success"]:
        raise ConsentRejected("that address says that the login did not succeed; open the link and log in again")
    found = request_token_in(told)
    if found is None:
        raise ConsentRejected(f"that address holds no request_token that could be used; {EXPECTED}")
    state = told.get("state")
    if state is None:
        raise ConsentRejected(
            "that address does not come from the bot's link; log in by that link, or send the request_token alone"
        )
    made_at = _state_time(state[0]) if len(state) == 1 else None
    if made_at is None or not state_fits(Secret(state[0]), made_at):
        raise ConsentRejected("that address comes from another account's link or an old one; log in by the latest link")
    return found


def query_of(address: str) -> dict[str, list[str]]:
    """From the query alone, as people copy addresses without their beginning. Empty if it cannot be read."""
    query = address.partition("?")[2].partition("#")[0]
    with suppress(ValueError):
        return parse_qs(query, keep_blank_values=True, max_num_fields=20)
    return {}


def request_token_in(told: dict[str, list[str]]) -> Secret | None:
    values = told.get("request_token", [])
    return Secret(values[0]) if len(values) == 1 and REQUEST_TOKEN.fullmatch(values[0]) else None


def state_made_at(moment: datetime, key: Secret, whose: str) -> Secret:
    """What a login link carries and the address after the login brings back. It says when the link was made, and
    nobody without the key can make it, so nothing of it needs to be remembered."""
    minute = f"{int(moment.timestamp() // 60):x}"
    mac = hmac.new(key.reveal().encode(), f"kunji login {whose} {minute}".encode(), hashlib.sha256)
    return Secret(f"{minute}-{mac.hexdigest()[:32]}")


def _state_time(state: str) -> datetime | None:
    found = STATE.fullmatch(state)
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(int(found[1], 16) * 60, UTC) if found else None
    return None


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


def issued(told: str | None, now: datetime) -> datetime:
    """When a token was made: as told, unless that is not a time of today."""
    at = instant(told)
    return at if at is not None and now - timedelta(days=1) < at < now + timedelta(minutes=10) else now
