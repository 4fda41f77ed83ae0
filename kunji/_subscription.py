"""Follows tokens in a store on a server: one thread for all readers of this process, which hears the server's calls.

A call only wakes: what it is about is read then. All is read again after every connection, and when it was quiet for a
while. So nothing is missed, however long the server was away.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from threading import Condition, Lock, Thread
from weakref import WeakSet

from kunji._errors import StoreUnreadable
from kunji._redis import parse
from kunji._server import Calls, Found, Server

_LISTEN = 1.0
"""Seconds of listening at a time, and so the longest that a thread outlives its readers."""
_QUIET = 3.0
"""Seconds after which the server has to prove that it is still there."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
"""Seconds before the next attempt to connect; each is twice the one before."""


class Subscription:
    """To one store. Thread-safe; of no use in a forked process. It goes on for as long as one of its readers lives."""

    def __init__(self, store: str) -> None:
        """Raises StoreUnreadable."""
        self.process = os.getpid()
        self.readers: WeakSet[object] = WeakSet()
        self.turn = 0
        """Rises with everything that changes here."""
        self.trouble: StoreUnreadable | None = None
        """Why what is known may be old."""
        self._store = store
        self._server = Server(parse(store))
        self._asking = Lock()
        """One asks at a time, so that what is asked later is kept later."""
        self._found: dict[str, Found | None] = {}
        """By account. None: for trouble, it is not known yet."""
        self._changed = Condition()
        self._pause = _FIRST_PAUSE

    def latest(self, account: str) -> Found | None:
        """Waits for the server only if it was never asked about this account."""
        if account not in self._found:
            try:
                self._ask([account])
            except StoreUnreadable as error:
                self._note({account: None}, bare(error))
        return self._found[account]

    def wait(self, turn: int, seconds: float) -> None:
        """Until it is no longer that turn."""
        with self._changed:
            self._changed.wait_for(lambda: self.turn != turn, seconds)

    def follow(self) -> None:
        """Returns when nobody reads any more."""
        while self._is_wanted():
            try:
                with self._server.calls() as calls:
                    self._ask(list(self._found))
                    self._pause = _FIRST_PAUSE
                    self._hear(calls)
            except StoreUnreadable as error:
                self._server.close()
                self._note({}, bare(error))
                time.sleep(self._pause)
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._server.close()

    def _hear(self, calls: Calls) -> None:
        heard = time.monotonic()
        while self._is_wanted():
            account = calls.next(_LISTEN)
            if account in self._found:
                self._ask([account])
            elif self.trouble is not None or time.monotonic() - heard > _QUIET:
                calls.prove()
                self._ask(list(self._found))
                heard = time.monotonic()

    def _ask(self, accounts: Sequence[str]) -> None:
        with self._asking:
            self._note(self._server.ask(accounts) if accounts else {}, None)

    def _note(self, found: Mapping[str, Found | None], trouble: StoreUnreadable | None) -> None:
        with self._changed:
            known = self._found
            new = {name: one for name, one in found.items() if name not in known or one not in (None, known[name])}
            if new or trouble is not self.trouble:
                known.update(new)
                self.trouble = trouble
                self.turn += 1
                self._changed.notify_all()

    def _is_wanted(self) -> bool:
        with _registry.lock:
            if self.readers:
                return True
            if _registry.by_store.get(self._store) is self:
                del _registry.by_store[self._store]
            return False


class _Registry:
    """The subscriptions of this process."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.by_store: dict[str, Subscription] = {}


_registry = _Registry()


def join(store: str, reader: object) -> Subscription:
    """The subscription to this store, begun by its first reader. Raises StoreUnreadable."""
    with _registry.lock:
        found = _registry.by_store.get(store)
        if found is None:
            found = _registry.by_store[store] = Subscription(store)
            found.readers.add(reader)
            Thread(target=found.follow, name="kunji-subscription", daemon=True).start()
        found.readers.add(reader)
        return found


def bare(error: StoreUnreadable) -> StoreUnreadable:
    """Without the frames it came through: kept, they would keep readers alive."""
    return type(error)(str(error))


def _begin_anew() -> None:
    """Forked: the threads are gone, and one of them may have held the lock."""
    global _registry  # noqa: PLW0603 -- there is one for the process
    _registry = _Registry()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
