"""What lies in the store about a token, and finding it there. Knows no clock and does not judge.

The record of a token, as the bot seals it (kind `tokens`, bound to the account), is JSON:

    {"token": {"value", "client_id", "issued_at", "expires_at", "renewable", "extra": {…}},
     "proven", "broker", "rejected_at", "environment": {…}, "headers": {…}}

Times are ISO 8601 with their zone. What has its usual value (no, none, empty) is left out; what a later version adds is
passed over.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from kunji._errors import Damaged, StoreUnreadable
from kunji._file import Signature, signature, unpack
from kunji._places import Places, read_ring, reason
from kunji._seal import Ring

TOKENS_FILE = "tokens.json"
TOKENS = "tokens"
"""The kind of the file, its table, and of the sealed records in it."""


@dataclass(frozen=True, slots=True)
class LiveToken:
    """A token and all that belongs to it, read at one moment. Printing it shows no secret."""

    account: str
    broker: str | None
    """None if an earlier version saved it."""
    client_id: str
    issued_at: datetime
    """Aware, UTC; so is `expires_at`."""
    expires_at: datetime
    proven: bool
    """The broker's profile confirmed it. An unproven token works as a rule; the broker could not be asked."""
    value: str = field(repr=False)
    """The access token itself."""
    extra: Mapping[str, str] = field(repr=False)
    """What the login gave besides, such as Angel One's `feed_token` or Kotak's `sid`."""
    headers: Mapping[str, str] = field(repr=False)
    """How a request to the broker is authorised."""
    environment: Mapping[str, str] = field(repr=False)
    """Names and values as users of the broker's own SDK know them."""


class Held(NamedTuple):
    """A token as it was found, dead or alive."""

    token: LiveToken
    until: float
    """Unix time. Long gone if the broker rejected it, or if only what is known of it remains."""
    rejected_at: datetime | None


class Source(Protocol):
    """Where one account's token is read. `read` is for one thread at a time."""

    look_every: float
    """Seconds between two looks while a live token is at hand."""

    @property
    def turn(self) -> int:
        """Another one when there may be something new, where that is told."""

    def read(self) -> Held | None:
        """As it is, or as it was last known. Raises StoreUnreadable."""

    def check(self, *, lasting: bool = False) -> None:
        """Raises StoreUnreadable if nobody can tell how it is now; with `lasting` only if that does not pass by
        itself."""

    def wait(self, turn: int, seconds: float) -> None:
        """At most so long, while it may still be that turn."""


class TokensFile:
    """One account's record in the tokens file; read again only when the file was replaced."""

    look_every = 0.25
    turn = 0

    def __init__(self, account: str, places: Places, environment: Mapping[str, str]) -> None:
        self._account = account
        self._path = os.path.join(places.folder, TOKENS_FILE)
        self._ring = Ring(lambda: read_ring(places, environment))
        self._seen: Signature | None = None
        self._held: Held | None = None

    def read(self) -> Held | None:
        """Raises StoreUnreadable."""
        try:
            if signature(os.stat(self._path)) != self._seen:
                self._read()
        except FileNotFoundError:
            self._seen, self._held = None, None
        except OSError as error:
            raise StoreUnreadable(f"{self._path} cannot be read: {reason(error)}") from None
        return self._held

    def check(self, *, lasting: bool = False) -> None:
        """Reading it has told."""

    def wait(self, turn: int, seconds: float) -> None:  # noqa: ARG002 -- files do not call
        time.sleep(min(self.look_every, seconds))

    def _read(self) -> None:
        # Writers replace the file: what is open is one whole version, whatever happens meanwhile.
        with open(self._path, "rb") as file:
            seen = signature(os.fstat(file.fileno()))
            data = file.read()
        contents = unpack(data, TOKENS, self._path)
        self._ring.named(contents.key, self._path)
        document = contents.tables.get(TOKENS, {}).get(self._account)
        self._held = None if document is None else self._opened(document["sealed"])
        self._seen = seen

    def _opened(self, sealed: str) -> Held:
        return opened(self._account, self._ring.open(sealed, TOKENS, self._account))


def opened(account: str, text: str) -> Held:
    """The record as it was sealed. Raises Damaged."""
    try:
        return _held(account, json.loads(text))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Damaged(f"the record {TOKENS}/{account} is not what was expected") from None


def _held(account: str, record: dict[str, Any]) -> Held:
    token = record["token"]
    rejected_at = record.get("rejected_at")
    live = LiveToken(
        account=account,
        broker=record.get("broker") or None,
        client_id=token["client_id"],
        issued_at=datetime.fromisoformat(token["issued_at"]),
        expires_at=datetime.fromisoformat(token["expires_at"]),
        proven=record.get("proven", False),
        value=token["value"],
        extra=MappingProxyType(token.get("extra", {})),
        headers=MappingProxyType(record.get("headers", {})),
        environment=MappingProxyType(record.get("environment", {})),
    )
    if rejected_at is None:
        return Held(live, live.expires_at.timestamp(), None)
    return Held(live, float("-inf"), datetime.fromisoformat(rejected_at))
