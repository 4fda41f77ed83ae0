"""What sentences are made of: names, times, money, and cutting to what one message may hold.

Everything that comes from outside goes through `esc`. Times are shown in IST. A sentence is made with plain blanks, as
the command line, logs and docs have it; what a message holds together on a narrow screen is settled in `split`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from html import escape
from typing import TypeAlias, TypeVar

from brokers import IST, KunjiError
from brokers import rupees as in_rupees

T = TypeVar("T")
Answer: TypeAlias = T | tuple[str, KunjiError]
"""What was asked for, or the account and the error that came instead."""

LIMIT = 4096
"""UTF-16 units Telegram takes in one message."""
CAPTION = 1024
"""And under a picture."""
MIDNIGHT = time(0)
UNKNOWN = "–"
NO_BREAK = "\u00a0"
JOINED = "\u2060"
"""No blank, and no place for a new line."""
_LONGEST_PIECE = LIMIT // 2
_TOKEN = re.compile(r"<[^<>]*>|&#?\w+;|[^\s<&]{1,40}|.", re.DOTALL)
_WITHIN_A_FIGURE = re.compile(r"(?<=\d)\x20(?=(?:s|min|h|d|IST)\b)|(?<=\d\x20[hd])\x20(?=\d)")
"""The blanks of `2 h 5 min`, `1.6 s` and `08:45 IST`."""
_AFTER_A_SIGN = re.compile(r"(?<=[+−])(?=₹)")
_TAG = re.compile(r"<(/?)([a-z-]+)[^<>]*>")
WHO = {
    "admin": "in the chat",
    "schedule": "by itself",
    "command line": "on the command line",
    "program": "by a program",
}
"""Who asked for a refresh."""


def esc(foreign: object) -> str:
    return escape(str(foreign), quote=False)


def bold(name: object) -> str:
    return f"<b>{esc(name)}</b>"


def listed(names: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def span(length: timedelta) -> str:
    """A length of time as people say it: `45 s`, `12 min`, `9 h 12 min`, `2 d 3 h`."""
    seconds = round(abs(length.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return _two(minutes // 60, "h", minutes % 60, "min")
    hours = round(minutes / 60)
    return _two(hours // 24, "d", hours % 24, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return " ".join(f"{count} {unit}" for count, unit in ((large, large_unit), (small, small_unit)) if count)


def clock(at: datetime, now: datetime) -> str:
    """`08:45`, with the day where it is not today: `08:45 tomorrow`, `08:45 on Monday`, `08:45 on 2 January`."""
    there, here = at.astimezone(IST), now.astimezone(IST)
    if there.time() == MIDNIGHT:
        return _midnight((there.date() - here.date()).days, there)
    days = (there.date() - here.date()).days
    if days == 0:
        return f"{there:%H:%M}"
    if days in (-1, 1):
        return f"{there:%H:%M} {'tomorrow' if days == 1 else 'yesterday'}"
    if 1 < days < 7:
        return f"{there:%H:%M} on {there:%A}"
    year = f" {there.year}" if there.year != here.year else ""
    return f"{there:%H:%M} on {there.day} {there:%B}{year}"


def _midnight(days: int, at: datetime) -> str:
    """Named after the day that it ends: half awake, nobody knows which midnight `00:00 tomorrow` is."""
    nights = {1: "midnight tonight", 0: "midnight", 2: "midnight tomorrow"}
    ended = at - timedelta(days=1)
    return nights.get(days) or f"the midnight after {ended:%A}, {ended.day} {ended:%B}"


def when(at: datetime, now: datetime) -> str:
    """The time and how far it is: `08:45 tomorrow (in 9 h 12 min)`."""
    distance = span(at - now)
    return f"{clock(at, now)} (in {distance})" if at > now else f"{clock(at, now)} ({distance} ago)"


def rupees(amount: Decimal | None, *, signed: bool = False) -> str:
    """What is not known is a dash."""
    return UNKNOWN if amount is None or not amount.is_finite() else in_rupees(amount, signed=signed)


def count(number: int) -> str:
    """A minus that is as wide as a plus, as in sums of money."""
    return str(number).replace("-", "−")


def failed(error: KunjiError) -> str:
    """An error within a line: the message as it is, and its hint."""
    return f"{esc(error.message)} ({esc(error.hint)})" if error.hint else esc(error.message)


def paragraphs(parts: Iterable[str | None]) -> str:
    return "\n\n".join(part for part in parts if part)


def lines(parts: Iterable[str | None]) -> str:
    return "\n".join(part for part in parts if part)


def folded(rows: Iterable[str]) -> str:
    """Lines that Telegram folds in where there are many."""
    return f"<blockquote expandable>{lines(rows)}</blockquote>"


def units(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def split(html: str, limit: int = LIMIT) -> list[str]:
    """Cut into messages, between lines if possible, never within a tag or an entity. Tags open at a cut are closed
    before it and opened again after it. There is always at least one message, and none is empty. A figure stays on one
    line with its unit and its sign."""
    parts: list[str] = []
    part, open_tags = "", list[str]()
    for piece in _pieces(_held_together(html), min(_LONGEST_PIECE, limit // 2)):
        after = _open_after(open_tags, piece)
        if units(part + piece + _closing(after)) > limit:
            parts.append(part.strip("\n") + _closing(open_tags))
            part = "".join(open_tags)
        part += piece
        open_tags = after
    parts.append(part.strip("\n") + _closing(open_tags))
    return [part for part in parts if _says_something(part)] or [UNKNOWN]


def _held_together(html: str) -> str:
    return _AFTER_A_SIGN.sub(JOINED, _WITHIN_A_FIGURE.sub(NO_BREAK, html))


def _pieces(html: str, longest: int) -> Iterator[str]:
    for line in [html] if units(html) <= longest else re.findall(r"[^\n]*\n|[^\n]+", html):
        if units(line) <= longest:
            yield line
        else:
            yield from _TOKEN.findall(line)


def _open_after(open_tags: list[str], piece: str) -> list[str]:
    found = list(open_tags)
    for tag in _TAG.finditer(piece):
        if not tag[1]:
            found.append(tag[0])
        elif found:
            found.pop()
    return found


def _closing(open_tags: list[str]) -> str:
    return "".join(f"</{match[2]}>" for tag in reversed(open_tags) if (match := _TAG.match(tag)))


def _says_something(part: str) -> bool:
    return bool(_TAG.sub("", part).strip())
