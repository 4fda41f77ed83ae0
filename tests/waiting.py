"""Waiting for what nobody announces."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 30.0
"""Seconds of real time after which something is taken to have failed, however busy the machine."""


def eventually(true: Callable[[], bool], what: str = "that did not happen") -> None:
    """Wait until it is true. `what` says what is wrong when it never is."""
    ends = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends, what
        time.sleep(0.01)
