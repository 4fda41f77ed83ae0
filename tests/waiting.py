"""Waiting for what nobody announces."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE = 30.0
"""Seconds of real time after which something is taken to have failed, however busy the machine."""


def eventually(true: Callable[[], bool], what: str = "that did not happen") -> None:
    """Wait until it is true. `what` says what is wrong when it never is."""
    ends = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < ends, what
        time.sleep(0.01)


async def until(true: Callable[[], object | Awaitable[object]], what: str = "that did not happen") -> None:
    """As `eventually`, in a loop."""
    ends = time.monotonic() + PATIENCE
    while not await _now(true):
        assert time.monotonic() < ends, what
        await asyncio.sleep(0.002)


async def _now(true: Callable[[], object | Awaitable[object]]) -> object:
    found = true()
    return await found if isinstance(found, Awaitable) else found
