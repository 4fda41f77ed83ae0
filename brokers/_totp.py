"""TOTP codes: reading a secret however it was copied, when to make a code, never the same one twice.

It knows no broker and no store: what was used is remembered by whoever gives `reserve`.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import pyotp

from brokers._clock import Clock
from brokers._drift import Drift
from brokers._errors import RateLimited
from brokers._types import Code, Secret

SENT_AT_LEAST = 5.0
"""Seconds a code to be sent must have left when it is made: four when it is sent, as codes from the edge of a window
come back as wrong, and one for which the pace of calls may hold it up."""
SHOWN_AT_LEAST = 8.0
"""Seconds a code shown to a person must have left."""
SETTLED = 2.0
"""Seconds of a window that must have gone: the broker's clock may be a little behind."""
INSIDE = 0.05
"""Waiting aims this far into the safe part, so that rounding cannot leave us before it."""
UNSURE = 0.5
"""Seconds by which a corrected clock may still be off, as a `Date` header has whole seconds; kept from either end."""
WINDOWS_TRIED = 5
LOOKS = 40
"""However the clock behaves, it is read no more often than this for one code."""

ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
CODE_LENGTHS = range(6, 9)
MISREAD = {"0": "the letter O", "1": "the letter I or L", "8": "the letter B"}
SHORTEST = 16
"""Letters and digits: 80 bits, what the first authenticators had. No broker is known to give fewer."""
DIGESTS = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}
LONGEST = 2000


class _Generator(pyotp.TOTP):
    """pyotp refuses secrets under 112 bits, but it is the broker who chose the secret."""

    def byte_secret(self) -> bytes:
        return _bytes_of(self.secret)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an authenticator must know besides the secret."""

    algorithm: str = "SHA1"
    digits: int = 6
    period: int = 30


class TotpSecret(Secret):
    """A TOTP secret with its algorithm, digits and period. Made by `parse`; `reveal` gives the normalised base32."""

    __slots__ = ("_kind",)

    def __init__(self, value: str, kind: _Kind = _Kind()) -> None:
        super().__init__(value)
        self._kind = kind

    @classmethod
    def parse(cls, text: str) -> TotpSecret:
        """Read a secret as people copy it, or an `otpauth://` address.

        Raises ValueError with a sentence that holds nothing of the secret but a digit that cannot be in one.
        """
        if len(text) > LONGEST:
            raise ValueError("this is far too long for a TOTP secret")
        plain = _visible(unicodedata.normalize("NFKC", text))
        scheme, _, rest = plain.partition("://")
        if not rest:
            return cls(_base32(plain))
        if scheme.lower() == "otpauth-migration":
            raise ValueError("this is the transfer code of an authenticator app; use the text code the broker showed")
        if scheme.lower() != "otpauth":
            raise ValueError("this is an address, but none that starts with otpauth://")
        return _from_address(plain)

    @property
    def digits(self) -> int:
        return self._kind.digits

    @property
    def period(self) -> int:
        """The length of a window in seconds."""
        return self._kind.period

    def window_at(self, unix: float) -> int:
        return int(unix // self.period)

    def code_at(self, unix: float) -> Secret:
        """The digits at that unix time; text, as they may start with a zero."""
        generator = _Generator(
            self.reveal(), digits=self.digits, digest=DIGESTS[self._kind.algorithm], interval=self.period
        )
        return Secret(generator.at(unix))

    def __repr__(self) -> str:
        return "TotpSecret(…)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TotpSecret):
            return NotImplemented
        return super().__eq__(other) and self._kind == other._kind

    def __hash__(self) -> int:
        return hash((super().__hash__(), self._kind))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: Callable[[Any], Any]) -> Any:
        """How pydantic reads one (called by pydantic alone): from text, never from a number."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema(strict=True))


def fresh_code(
    secret: TotpSecret,
    clock: Clock,
    reserve: Callable[[int], bool],
    drift: Drift,
    at_least: float = SENT_AT_LEAST,
) -> Code:
    """A code of a window nobody has used, made in the safe part of the window by the brokers' clock; waits for it.

    Raises RateLimited if window after window is taken.
    """
    refused = 0
    for _ in range(LOOKS):
        drift.look(clock)
        correction = drift.correction()
        safe = _Safe.part(secret.period, at_least, UNSURE if correction else 0)
        now = (clock.now() + correction).timestamp()
        wait = safe.until(now)
        if wait > 0:
            clock.sleep(wait)
        elif not reserve(secret.window_at(now)):
            refused += 1
            if refused == WINDOWS_TRIED:
                break
            clock.sleep(safe.until_next(now))
        elif _still_safe(clock, correction, secret, now, safe):
            return _code(secret, now, correction)
    raise RateLimited(
        "no unused TOTP code came up in several windows",
        retry_after=float(secret.period),
        hint="is another program making codes for this account?",
    )


