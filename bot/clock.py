"""Where the program's time comes from: this machine, or a sandbox that moves it.

It knows the sandbox's clock by its HTTP form alone. It does not decide whether a sandbox may be used: see
`is_loopback`, which the app asks of every address.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from brokers import Clock, KunjiError, SystemClock, is_loopback

PATIENCE = 20.0
"""Real seconds one request waits for the sandbox's time to be moved."""
RETRY_AFTER = 0.2
FROZEN_WAIT = 3600.0


class ClockError(KunjiError):
    """KUNJI_CLOCK names no clock that can be used."""


def open_clock(address: str | None) -> Clock:
    """This machine's clock, or the sandbox's at that address. Raises ClockError."""
    if address is None:
        return SystemClock()
    if not is_loopback(address) or not address.startswith("http://"):
        raise ClockError("KUNJI_CLOCK must be an http:// address on this machine, such as http://127.0.0.1:8100")
    return RemoteClock(address)


class RemoteClock:
    """The sandbox's time. Both run on one machine, so its state is two offsets; a thread hears of their changes."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 80, parts.path.rstrip("/")
        self._changed = threading.Condition()
        self._latest = float("-inf")
        self._closed = False
        try:
            self._state = self._ask("GET", "/clock")
        except (OSError, http.client.HTTPException, ValueError):
            raise ClockError("no sandbox clock answers at the address in KUNJI_CLOCK") from None
        threading.Thread(target=self._listen, name="sandbox-clock", daemon=True).start()

    def now(self) -> datetime:
        with self._changed:
            state = self._state
        unix = state["now"] if state["frozen"] else time.time() + state["wall_offset"]
        return datetime.fromtimestamp(unix, UTC)

    def monotonic(self) -> float:
        with self._changed:
            state = self._state
            at = state["monotonic"] if state["frozen"] else time.monotonic() + state["monotonic_offset"]
            self._latest = max(self._latest, float(at))
            return self._latest

    def sleep(self, seconds: float) -> None:
        """Ends when the sandbox's time reaches the end, however it gets there."""
        if seconds <= 0:
            return
        start = self.monotonic()
        if self._state["skip_sleeps"]:
            self._skip(seconds, start)
        with self._changed:
            while (left := start + seconds - self.monotonic()) > 0:
                self._changed.wait(FROZEN_WAIT if self._state["frozen"] else left)

    def close(self) -> None:
        """Hear of no more changes."""
        self._closed = True

    def _skip(self, seconds: float, start: float) -> None:
        try:
            self._take(self._ask("POST", "/clock/sleep", {"seconds": seconds, "start": start}))
        except (OSError, http.client.HTTPException, ValueError):
            return  # the sandbox went away: the time is waited out

    def _listen(self) -> None:
        while not self._closed:
            try:
                self._take(self._ask("GET", f"/clock?after={self._state['version']}&wait={PATIENCE:g}"))
            except ConnectionRefusedError:
                return  # the sandbox never shuts this door while it lives, and its port may soon be somebody else's
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(RETRY_AFTER)

    def _take(self, state: dict[str, Any]) -> None:
        with self._changed:
            if state["version"] > self._state["version"]:
                self._state = state
                self._changed.notify_all()

    def _ask(self, method: str, path: str, body: dict[str, float] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE + 10)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, self._path + path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            state = json.loads(reply.read())
        finally:
            connection.close()
        if reply.status != 200 or not isinstance(state, dict) or "wall_offset" not in state:
            raise ValueError("not a clock's state")
        return state
