"""The values brokers give and take. Standard library only; nothing here reads a clock, a disk or a wire.

Money is `Decimal` rupees, never `float`. Times are aware and in UTC. `None` means the broker did not say.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NoReturn


class Secret:
    """A text that does not print: tokens, PINs, TOTP secrets and codes, API secrets, request tokens."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("a secret is made from text")
        self._value = value

    def reveal(self) -> str:
        """The text itself. Call it where the value is sent, sealed or compared, nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # What was pasted or written may hold half of a pair, which plain UTF-8 cannot.
        return hmac.compare_digest(*(one._value.encode(errors="surrogatepass") for one in (self, other)))

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Callable[[Any], Any]) -> Any:
        """How pydantic reads one (called by pydantic alone): from text, never from a number."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema(strict=True))


class Text(str):
    """A text that is no secret. A class of its own checks in `__new__` what cannot be right."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Callable[[Any], Any]) -> Any:
        """How pydantic reads one (called by pydantic alone): from text, never from a number."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema(strict=True))


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What trading calls use. `expires_at` is the broker's word, or its rule where it says nothing."""

    value: Secret
    client_id: str
    """Whose token it is, as the login's own answer said; compared with the configured client before it is kept."""
    issued_at: datetime
    expires_at: datetime
    renewable: bool = False
    extra: Mapping[str, Secret] = field(default_factory=dict)
    """What else programs need: Kotak sid and base address, Angel feed token, a refresh token."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What only the admin can do now."""

    url: str | None
    """Where to log in, or None where nothing needs to be opened."""
    expects: str
    """In words, what to send back: "the address you land on", "the six digits of your authenticator app"."""
    expires_at: datetime | None = None
    asks_totp: bool = False
    """The page will ask for a TOTP code."""


@dataclass(frozen=True, slots=True)
class Code:
    """A TOTP code and how long it lives."""

    digits: Secret
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Profile:
    """Whose token it is. Personal data stays at the broker."""

    client_id: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Funds:
    available: Decimal | None
    used: Decimal | None
    total: Decimal | None
    note: str | None = None
    """Says which figure is derived, and how."""


@dataclass(frozen=True, slots=True)
class Holding:
    symbol: str
    exchange: str
    quantity: int
    average_price: Decimal | None
    last_price: Decimal | None
    pnl: Decimal | None


@dataclass(frozen=True, slots=True)
class Position:
    symbol: str
    exchange: str
    product: str
    net_quantity: int
    average_price: Decimal | None
    last_price: Decimal | None
    pnl: Decimal | None
    day_pnl: Decimal | None


class End(StrEnum):
    """How an order ended."""

    FILLED = "filled"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    """Also what lapsed at the end of the day. Part of it may have been filled before."""


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    symbol: str
    side: str
    quantity: int
    filled: int
    price: Decimal | None
    average_price: Decimal | None
    status: str
    """The broker's own word."""
    reason: str | None
    at: datetime | None
    end: End | None = None
    """None: it is not over, or the broker's word for it is not known."""


@dataclass(frozen=True, slots=True)
class OrderAddress:
    """From where the broker takes orders, as it tells it. Every part may be unknown."""

    seen_from: str | None
    registered: tuple[str, ...]
    orders_allowed: bool | None