def current_code(secret: TotpSecret, clock: Clock) -> Code:
    """The code of this moment, used or not, for a secret somebody typed."""
    return _code(secret, clock.now().timestamp(), timedelta(0))


def _code(secret: TotpSecret, now: float, correction: timedelta) -> Code:
    """`expires_at` is by our own clock, as that is what the seconds left are counted with."""
    ends = (secret.window_at(now) + 1) * secret.period
    return Code(secret.code_at(now), datetime.fromtimestamp(ends, UTC) - correction)


@dataclass(frozen=True, slots=True)
class _Safe:
    """The part of every window in which a code is made: seconds after the window's start."""

    period: int
    start: float
    end: float

    @classmethod
    def part(cls, period: int, at_least: float, unsure: float) -> _Safe:
        return cls(period, SETTLED + unsure, period - max(at_least, SENT_AT_LEAST) - unsure)

    def until(self, now: float) -> float:
        """Seconds until a moment well inside; 0 if it is now."""
        gone = now % self.period
        if gone < self.start:
            return self.start - gone + INSIDE
        return 0 if gone <= self.end else self.until_next(now)

    def until_next(self, now: float) -> float:
        return self.period - now % self.period + self.start + INSIDE


def _still_safe(clock: Clock, correction: timedelta, secret: TotpSecret, made_at: float, safe: _Safe) -> bool:
    """Writing down the window may have taken its time; a code that grew old meanwhile is given up."""
    now = (clock.now() + correction).timestamp()
    same_window = secret.window_at(now) == secret.window_at(made_at)
    return same_window and safe.until(now) == 0


def _visible(text: str) -> str:
    """Without blanks and the invisible characters that come along when text is copied from a page."""
    return "".join(c for c in text if unicodedata.category(c) not in {"Cc", "Cf", "Zs", "Zl", "Zp", "Mn"})


def _base32(text: str) -> str:
    """The normalised secret. Positions in the sentences count letters and digits only."""
    written = "".join(c.upper() if c.isascii() else c for c in text if unicodedata.category(c) != "Pd").rstrip("=")
    if not written:
        raise ValueError("the TOTP secret is empty")
    if written.isdigit() and len(written) in CODE_LENGTHS:
        raise ValueError("this is a code, which is good for seconds; the TOTP secret is the text beside the QR picture")
    for position, character in enumerate(written, start=1):
        if character in ALPHABET:
            continue
        if character in MISREAD:
            raise ValueError(
                f"the TOTP secret has the digit {character} at position {position}, where no such digit can be; "
                f"it is probably {MISREAD[character]}"
            )
        raise ValueError(
            f"the TOTP secret has something at position {position} that is neither a letter from A to Z "
            "nor a digit from 2 to 7"
        )
    if len(written) % 8 in {1, 3, 6}:
        raise ValueError("the TOTP secret is cut short or has a letter too many: none has this length")
    if len(written) < SHORTEST:
        raise ValueError(f"the TOTP secret is cut short: it has at least {SHORTEST} letters and digits")
    return written


def _bytes_of(base32: str) -> bytes:
    return base64.b32decode(base32 + "=" * (-len(base32) % 8))


def _from_address(text: str) -> TotpSecret:
    """Our own reading of `otpauth://totp/…`: pyotp refuses a lower-case algorithm and a differing issuer."""
    parts, told = _address_parts(text)
    if parts.netloc.lower() != "totp":
        raise ValueError("this is an otpauth:// address for codes that count logins (hotp); only totp is supported")
    if len(told.get("secret", [])) != 1:
        raise ValueError("this is an otpauth:// address without one secret in it")
    algorithm = told.get("algorithm", ["SHA1"])[0].upper().replace("-", "")
    if algorithm not in DIGESTS:
        raise ValueError("this is an otpauth:// address with an algorithm other than SHA1, SHA256 and SHA512")
    kind = _Kind(algorithm, _number(told, "digits", 6, range(6, 9)), _number(told, "period", 30, range(15, 121)))
    return TotpSecret(_base32(_visible(told["secret"][0])), kind)


def _address_parts(text: str) -> tuple[SplitResult, dict[str, list[str]]]:
    with suppress(ValueError):
        parts = urlsplit(text)
        return parts, {key.lower(): values for key, values in parse_qs(parts.query, max_num_fields=20).items()}
    # Raised out here, as the library's error holds parts of the address.
    raise ValueError("this is an otpauth:// address that cannot be read")


def _number(told: dict[str, list[str]], key: str, usual: int, allowed: range) -> int:
    text = told.get(key, [str(usual)])[0]
    if not re.fullmatch("[0-9]{1,3}", text) or int(text) not in allowed:
        raise ValueError(f"this is an otpauth:// address whose {key} is not from {allowed[0]} to {allowed[-1]}")
    return int(text)
