"""The bot's sign of life on this machine: a file in the store's folder that is dated again and again while the bot's
parts go on, locked as long as its process lives, and gone once it has ended. `kunji check --alive` looks at it.
"""

from __future__ import annotations

import asyncio
import fcntl
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
        self._held: int | None = None
        """The file, locked. The kernel lets go of it when this process ends, however it ends."""

    async def run(self) -> None:
        """Until cancelled."""
        await keep_beating(DATED_EVERY, self._is_moving, self._give)

    def take_back(self) -> None:
        with suppress(OSError):
            self._path.unlink()
        self._hold(None)

    async def _is_moving(self) -> bool:
        return (await self._vitals.look()).is_moving

    async def _give(self) -> None:
        try:
            await asyncio.to_thread(self._give_now)
        except OSError as error:
            log.warning("%s cannot be dated: %s", self._path, (error.strerror or "it cannot").lower())

    def _give_now(self) -> None:
        """In a file opened anew, as another one may lie there by now."""
        self._hold(dated(self._path, self._part()))

    def _hold(self, descriptor: int | None) -> None:
        if self._held is not None:
            os.close(self._held)
        self._held = descriptor


def dated(path: Path, says: str = "") -> int:
    """The open file, made if it was not there, and locked. By this machine's clock, as whoever looks knows no other."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        os.ftruncate(descriptor, os.pwrite(descriptor, says.encode(), 0))
        os.utime(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    with suppress(OSError):  # the file system knows no locks, or somebody looks at this moment
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared, as two bots of one crew may be here
    return descriptor
