"""What both ways of getting updates share: starting while Telegram is away, pausing after what goes wrong, telling of
somebody else who uses the bot token, and a stop that nothing can hold up."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from telegram.error import InvalidToken, NetworkError, RetryAfter
from telegram.ext import Application

from bot.polling._trouble import Trouble, names, seconds

log = logging.getLogger(__name__)

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
"""Edited messages because an admin's edit is answered with a sentence; it is not obeyed."""


class Rival(StrEnum):
    """Somebody else who uses this bot's token."""

    POLLER = "poller"
    WEBHOOK = "webhook"


class Turn(Protocol):
    """Whose turn it is to work on what people write, where several could."""

    def is_ours(self) -> bool:
        """It surely is, at this moment."""

    async def comes(self) -> bool:
        """Whether it is; waits until that is known."""

    def met_rival(self) -> None:
        """Telegram shows that somebody else asks for the updates."""


class AlwaysOurs:
    """Nobody else is to."""

    def is_ours(self) -> bool:
        return True

    async def comes(self) -> bool:
        return True

    def met_rival(self) -> None:
        """It is no other of ours."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long things take, in seconds. Tests make them short."""

    first: float = 1.0
    """The pause after a failure; doubled after each further one."""
    most: float = 30.0
    most_refused: float = 60.0
    """For a refused token and a second poller."""
    most_flood: float = 300.0
    """For a 429: should Telegram ask for more, it is asked again anyway."""
    calm: float = 180.0
    """After this long without a conflict the rival is gone. Longer than the pauses of any poller of this kind."""
    memory: float = 3600.0
    """Two conflicts within this make a rival. One alone is a restart whose predecessor was still connected."""
    hand_over: float = 0.0
    """So long two of ours may be in each other's way, while one takes over from the other."""
    poll: int = 20
    """Telegram may hold a request open for this long when there is nothing new."""
    look: float = 120.0
    """Between two looks at where Telegram brings the updates, should it bring them."""
    reply: float = 15.0
    """How much longer an answer may take, whether it is late or drips."""
    confirm: float = 1.0
    finish: float = 2.0
    close: float = 0.5
    """Stopping: tell Telegram what arrived, let commands finish, let go of everything."""


class Line(ABC):
    """Starts an application, keeps it fed until it is told to stop, and stops it."""

    def __init__(
        self,
        application: Application[Any, Any, Any, Any, Any, Any],
        *,
        now: Callable[[], datetime],
        on_rival: Callable[[Rival | None], None] = lambda _: None,
        turn: Turn | None = None,
        waits: Waits | None = None,
    ) -> None:
        """`on_rival` is called when somebody else turns out to use the token, and with None when that is over. `turn`
        is asked before anything is fetched: what Telegram is not told of it keeps for whoever asks next."""
        self.application = application
        self.reached = asyncio.Event()
        """Telegram has answered for the first time: from now on the bot can send."""
        self.last_good: datetime | None = None
        """When Telegram was last heard of."""
        self.refused_since: datetime | None = None
        """When Telegram began to refuse the bot token; None: it does not."""
        self.conflicts = 0
        self.rival: Rival | None = None
        self._now = now
        self._on_rival = on_rival
        self._turn = turn or AlwaysOurs()
        self._waits = waits or Waits()
        self._trouble = Trouble()
        self._failures = 0
        self._disputed = 0
        self._conflict_times: deque[float] = deque()

    async def run(self, stop: asyncio.Event) -> None:
        """Returns within five seconds of `stop` being set, even if Telegram or a command hangs."""
        living = asyncio.create_task(self._live(), name="updates")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            living.cancel()
            stopping.cancel()
            await asyncio.wait({living, stopping}, timeout=self._waits.close)
            await self._wind_up()
        if living.done() and not living.cancelled():
            living.result()

    @abstractmethod
    async def _feed(self) -> None:
        """Give the application its updates, for ever."""

    @abstractmethod
    async def _confirm(self) -> None:
        """Tell Telegram what arrived, lest the next start gets it again."""

    async def _live(self) -> None:
        await self._until_it_works(self.application.initialize)
        await self.application.start()
        self.reached.set()
        await self._feed()

    async def _until_it_works(self, action: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                async with asyncio.timeout(self._waits.poll + self._waits.reply):
                    await action()
            except Exception as error:
                await asyncio.sleep(await self._after(error))
            else:
                self._good()
                return

    def _good(self) -> None:
        self._failures = 0
        self.last_good, self.refused_since = self._now(), None
        self._trouble.is_over()
        if self._conflict_times and time.monotonic() - self._conflict_times[-1] > self._waits.calm:
            self._disputed = 0
            self._meet(None)

    async def _after(self, error: Exception) -> float:
        """Says what happened; for how long to pause."""
        self._failures += 1
        if isinstance(error, InvalidToken):
            self.refused_since = self.refused_since or self._now()
            self._trouble.says(
                "Telegram refuses the bot token: compare telegram_bot_token with what BotFather shows and restart; "
                "until then it is tried again every minute",
                logging.ERROR,
            )
            return self._doubled(self._failures, self._waits.most_refused)
        if isinstance(error, RetryAfter):
            self._trouble.says("Telegram asks for patience")
            return min(seconds(error), self._waits.most_flood) + self._waits.first / 2
        if isinstance(error, NetworkError | TimeoutError):
            self._trouble.says(f"Telegram cannot be reached ({names(error)}); trying again by itself")
        else:
            self._trouble.says(f"Telegram's answer makes no sense ({names(error)}); trying again by itself")
        return self._doubled(self._failures, self._waits.most)

    def _doubled(self, times: int, most: float) -> float:
        return min(most, self._waits.first * 2.0 ** min(times - 1, 10))

    # Somebody else with the same token.

    def _dispute(self) -> None:
        """Somebody came between; whether that makes a rival is for others to say."""
        self.conflicts += 1
        self._disputed += 1
        now = time.monotonic()
        self._conflict_times.append(now)
        while now - self._conflict_times[0] > self._waits.memory:
            self._conflict_times.popleft()
        self._turn.met_rival()

    def _meet(self, rival: Rival | None) -> None:
        if rival is self.rival:
            return
        self.rival = rival
        if rival is None:
            log.info("nobody else uses the bot token any more")
        else:
            log.error("somebody else uses the bot token (%s): if it is not you, revoke it with BotFather", rival)
        try:
            self._on_rival(rival)
        except Exception as error:
            log.error("could not tell about the use of the bot token (%s)", names(error))  # noqa: TRY400 - no texts

    # Stopping.

    async def _wind_up(self) -> None:
        application, waits = self.application, self._waits
        if application.running:
            if self._turn.is_ours():
                await self._within(waits.confirm, self._confirm())
            await self._within(waits.finish, application.stop(), cut_off=application.update_processor.shutdown)
        await self._within(waits.close, application.shutdown())
        await self._within(waits.close, application.bot.shutdown())

    async def _within(
        self, seconds: float, work: Coroutine[Any, Any, Any], cut_off: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Work that is not done in time is cancelled, after `cut_off` has had its try at making it end by itself.
        What does not even heed that is left behind."""
        task = asyncio.create_task(work)
        await asyncio.wait({task}, timeout=seconds)
        if not task.done() and cut_off:
            log.warning("commands that were still running are cut off")
            await cut_off()
            await asyncio.wait({task}, timeout=self._waits.close)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=self._waits.close)
        if task.done() and not task.cancelled() and (error := task.exception()):
            log.warning("while stopping: %s", names(error))
