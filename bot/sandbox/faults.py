"""What can go wrong on demand: for the next calls of an endpoint, or of any, until it is healed.

A fault says what happens to a call; `front` makes it happen. Stand-ins know only that a call may not reach them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ANY = "*"


class Kind(StrEnum):
    ANSWER = "answer"
    """Another answer; the work is not done."""
    DELAY = "delay"
    """The work is done, later."""
    HANG = "hang"
    """No answer ever; the work is not done."""
    DRIP = "drip"
    """The work is done; status line, headers and body come byte by byte."""
    RESET = "reset"
    """The connection is reset; the work is not done."""
    LOSE = "lose"
    """The work is done, then the connection is reset: the caller cannot know."""
    CUT = "cut"
    """The work is done; the connection is reset in the middle of the body."""


@dataclass(frozen=True, slots=True)
class Fault:
    kind: Kind
    status: int = 500
    body: Any = None
    """Text is sent as HTML, bytes as they are, anything else as JSON."""
    seconds: float = 0.0
    """Of real time: before the answer (delay), between two bytes (drip)."""


@dataclass(slots=True)
class _Planned:
    call: str
    fault: Fault
    left: int | None


class Faults:
    """The plan, first come first served. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[_Planned] = []
        self.healed = 0
        """Rises when everything was healed: who hangs is let go."""

    def plan(self, call: str, fault: Fault, times: int | None) -> None:
        """For the next `times` calls; None: until healed."""
        if times is not None and times < 1:
            raise ValueError("a fault happens at least once")
        with self._lock:
            self._planned.append(_Planned(call, fault, times))

    def heal(self, call: str = ANY) -> None:
        with self._lock:
            self._planned = [] if call == ANY else [p for p in self._planned if p.call != call]
            self.healed += 1

    @property
    def planned(self) -> bool:
        """Whether a call may still meet one."""
        with self._lock:
            return bool(self._planned)

    def take(self, call: str) -> Fault | None:
        """The fault this call meets, if any."""
        with self._lock:
            for planned in self._planned:
                if planned.call in (ANY, call):
                    if planned.left is not None:
                        planned.left -= 1
                        if not planned.left:
                            self._planned.remove(planned)
                    return planned.fault
        return None
