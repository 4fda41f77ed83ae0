"""Reading a live token. Knows the store's files and the key; no broker, no bot, no connection.

The record of a token, as the bot seals it (kind `tokens`, bound to the account), is JSON:

    {"token": {"value", "client_id", "issued_at", "expires_at", "renewable", "extra": {…}},
     "proven", "rejected_at", "environment": {…}, "headers": {…}}

Times are ISO 8601 with their zone. What has its usual value (no, none, empty) is left out; what a later version adds is
passed over.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from threading import Lock
from typing import Any

from kunji._errors import NoLiveToken, StoreUnreadable
from kunji._file import Signature, signature, unpack
from kunji._places import Places, find, read_ring, reason
from kunji._seal import Ring

TOKENS_FILE = "tokens.json"
TOKENS = "tokens"
"""The kind of the file, its table, and of the sealed records in it."""
_LOOK_EVERY = 0.25
"""Seconds between two looks at the file while a live token is at hand."""
_IST = timezone(timedelta(hours=5, minutes=30), "IST")


class Reader:
    """The live token of one account, always the newest. Thread-safe; cheap enough to ask before every request.

    `store` is the store's folder and `config` the config folder, where the environment does not say.
    """

    def __init__(
        self,
        account: str,
        store: str | os.PathLike[str] | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        environment: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Reads nothing yet. `now` gives unix time."""
        self.account = account
        self._places = find(config, store, environment)
        self._file = _TokensFile(account, self._places, environment)
        self._now = now
        self._lock = Lock()
        self._held: _Held | None = None
        self._look_at = 0.0
        self._given: _Held | None = None

    def __repr__(self) -> str:
        return f"Reader({self.account!r})"

    def token(self) -> str:
        """The access token. Raises NoLiveToken, or StoreUnreadable."""
        return self._live().value

    def headers(self) -> dict[str, str]:
        """How a request to the broker is authorised. Raises as `token`."""
        return dict(self._live().headers)

    def environment(self) -> dict[str, str]:
        """Names and values as users of the broker's own SDK know them. Raises as `token`."""
        return dict(self._live().environment)

    @property
    def expires_at(self) -> datetime:
        """When the token stops working; aware, UTC. Raises as `token`."""
        return self._live().expires_at

    def wait_newer(self, timeout: float) -> bool:
        """Wait, at most that many seconds, for a live token other than the one last given out here; whether there is
        one. Raises StoreUnreadable."""
        given = self._given
        until = time.monotonic() + timeout
        while True:
            held = self._look()
            if held is not None and held.until > self._now() and (given is None or held.value != given.value):
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(_LOOK_EVERY, left))

    def _live(self) -> _Held:
        held = self._held
        # A dead token is looked at every time, so that the new one is given out as soon as it is there.
        if held is None or time.monotonic() >= self._look_at or held.until <= self._now():
            held = self._look()
        if held is None or held.until <= self._now():
            raise NoLiveToken(self._why(held))
        self._given = held
        return held

    def _look(self) -> _Held | None:
        with self._lock:
            self._held = self._file.read()
            self._look_at = time.monotonic() + _LOOK_EVERY
            return self._held

    def _why(self, held: _Held | None) -> str:
        if held is None:
            why = f"there is no token for {self.account} in {self._places.store}"
        elif held.rejected_at is not None:
            why = f"the broker no longer accepts the token of {self.account}, since {_said(held.rejected_at)}"
        else:
            why = f"the token of {self.account} expired {_said(held.expires_at)}"
        return f"{why}; for a new one: kunji refresh {self.account}"


class _Held:
    """A token as it was found. Dead from the start if the broker rejected it."""

    __slots__ = ("environment", "expires_at", "headers", "rejected_at", "until", "value")

    def __init__(self, record: dict[str, Any]) -> None:
        rejected_at = record.get("rejected_at")
        self.value: str = record["token"]["value"]
        self.expires_at = datetime.fromisoformat(record["token"]["expires_at"])
        self.rejected_at = None if rejected_at is None else datetime.fromisoformat(rejected_at)
        self.until = float("-inf") if rejected_at is not None else self.expires_at.timestamp()
        self.environment: dict[str, str] = record.get("environment", {})
        self.headers: dict[str, str] = record.get("headers", {})


class _TokensFile:
    """One account's record in the tokens file; read again only when the file was replaced."""

    def __init__(self, account: str, places: Places, environment: Mapping[str, str]) -> None:
        self._account = account
        self._path = os.path.join(places.store, TOKENS_FILE)
        self._ring = Ring(lambda: read_ring(places, environment))
        self._seen: Signature | None = None
        self._held: _Held | None = None

    def read(self) -> _Held | None:
        try:
            if signature(os.stat(self._path)) != self._seen:
                self._read()
        except FileNotFoundError:
            self._seen, self._held = None, None
        except OSError as error:
            raise StoreUnreadable(f"{self._path} cannot be read: {reason(error)}") from None
        return self._held

    def _read(self) -> None:
        # Writers replace the file: what is open is one whole version, whatever happens meanwhile.
        with open(self._path, "rb") as file:
            seen = signature(os.fstat(file.fileno()))
            data = file.read()
        contents = unpack(data, TOKENS, self._path)
        self._ring.named(contents.key, self._path)
        document = contents.tables.get(TOKENS, {}).get(self._account)
        self._held = None if document is None else _Held(self._opened(document["sealed"]))
        self._seen = seen

    def _opened(self, sealed: str) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self._ring.open(sealed, TOKENS, self._account))
        return record


def _said(moment: datetime) -> str:
    return f"{moment.astimezone(_IST):%d %b %Y at %H:%M:%S} IST"
