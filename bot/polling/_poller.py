"""The loop that fetches updates, from a Telegram that is away at start to the stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from telegram.error import Conflict

from bot.polling._line import ALLOWED_UPDATES, Line, Rival
from bot.polling._trouble import names

log = logging.getLogger(__name__)

HEAD_START = 0.02
"""Seconds: what a command takes until its answer is on its way."""


class Poller(Line):
    """Asks Telegram for updates, again and again."""

    def __init__(self, *args: Any, was_ours: Callable[[str], bool] = lambda _: False, **kwargs: Any) -> None:
        """`was_ours`: whether we set a webhook of that address, before we were told to poll."""
        super().__init__(*args, **kwargs)
        self._was_ours = was_ours
        self._offset: int | None = None
        self._has_fetched = False

    async def _feed(self) -> None:
        while True:
            if await self._turn.comes():
                await self._until_it_works(self._fetch)
                self._has_fetched = True
            else:
                await asyncio.sleep(self._waits.first)

    async def _fetch(self) -> None:
        updates = await self.application.bot.get_updates(
            offset=self._offset, timeout=self._waits.poll, allowed_updates=ALLOWED_UPDATES
        )
        self.last_good = self._now()
        for update in updates:
            self.application.update_queue.put_nowait(update)
        if updates:
            self._offset = updates[-1].update_id + 1
            # The library works for a millisecond to prepare the next request; the answers to these updates go first.
            await asyncio.sleep(HEAD_START)

    async def _confirm(self) -> None:
        if self._offset is not None:
            await self.application.bot.get_updates(
                offset=self._offset, timeout=0, limit=1, allowed_updates=ALLOWED_UPDATES
            )

    async def _after(self, error: Exception) -> float:
        return await self._after_conflict() if isinstance(error, Conflict) else await super()._after(error)

    async def _after_conflict(self) -> float:
        removed = await self._removed_webhook()
        if removed and not self._has_fetched and self._was_ours(removed):
            log.info("the webhook of an earlier run was removed, as updates are fetched now")
            return 0
        self._dispute()
        if removed:
            self._meet(Rival.WEBHOOK)
        elif self._twice_lately():
            self._meet(Rival.POLLER)
        return self._doubled(self._disputed, self._waits.most_refused)

    def _twice_lately(self) -> bool:
        times = self._conflict_times
        return len(times) > 1 and times[-1] - times[0] >= self._waits.hand_over

    async def _removed_webhook(self) -> str | None:
        """The address of the webhook that stood in the way, if one did."""
        bot = self.application.bot
        try:
            async with asyncio.timeout(self._waits.reply):
                url = (await bot.get_webhook_info()).url
                if url:
                    await bot.delete_webhook(drop_pending_updates=False)
        except Exception as error:
            log.warning("could not find out whether a webhook is set, or remove it (%s)", names(error))
            return None
        return url or None
