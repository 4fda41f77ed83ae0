"""Tokens in a store on a server: followed, opened, and held while the server is away. Knows no clock.

Whoever asks once is answered by one question; from the second on the store is followed (see `kunji._subscription`), and
the caller does not wait for the server any more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import NamedTuple

from kunji._errors import Damaged, StoreAway, StoreUnreadable
from kunji._held import TOKENS, Held, opened
from kunji._places import Places, read_ring
from kunji._redis import numbered, parse
from kunji._seal import FORMAT, Ring
from kunji._server import Found, Server
from kunji._subscription import Subscription, bare, join

REMAINS = "kept"
"""The kind of what stays known of a token when it has expired."""
_NEVER = datetime.min.replace(tzinfo=UTC)


class _Known(NamedTuple):
    """What is believed of a token."""

    held: Held | None
    life: str
    number: int
    """Of the write it came with."""


class TokensOnServer:
    """One account's token, as the server calls it."""

    look_every = 0.0

    def __init__(self, account: str, places: Places, environment: Mapping[str, str]) -> None:
        self._account = account
        self._store = places.store
        self._ring = Ring(lambda: read_ring(places, environment))
        self._was_asked = False
        self._subscription: Subscription | None = None
        self._seen: Found | None = None
        self._known = _Known(None, "", 0)
        self._trouble: StoreUnreadable | None = None

    @property
    def turn(self) -> int:
        return self._subscription.turn if self._subscription else 0

    def read(self) -> Held | None:
        try:
            found, self._trouble = self._latest()
            if found is not None and found is not self._seen:
                self._take(found)
        except StoreUnreadable as error:
            self._trouble = bare(error)
        return self._known.held

    def check(self, *, lasting: bool = False) -> None:
        trouble = self._trouble
        if trouble is not None and not (lasting and isinstance(trouble, StoreAway)):
            raise bare(trouble)

    def wait(self, turn: int, seconds: float) -> None:
        if self._subscription is not None:
            self._subscription.wait(turn, seconds)

    def _latest(self) -> tuple[Found | None, StoreUnreadable | None]:
        if not self._was_asked:
            self._was_asked = True
            with closing(Server(parse(self._store))) as server:
                return server.ask([self._account])[self._account], None
        if self._subscription is None or self._subscription.process != os.getpid():
            self._subscription = join(self._store, self)
        return self._subscription.latest(self._account), self._subscription.trouble

    def _take(self, found: Found) -> None:
        if found.life != self._known.life:
            self._check(found.life)
        known = self._opened(found)
        if _counts(found, known, self._known):
            self._known = known
        self._seen = found

    def _opened(self, found: Found) -> _Known:
        text = found.token or found.remains
        if text is None:
            return _Known(None, found.life, found.changed)
        kind = TOKENS if found.token else REMAINS
        record = numbered(text)
        if record is None:
            raise Damaged(f"the record {kind}/{self._account} is not what was expected")
        number, sealed = record
        held = opened(self._account, self._ring.open(sealed, kind, self._account))
        if found.token is None:
            held = held._replace(until=float("-inf"))
        return _Known(held, found.life, number)

    def _check(self, life: str) -> None:
        """That this version and the key at hand can read the store."""
        address = parse(self._store)
        record = numbered(life)
        if record is None:
            raise StoreUnreadable(f"what lies at {address} is no store")
        written_by, sealed = record
        if written_by > FORMAT:
            raise StoreUnreadable(f"the store at {address} was written by a newer version of kunji; install that one")
        self._ring.named(sealed.partition(".")[0], f"the store at {address}").open(sealed, "store", "life")


def _counts(found: Found, new: _Known, old: _Known) -> bool:
    """Whether the new takes the place of the old. A server that lost its last writes, or all of them, knows no better
    than whoever saw them: a token is held until it is deleted, or there is a later one."""
    if old.held is None:
        return True
    if found.token is None and found.remains is not None:
        return _issued_at(new) > _issued_at(old)
    if found.token is None and found.changed == 0:
        return False
    return new.life != old.life or new.number >= old.number or _issued_at(new) >= _issued_at(old)


def _issued_at(known: _Known) -> datetime:
    return known.held.token.issued_at if known.held else _NEVER
