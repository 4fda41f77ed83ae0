"""Records sealed and opened, whatever they lie in."""

from __future__ import annotations

import re
from typing import Generic, TypeVar

from bot.store import StoreError
from bot.store._codec import Codec, Misfit
from kunji import Error
from kunji._seal import Ring, Sealer

T = TypeVar("T")
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", re.ASCII)
"""Names of accounts become names of files and of keys."""


def can_be_named(account: str) -> bool:
    return _ACCOUNT.fullmatch(account) is not None


def named(account: str) -> str:
    """The name, if it can be one. Raises StoreError."""
    if not can_be_named(account):
        raise StoreError(f"{account!r} cannot be the name of an account")
    return account


class Sealed(Generic[T]):
    """Records of one type and kind, each bound to its id. Everything raises StoreError."""

    def __init__(self, kind: str, record: type[T], ring: Ring) -> None:
        self.kind = kind
        self.codec = Codec(record)
        self._ring = ring

    def seal(self, id_: str, record: T, sealer: Sealer | None = None) -> str:
        """With the first key of the ring, if none is given."""
        try:
            return (sealer or self._ring.first()).seal(self.codec.encode(record), self.kind, id_)
        except Misfit as error:
            raise StoreError(f"the {self.kind} of {id_} {error}") from None
        except Error as error:
            raise StoreError(str(error)) from None

    def open(self, id_: str, sealed: str, place: str) -> T:
        """`place` is where it lies, as a person knows it."""
        try:
            return self.codec.decode(self._ring.open(sealed, self.kind, id_))
        except (Error, Misfit) as error:
            raise StoreError(f"{place}: the record of {id_} cannot be read: {error}") from None
