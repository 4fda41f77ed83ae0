"""The bot's sign of life on this machine: a file in the store's folder that is dated again and again while the bot's
parts go on, and gone once it has ended. `kunji check --alive` looks at it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bot.heartbeat import keep_beating
from bot.vitals import Vitals
from kunji._alive import DATED_EVERY, FILE

log = logging.getLogger(__name__)


class SignOfLife:
    def __init__(self, folder: Path, vitals: Vitals, part: Callable[[], str] = str) -> None:
        """`part`: what the bot does among others, in words; nothing where it is alone."""
        self._path = folder / FILE
        self._vitals = vitals
        self._part = part

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
            await asyncio.to_thread(date_now, self._path, self._part())
        except OSError as error:
            log.warning("%s cannot be dated: %s", self._path, (error.strerror or "it cannot").lower())


def date_now(path: Path, says: str = "") -> None:
    """Made if it is not there. By this machine's clock, as whoever looks knows no other."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        os.ftruncate(descriptor, os.pwrite(descriptor, says.encode(), 0))
        os.utime(descriptor)
    finally:
        os.close(descriptor)
