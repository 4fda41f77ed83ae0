"""Taking values out of what a broker sent. Replies are untrusted: whatever is odd becomes `UnexpectedReply`.

Nothing of a reply goes into an error's text or its chain, as replies hold tokens. It knows no broker and no network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn, TypeVar, cast

from brokers._errors import BrokerError, BrokerUnreachable, RateLimited, UnexpectedReply
from brokers._types import Secret

T = TypeVar("T")

LONGEST_TEXT = 16_384
LARGEST = 10**15
"""No quantity, and no amount in rupees, comes near this."""

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, good or bad."""

    title: str
    status: int
    retry_after: float | None
    raw: bytes = field(repr=False)
    location: Secret = field(default_factory=lambda: Secret(""))
    """Where a redirect leads, or empty; never followed by itself. It may carry a request token."""
    cookies: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def body(self) -> object:
        """The JSON in it. Raises BrokerUnreachable, RateLimited or UnexpectedReply where there is none."""
        if self.status == 429 or self.status >= 500 or not self.raw.lstrip().startswith(b"<"):
            return self._parsed()
        raise BrokerUnreachable(f"{self.title} answered with a web page instead of data")

    def _parsed(self) -> object:
        flaw: BrokerError
        try:
            return parse(self.raw)
        except UnexpectedReply as error:
            flaw = error if self.good else self.failure()
        raise flaw

    def failure(self) -> BrokerError:
        """What the status alone says, for a reply that is no success."""
        if self.status == 429:
            return RateLimited(f"{self.title} was asked too often", retry_after=self.retry_after)
        if self.status >= 500:
            return BrokerUnreachable(f"{self.title} is out of order at the moment (HTTP {self.status})")
        return UnexpectedReply(
            f"{self.title} answered with HTTP {self.status}, which its documentation does not explain"
        )


def parse(raw: bytes) -> object:
    """The JSON in it, with `Decimal` for fractions. NaN, infinities, double keys and depth bombs are refused."""
    with suppress(ValueError, ArithmeticError, RecursionError):
        return json.loads(
            raw.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_without_doubles
        )
    # Raised out here: a JSONDecodeError in its chain would carry the whole reply.
    raise UnexpectedReply("the broker's reply is not the JSON its documentation promises")


def pick(body: object, *path: str, of: type[T]) -> T:
    """The value at that path, as that type: str, int, bool, Decimal, Secret, list or dict."""
    value = _READ[of](_at(body, path))
    if value is None:
        where = ".".join(path)
        raise UnexpectedReply(
            f"the broker's reply has no usable {where}"
            if where
            else "the broker's reply has another shape than documented"
        )
    return cast("T", value)


def maybe(body: object, *path: str, of: type[T]) -> T | None:
    """As `pick`, but None where the value is absent or null."""
    return None if _at(body, path) in (None, _NOTHING) else pick(body, *path, of=of)


def rows(body: object) -> list[object]:
    """The entries of a reply that is a list."""
    return pick(body, of=list)


def _at(body: object, path: tuple[str, ...]) -> object:
    for key in path:
        body = body.get(key, _NOTHING) if isinstance(body, dict) else _NOTHING
    return body


def _text(value: object) -> str | None:
    """Text, or a whole number, as ids come both ways."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < LARGEST else None
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return None
    broken = any("\ud800" <= c <= "\udfff" for c in value)  # half of a pair: it could be neither stored nor shown
    return None if broken else value


def _secret(value: object) -> Secret | None:
    """What can be sent in a header: visible ASCII."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
        return None
    return Secret(value) if all("!" <= c <= "~" for c in value) else None


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value) if -LARGEST < value < LARGEST else None


def _whole(value: object) -> int | None:
    number = _decimal(value)
    return int(number) if number is not None and number == number.to_integral_value() else None


def _only(kind: type[Any]) -> Callable[[object], object | None]:
    return lambda value: value if isinstance(value, kind) else None


_READ: dict[type[Any], Callable[[object], object | None]] = {
    str: _text,
    int: _whole,
    bool: _only(bool),
    Decimal: _decimal,
    Secret: _secret,
    list: _only(list),
    dict: _only(dict),
}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Two values under one key would let a proxy and us read different replies."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("double key")
    return found
