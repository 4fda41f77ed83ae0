"""The bot's sign of life on this machine: a file in the store that is dated again and again while the bot's parts go
on, and gone once it has ended. `kunji check --alive` looks at it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path

from bot.heartbeat import keep_beating
from bot.vitals import Vitals
from kunji._alive import DATED_EVERY, FILE

log = logging.getLogger(__name__)


class SignOfLife:
    """`store` is the store's folder."""

    def __init__(self, store: Path, vitals: Vitals) -> None:
        self._path = store / FILE
        self._vitals = vitals

    async def run(self) -> None:
        """Until cancelled."""
        await keep_beating(DATED_EVERY, self._is_moving, self._give)

    def take_back(self) -> None:
        with suppress(OSError):
            self._path.unlink()

    async def _is_moving(self) -> bool:
        return (await self._vitals.look()).is_moving

    async def _give(self) -> None:
        try:
            await asyncio.to_thread(date_now, self._path)
        except OSError as error:
            log.warning("%s cannot be dated: %s", self._path, (error.strerror or "it cannot").lower())


def date_now(path: Path) -> None:
    """Made if it is not there. By this machine's clock, as whoever looks knows no other."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        os.utime(descriptor)
    finally:
        os.close(descriptor)
