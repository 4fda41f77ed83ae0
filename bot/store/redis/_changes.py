"""Which tokens were saved or deleted, by anyone: called out by the server, and never missed.

The call only wakes. What changed is read from the server, from where was read before, so a call that was lost with its
connection costs time at most.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from bot.store.redis._server import Server
from kunji._redis import LAST_NUMBER

if TYPE_CHECKING:
    from redis.client import PubSub

_LISTEN = 0.25
"""Seconds of listening at a time, and so the longest a close takes."""
_LOOK_EVERY = 2.0
"""Seconds after which is read without a call: a connection that was cut in silence calls no more."""


class Changes:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._changed, self._channel = server.address.key("changed"), server.address.key("changes")
        self._calls: PubSub | None = None
        self._listening = Lock()
        self._closed = False
        self._read_up_to = self._last_of_all()

    def wait(self, timeout: float) -> set[str]:
        """Raises StoreError."""
        until = monotonic() + timeout
        with self._listening:
            if timeout > 0:
                self._listen_in()
            changed = self._new()
            look_at = monotonic() + _LOOK_EVERY
            while not changed and not self._closed and (left := until - monotonic()) > 0:
                if self._hears(min(left, _LISTEN)) or monotonic() >= look_at:
                    changed, look_at = self._new(), monotonic() + _LOOK_EVERY
            return changed

    def close(self) -> None:
        self._closed = True
        with self._listening:
            self._hang_up()

    def _listen_in(self) -> None:
        if self._calls is None:
            self._calls = self._server.listener()
            self._server.ask(lambda _: self._subscribe())

    def _subscribe(self) -> None:
        if self._calls is not None:
            self._calls.subscribe(self._channel)

    def _hears(self, seconds: float) -> bool:
        """Whether something was called, or may have been while nobody listened."""
        if self._calls is None:
            self._listen_in()
            return True
        try:
            return self._calls.get_message(timeout=seconds) is not None
        except (RedisError, OSError):
            self._hang_up()
            return True

    def _hang_up(self) -> None:
        calls, self._calls = self._calls, None
        if calls is not None:
            with suppress(RedisError, OSError):
                calls.close()

    def _new(self) -> set[str]:
        last = self._last_of_all()
        if last < self._read_up_to:
            self._read_up_to = 0  # what the server has lost cannot be told from what is new
        found = self._server.ask(
            lambda client: client.zrangebyscore(self._changed, f"({self._read_up_to}", LAST_NUMBER, withscores=True)
        )
        self._read_up_to = max([self._read_up_to, *(int(number) for _, number in found)])
        return {str(account) for account, _ in found}

    def _last_of_all(self) -> int:
        newest = self._server.ask(
            lambda client: client.zrevrangebyscore(self._changed, LAST_NUMBER, 0, start=0, num=1, withscores=True)
        )
        return int(newest[0][1]) if newest else 0
