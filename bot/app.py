"""Wires the parts of the bot together; decides nothing: what every host does, and the terms in which it leads."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from bot.host import Host
from bot.term import Term
from bot.works import THREAD_NAME, THREADS, Works

LINGER = 4.0
"""Seconds a stop waits for logins under way: a token that was granted and not stored is lost."""


class App:
    """The bot."""

    def __init__(self, works: Works) -> None:
        self._host = Host(works)
        self._leadership = self._host.leadership

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then end within five seconds. Raises DoorBlocked."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, THREAD_NAME))
        lingering = asyncio.create_task(self._linger(stop))
        try:
            await self._host.open()
            while await _comes_first(self._leadership.until_called(), stop):
                await self._lead(stop)
        finally:
            await self._leadership.give_up()
            await self._host.close()
            stop.set()
            await lingering
            await self._leadership.leave()

    def look_now(self) -> datetime | None:
        """Do at once what is due, as the demo moves the time; when there is more to do, None if nobody leads here."""
        return duty.look_now() if (duty := self._host.duty) else None

    async def _lead(self, stop: asyncio.Event) -> None:
        """A term, until it is over or the bot is to stop."""
        over = asyncio.Event()

        async def end() -> None:
            await _comes_first(self._leadership.until_dismissed(), stop)
            over.set()

        ending = asyncio.create_task(end())
        try:
            await Term(self._host).run(over)
        finally:
            ending.cancel()

    async def _linger(self, stop: asyncio.Event) -> None:
        """Let logins and hooks that are under way end, if they do so soon."""
        await stop.wait()
        deadline = asyncio.get_running_loop().time() + LINGER
        while self._host.is_busy() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - threads
            await asyncio.sleep(0.05)


async def _comes_first(what: Coroutine[None, None, None], stop: asyncio.Event) -> bool:
    """Wait for it; False if the stop comes first."""
    awaited, stopping = asyncio.create_task(what), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({awaited, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        awaited.cancel()
        stopping.cancel()
    return not stop.is_set()
