"""Locks on the server end by themselves when their holder is no longer heard of: here holders are heard of."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

AGAIN_AFTER = 1.0
"""Seconds between two tries to renew while the server does not answer, so as to be early when it is back."""


class Leases:
    """What is held is renewed three times within its lease, on a thread that lives as long as something is held."""

    def __init__(self, lease: float, renew: Callable[[Mapping[str, str]], None]) -> None:
        """`renew` is given the owner of every lock by its name, and may raise."""
        self._every = lease / 3
        self._renew = renew
        self._owners: dict[str, str] = {}
        self._changed = threading.Condition()
        self._running = False

    def add(self, name: str, owner: str) -> None:
        with self._changed:
            self._owners[name] = owner
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="store-leases", daemon=True).start()

    def remove(self, name: str) -> None:
        with self._changed:
            self._owners.pop(name, None)

    def close(self) -> None:
        with self._changed:
            self._owners.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        wait = self._every
        while True:
            with self._changed:
                self._changed.wait(wait)
                if not self._owners:
                    self._running = False
                    return
                owners = dict(self._owners)
            try:
                self._renew(owners)
                wait = self._every
            except Exception as error:
                level = logging.WARNING if wait == self._every else logging.DEBUG
                log.log(level, "the locks held here cannot be renewed: %s", error)
                wait = min(AGAIN_AFTER, self._every / 2)
