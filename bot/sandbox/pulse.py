"""Tells whoever waits, in a thread or in an event loop, that something changed.

It knows nothing of what changed: waiters look for themselves, each time it beats.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

FOREVER = 86_400.0


class Pulse:
    """Thread-safe. After `close` nobody waits any more."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._beats = 0
        self._closed = False
        self._sleepers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def beat(self) -> None:
        """Something changed. May be called while holding any other lock."""
        with self._condition:
            self._beats += 1
            self._condition.notify_all()
            for loop, event in self._sleepers:
                loop.call_soon_threadsafe(event.set)

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._closed = True
        self.beat()

    def wait(self, look: Callable[[], Found | None], timeout: float = FOREVER) -> Found | None:
        """Look at every beat until `look` finds something; None when the real time is up. Blocks the thread."""
        end = time.monotonic() + timeout
        while True:
            before = self._beats
            if (found := look()) is not None:
                return found
            with self._condition:
                moved = self._condition.wait_for(lambda: self._beats != before, max(0.0, end - time.monotonic()))  # noqa: B023 (called before the next round)
            if self._closed or not moved:
                return None

    async def wait_async(self, look: Callable[[], Found | None], timeout: float = FOREVER) -> Found | None:  # noqa: ASYNC109 (running out of time is an answer here, not an error)
        """As `wait`, for an event loop."""
        end = time.monotonic() + timeout
        sleeper = (asyncio.get_running_loop(), asyncio.Event())
        with self._condition:
            self._sleepers.add(sleeper)
        try:
            while not self._closed:
                sleeper[1].clear()
                if (found := look()) is not None:
                    return found
                await asyncio.wait_for(sleeper[1].wait(), max(0.0, end - time.monotonic()))
        except TimeoutError:
            pass
        finally:
            with self._condition:
                self._sleepers.discard(sleeper)
        return None
