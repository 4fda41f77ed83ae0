"""Tells whoever wants to know that a token was saved or forgotten, by whatever process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from bot.store import Store

log = logging.getLogger(__name__)

WAIT = 1.0
"""Seconds of waiting at a time, and so the longest a stop takes."""
PATIENCE = 5.0
"""Seconds until a store that could not be watched is tried again."""


class Watch:
    """Each listener is called with the account's name, on the watch's own thread: it must not block, nor raise."""

    def __init__(self, store: Store, listeners: Iterable[Callable[[str], None]]) -> None:
        self._store = store
        self._listeners = tuple(listeners)
        self._stopped = threading.Event()
        self._fails = False

    def start(self) -> None:
        threading.Thread(target=self._run, name="store-watch", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                for account in self._store.changes(WAIT):
                    for listener in self._listeners:
                        listener(account)
                self._fails = False
            except Exception as error:
                if not self._stopped.is_set() and not self._fails:
                    log.warning("the store cannot be watched: %s", error)
                self._fails = True
                self._stopped.wait(PATIENCE)
