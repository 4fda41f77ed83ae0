"""Time that can be moved: what the stand-ins and, over HTTP, a program under test go by.

It runs with this machine's clocks plus an offset for each. It knows nobody who uses it.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.pulse import Pulse


class SandboxClock:
    """Wall time and monotonic time, moved together or apart. Thread-safe."""

    def __init__(self, pulse: Pulse, at: datetime | None = None, *, skip_sleeps: bool = False) -> None:
        self._pulse = pulse
        self._lock = threading.RLock()
        self._wall_offset = 0.0
        self._monotonic_offset = 0.0
        self._stopped_at: tuple[float, float] | None = None
        self._skip_sleeps = skip_sleeps
        self._version = 1
        if at is not None:
            self._wall_offset = at.timestamp() - time.time()

    def unix(self) -> float:
        with self._lock:
            return time.time() + self._wall_offset if self._stopped_at is None else self._stopped_at[0]

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.unix(), UTC)

    def monotonic(self) -> float:
        with self._lock:
            return time.monotonic() + self._monotonic_offset if self._stopped_at is None else self._stopped_at[1]

    @property
    def skip_sleeps(self) -> bool:
        return self._skip_sleeps

    def advance(self, seconds: float) -> None:
        """Let that much time pass at once."""
        if seconds < 0:
            raise ValueError("time does not run backwards; to set the wall clock back use jump")
        with self._lock:
            self._move(seconds, seconds)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as somebody at the machine would: no time passes."""
        with self._lock:
            self._move(seconds, 0.0)

    def set(self, at: datetime | float) -> None:
        """Let time pass until then; a moment gone by is reached by setting the wall clock back."""
        target = at.timestamp() if isinstance(at, datetime) else at
        with self._lock:
            by = target - self.unix()
            self._move(by, max(0.0, by))

    def freeze(self) -> None:
        """From now on time moves only when it is moved."""
        with self._lock:
            self._stopped_at = (self.unix(), self.monotonic())
            self._changed()

    def thaw(self) -> None:
        with self._lock:
            if self._stopped_at is not None:
                wall, ticks = self._stopped_at
                self._stopped_at = None
                self._wall_offset, self._monotonic_offset = wall - time.time(), ticks - time.monotonic()
            self._changed()

    def skip(self, on: bool = True) -> None:
        """Whether a sleep makes its time pass at once."""
        with self._lock:
            self._skip_sleeps = on
            self._changed()

    def sleep(self, seconds: float, start: float | None = None) -> None:
        """Wait until `start` (monotonic; now if not given) + seconds. With skipped sleeps that moment is now reached:
        two who sleep at the same time for 10 s move time by 10 s, not 20."""
        end = (self.monotonic() if start is None else start) + seconds
        with self._lock:
            if self._skip_sleeps and (left := end - self.monotonic()) > 0:
                self._move(left, left)
        while (left := end - self.monotonic()) > 0 and not self._pulse.closed:
            timeout = left if self._stopped_at is None else 86_400.0
            self._pulse.wait(lambda: True if self.monotonic() >= end else None, timeout)

    def state(self) -> dict[str, Any]:
        """What a program elsewhere on this machine needs to go by this clock without asking each time."""
        with self._lock:
            return {
                "now": self.unix(),
                "monotonic": self.monotonic(),
                "version": self._version,
                "skip_sleeps": self._skip_sleeps,
                "frozen": self._stopped_at is not None,
                "wall_offset": self._wall_offset,
                "monotonic_offset": self._monotonic_offset,
            }

    def newer(self, version: int) -> dict[str, Any] | None:
        """The state, if it changed since that version."""
        with self._lock:
            return self.state() if self._version > version else None

    def _move(self, wall: float, ticks: float) -> None:
        if self._stopped_at is None:
            self._wall_offset += wall
            self._monotonic_offset += ticks
        else:
            self._stopped_at = (self._stopped_at[0] + wall, self._stopped_at[1] + ticks)
        self._changed()

    def _changed(self) -> None:
        self._version += 1
        self._pulse.beat()
