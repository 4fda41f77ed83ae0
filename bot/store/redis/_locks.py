"""Locks that end by themselves, and fences: who took an account's lock last is remembered when it has ended."""

from __future__ import annotations

import random
import secrets
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic, sleep

from bot.store import LockBusy, StoreError, Superseded
from bot.store.redis import _scripts as scripts
from bot.store.redis._leases import Leases
from bot.store.redis._server import Server

POLL = 0.05
"""Seconds between two tries to take a lock."""


class Locks:
    """Thread-safe. A lock is held by the thread that took it."""

    def __init__(self, server: Server, lease: float) -> None:
        self._server = server
        self._holders, self._settling = server.address.key("holders"), server.address.key("settling")
        self._lease = int(lease * 1000)
        self._leases = Leases(lease, self._renew)
        self._threads: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._mine = _Mine()
        self._owed: dict[str, str] = {}
        """Owners of locks that are kept although whoever held them has let go, by account."""

    def owner(self, account: str) -> str:
        """What the fence knows this thread by; nothing, if it does not hold the lock."""
        return self._mine.get(account)

    @contextmanager
    def hold(self, account: str, timeout: float) -> Iterator[None]:
        """Raises LockBusy, StoreError."""
        until = monotonic() + timeout
        busy = LockBusy(f"{account} is being refreshed by somebody else", hint="try again in a minute")
        # One thread of this process asks at a time.
        alone = self._threads[account]
        if not alone.acquire(timeout=timeout):
            raise busy
        try:
            owner = self._owed.get(account) or secrets.token_hex(16)
            while not self._take(account, owner):
                if monotonic() >= until:
                    raise busy
                sleep(min(POLL * random.uniform(0.5, 1.5), max(0.0, until - monotonic())))  # noqa: S311 - no secret
            self._owed.pop(account, None)
            self._leases.add(account, owner)
            self._mine.set(account, owner)
            try:
                yield
            finally:
                self._mine.forget(account)
                if account not in self._owed:
                    self._let_go(account, owner)
        finally:
            alone.release()

    @contextmanager
    def owing(self, account: str) -> Iterator[None]:
        """A token that the server did not take is known here alone: until it is saved this process keeps the lock, or
        somebody else would log in for another one."""
        try:
            yield
        except Superseded:
            raise
        except StoreError:
            if owner := self._mine.get(account):
                self._owed[account] = owner
            raise
        self.owe_nothing(account)

    def owe_nothing(self, account: str) -> None:
        self._owed.pop(account, None)

    def close(self) -> None:
        self._leases.close()

    def _take(self, account: str, owner: str) -> bool:
        if account not in self._owed and self._server.is_back_after(self._lease / 2000):
            return False
        keys = [self._key(account), self._holders, self._settling]
        return bool(self._server.run(scripts.TAKE, keys, account, owner, self._lease))

    def _let_go(self, account: str, owner: str) -> None:
        self._leases.remove(account)
        # If it cannot be told, the lock ends with its lease.
        with suppress(StoreError):
            self._server.run_free(scripts.RELEASE, [self._key(account)], owner)

    def _renew(self, owners: Mapping[str, str]) -> None:
        args = [part for name, owner in owners.items() for part in (self._key(name), name, owner)]
        self._server.run(scripts.RENEW, [self._holders], self._lease, *args)

    def _key(self, account: str) -> str:
        return self._server.address.key(f"lock:{account}")


class _Mine(threading.local):
    """The locks that this thread holds: their owners by their names."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def get(self, account: str) -> str:
        """Nothing, if it holds none."""
        return self._owners.get(account, "")

    def set(self, account: str, owner: str) -> None:
        self._owners[account] = owner

    def forget(self, account: str) -> None:
        self._owners.pop(account, None)
