"""Telegram brings the updates: it is told where to, and looked after, as somebody else may tell it another place."""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from telegram import Update, WebhookInfo
from telegram.error import BadRequest, TelegramError

from bot.polling._application import parsable
from bot.polling._line import ALLOWED_UPDATES, Line, Rival
from brokers import Secret

log = logging.getLogger(__name__)

PATH = "/telegram/"
ONE_AT_A_TIME = 1
"""Each is taken at once, and so they come in the order in which they were sent."""
REMEMBERED = 1000
"""Updates that are known when they come again, as they do after an answer that was late."""


@dataclass(frozen=True, slots=True)
class Hook:
    """What only Telegram knows of our webhook."""

    part: Secret
    """The last of its address."""
    token: Secret
    """What comes in a header with every update."""

    @classmethod
    def derived(cls, derive: Callable[[str], bytes]) -> Hook:
        """`derive`: what a store makes of its key for a purpose."""
        return cls(*(Secret(_text(derive(f"telegram {what}"))) for what in ("address", "header")))

    def address(self, public_url: str) -> str:
        return f"{public_url}{PATH}{self.part.reveal()}"

    def is_at(self, url: str) -> bool:
        """Whether we set a webhook of that address, under whatever `public_url` it was."""
        return hmac.compare_digest(url.rpartition(PATH)[2].encode(), self.part.reveal().encode())


class Webhook(Line):
    """Takes what Telegram brings, and sees that it goes on bringing it here."""

    def __init__(self, *args: Any, hook: Hook, public_url: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hook = hook
        self._public_url = public_url
        self._is_set = False
        self._is_open = False
        self._taken: deque[int] = deque(maxlen=REMEMBERED)
        self._complaint: str | None = None

    def take(self, update: object) -> bool:
        """What came through the door. False: not now, it is to be brought again. In the loop."""
        if not self._is_open or not self._turn.is_ours():
            return False
        self.last_good = self._now()
        try:
            [content] = parsable([update])
        except TelegramError:
            return True
        if content["update_id"] not in self._taken:
            self._taken.append(content["update_id"])
            self.application.update_queue.put_nowait(Update.de_json(content, self.application.bot))
        return True

    async def _feed(self) -> None:
        self._is_open = True
        while True:
            await self._until_it_works(self._look)
            await asyncio.sleep(self._waits.look)

    async def _look(self) -> None:
        """See where Telegram brings the updates; tell it if that is not here."""
        info = await self.application.bot.get_webhook_info()
        if self._is_set and info.url == self._hook.address(self._public_url):
            self._heed(info)
            return
        if self._is_foreign(info.url):
            self._dispute()
            self._meet(Rival.WEBHOOK if info.url else Rival.POLLER)
        await self._set()

    def _is_foreign(self, url: str) -> bool:
        """Nobody but a stranger changes it once it is set. Before that there may be none, or that of an earlier run."""
        if self._is_set:
            return True
        return bool(url) and not url.startswith(self._public_url + PATH) and not self._hook.is_at(url)

    async def _set(self) -> None:
        await self.application.bot.set_webhook(
            self._hook.address(self._public_url),
            max_connections=ONE_AT_A_TIME,
            allowed_updates=ALLOWED_UPDATES,
            drop_pending_updates=False,
            secret_token=self._hook.token.reveal(),
        )
        if not self._is_set:
            log.info("Telegram brings updates to %s", self._public_url)
        self._is_set = True

    def _heed(self, info: WebhookInfo) -> None:
        """Say once what keeps Telegram from bringing what waits."""
        complaint = info.last_error_message if info.pending_update_count else None
        if complaint and complaint != self._complaint:
            log.warning("Telegram cannot bring updates to %s: %s", self._public_url, complaint)
        self._complaint = complaint

    async def _after(self, error: Exception) -> float:
        if not isinstance(error, BadRequest):
            return await super()._after(error)
        self._failures += 1
        self._trouble.says(f"Telegram does not take the webhook at {self._public_url}: {error.message}", logging.ERROR)
        return self._doubled(self._failures, self._waits.most_refused)

    async def _confirm(self) -> None:
        """It was, with every answer at the door."""

    async def _wind_up(self) -> None:
        self._is_open = False
        await super()._wind_up()


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode().rstrip("=")
