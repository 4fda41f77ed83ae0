"""How far this machine's clock is from the brokers', as their `Date` headers tell it.

A `Date` header has whole seconds, so one reply says only that the server's clock stood somewhere in
`[date - sent, date + 1 s - received]` relative to ours; several replies intersect to a fraction of a second.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from brokers._clock import Clock

WORTH_TELLING = timedelta(seconds=5)
"""Up to this the clock counts as right."""
BEYOND_BELIEF = timedelta(minutes=10)
"""From this on nothing is corrected: the clock must be set."""
AGREEMENT = timedelta(seconds=2)
"""Two hosts agree if their middles lie no further apart."""
SET_BY = 2.0
"""By so many seconds wall and monotonic time may part before our clock counts as set."""
KEEP = 8


@dataclass(slots=True)
class _Host:
    spans: deque[tuple[timedelta, timedelta]] = field(default_factory=lambda: deque(maxlen=KEEP))

    def middle(self) -> timedelta:
        """The middle of what all replies allow; of the last reply alone if they contradict (the clock was set)."""
        low, high = max(s[0] for s in self.spans), min(s[1] for s in self.spans)
        if low > high:
            last = self.spans[-1]
            self.spans.clear()
            self.spans.append(last)
            low, high = last
        return (low + high) / 2


class Drift:
    """What all hosts together say about our clock. Thread-safe; one for the whole process."""

    def __init__(self) -> None:
        self._hosts: dict[str, _Host] = {}
        self._apart: float | None = None
        self._lock = threading.Lock()

    def look(self, clock: Clock) -> None:
        """Forget what was measured if our clock was set since the last look: it was measured by another time."""
        apart = clock.now().timestamp() - clock.monotonic()
        with self._lock:
            if self._apart is not None and abs(apart - self._apart) > SET_BY:
                self._hosts.clear()
            self._apart = apart

    def measure(self, host: str, sent: datetime, received: datetime, date: datetime) -> None:
        """Take in one reply: our wall time when it was asked for and when it came, and its `Date`, if not a cache's."""
        if received < sent:
            return  # our own clock was set back in between
        with self._lock:
            span = (date - received, date + timedelta(seconds=1) - sent)
            self._hosts.setdefault(host, _Host()).spans.append(span)

    def error(self) -> timedelta | None:
        """What must be added to our clock to get the brokers' time. None unless two hosts were heard and agree."""
        with self._lock:
            middles = sorted(host.middle() for host in self._hosts.values())
        for one, other in pairwise(middles):
            if other - one <= AGREEMENT:
                return (one + other) / 2
        return None

    def correction(self) -> timedelta:
        """What to add when making TOTP codes: the error, if it is over 5 s and under 10 min; else nothing."""
        error = self.error()
        if error is None or not WORTH_TELLING < abs(error) < BEYOND_BELIEF:
            return timedelta(0)
        return error
