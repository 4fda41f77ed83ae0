"""One message on its way: put into words, sent, and what to make of Telegram's answer.

Knows no queue, no store and no sentence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Protocol

from telegram import InlineKeyboardMarkup
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError, TimedOut

from bot.store import Alert, OutboxItem
from bot.trading import in_quiet_hours
from handlers.text import Why

log = logging.getLogger(__name__)

LATE = timedelta(minutes=2)
"""A message that waited longer says so."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds between two tries while Telegram does not answer."""
LONGEST_TOLD_WAIT = 3600.0
"""Seconds; a longer wait from before a restart is not believed, as the clock may have been set."""
MOST_BUTTONS = 20
FIRST_DOUBT, LONGEST_DOUBT = 20.0, 3600.0
"""Seconds between further tries of a message that may have arrived."""
MAY_HAVE_LEFT = frozenset({"ReadError", "RemoteProtocolError"})
"""What the HTTP client calls an answer that broke off."""
NEVER_LEFT = frozenset({"ConnectTimeout", "PoolTimeout"})
"""What the HTTP client calls a time-out before anything was sent."""


class Words(Protocol):
    """The sentences: `handlers.text`."""

    def alerts(
        self, alerts: list[Alert], now: datetime, /, *, late: timedelta | None, repeat: bool, why: str
    ) -> list[str]:
        """The texts to send, each short enough for one message. `why` it is late is a `handlers.text.Why`."""

    def alert_buttons(self, alert: Alert, /) -> list[tuple[str, str]]:
        """Action and account of every button that goes with it."""


Keyboard = Callable[[int, list[tuple[str, str]]], InlineKeyboardMarkup | None]
"""Buttons for a user, from actions and accounts."""


class Sender(Protocol):
    """What is needed of `telegram.Bot`."""

    async def send_message(
        self,
        chat_id: int,
        text: str,
        parse_mode: str,
        *,
        disable_notification: bool,
        reply_markup: InlineKeyboardMarkup | None,
    ) -> object: ...


@dataclass(slots=True)
class Waiting:
    """A message that Telegram has not taken yet."""

    number: int | None
    """In the store; None if the store would not take it."""
    item: OutboxItem
    timed_out: bool
    """The next part may have arrived already."""
    said_at: datetime
    """When it was put into words."""
    alerts: list[Alert] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    buttons: InlineKeyboardMarkup | None = None
    loud: bool = True
    sent: int = 0
    """How many parts Telegram took."""
    sending: bool = False
    wait: float = FIRST_WAIT
    doubt: float = FIRST_DOUBT


@dataclass(slots=True)
class Delivery:
    now: Callable[[], datetime]
    words: Words
    keyboard: Keyboard
    still_true: Callable[[Alert], bool]
    quiet: tuple[time, time] | None
    started_at: datetime | None
    """When this process started, if that is known."""
    pause: Callable[[float], Awaitable[None]]
    keep: Callable[[Waiting, OutboxItem | None], Awaitable[None]]
    """Put the item in the message's place, or drop it; durable where the store allows."""
    follow: Callable[[int, int], Awaitable[None]]
    """A group became a supergroup."""
    address: Callable[[int], int]
    """Where a configured chat is now."""
    until_allowed: Callable[[Waiting], Awaitable[None]]
    """Returns when it is this process that may send it."""

    async def deliver(self, bot: Sender, one: Waiting) -> None:
        """Try until Telegram took it, refused it, or it is no longer true."""
        await self._wait_as_told(one)
        while True:
            try:
                await asyncio.to_thread(self._compose, one)
                await self._send_rest(bot, one)
            except (Forbidden, BadRequest) as error:
                return await self._park(one, f"{type(error).__name__}: {error.message}")
            except TelegramError as error:
                await self._make_of(error, one)
            except Exception as error:
                log.exception("an alert cannot be sent and is put aside")
                return await self._park(one, type(error).__name__)
            else:
                return await self.keep(one, None)

    async def _wait_as_told(self, one: Waiting) -> None:
        """Telegram's word on when to come again outlives a restart."""
        if one.item.not_before is not None:
            wait = (one.item.not_before - self.now()).total_seconds()
            if 0 < wait <= LONGEST_TOLD_WAIT:
                await self.pause(wait)

    def _compose(self, one: Waiting) -> None:
        """Put what is still true into words, in those of this moment. Once a part was taken, only the mark changes."""
        if not one.sent:
            one.alerts, one.said_at = [alert for alert in one.item.alerts if self._holds(alert)], self.now()
        elif not one.timed_out:
            return
        one.parts = self._said(one)
        one.loud = any(alert.loud for alert in one.alerts) and not in_quiet_hours(one.said_at, self.quiet)
        wanted = [button for alert in one.alerts for button in self.words.alert_buttons(alert)]
        in_private = one.item.chat > 0
        one.buttons = self.keyboard(one.item.chat, list(dict.fromkeys(wanted))[:MOST_BUTTONS]) if in_private else None

    def _said(self, one: Waiting) -> list[str]:
        if not one.alerts:
            return []
        queued_at = one.item.queued_at
        late = one.said_at - queued_at
        why = Why.AWAY if self.started_at is not None and queued_at < self.started_at else Why.TELEGRAM
        return self.words.alerts(
            one.alerts, one.said_at, late=late if late > LATE else None, repeat=one.timed_out, why=why
        )

    def _holds(self, alert: Alert) -> bool:
        try:
            return self.still_true(alert)
        except Exception:
            log.exception("it is not known whether an alert still holds; it is sent")
            return True

    async def _send_rest(self, bot: Sender, one: Waiting) -> None:
        while one.sent < len(one.parts):
            is_last = one.sent == len(one.parts) - 1
            await self.until_allowed(one)
            one.sending = True
            await bot.send_message(
                self.address(one.item.chat),
                one.parts[one.sent],
                "HTML",
                disable_notification=not one.loud or one.sent > 0,
                reply_markup=one.buttons if is_last else None,
            )
            one.sending = False
            one.sent, one.timed_out, one.wait = one.sent + 1, False, FIRST_WAIT

    async def _make_of(self, error: TelegramError, one: Waiting) -> None:
        """What to do before the next try."""
        one.sending = False
        match error:
            case RetryAfter():
                await self._come_again(error, one)
            case ChatMigrated():
                await self.follow(one.item.chat, error.new_chat_id)
                await self._back_off(one)
            case TimedOut() if type(error.__cause__).__name__ not in NEVER_LEFT:
                await self._uncertain(one)
            case NetworkError() if type(error.__cause__).__name__ in MAY_HAVE_LEFT:
                await self._uncertain(one)
            case _:
                log.info("Telegram did not take an alert: %s", type(error).__name__)
                await self._back_off(one)

    async def _come_again(self, error: RetryAfter, one: Waiting) -> None:
        told = error.retry_after
        wait = told if isinstance(told, timedelta) else timedelta(seconds=told)
        one.item = replace(one.item, not_before=self.now() + wait, tries=one.item.tries + 1)
        await self.keep(one, one.item)
        await self.pause(wait.total_seconds())

    async def _uncertain(self, one: Waiting) -> None:
        """It may have arrived. It goes again and says so, ever more rarely until Telegram answers: twice is better than
        never."""
        if one.timed_out:
            wait, one.doubt = one.doubt, min(one.doubt * 4, LONGEST_DOUBT)
            await self.pause(wait)
            return
        one.timed_out = True
        one.item = replace(one.item, uncertain=True, tries=one.item.tries + 1)
        await self.keep(one, one.item)
        await self._back_off(one)

    async def _back_off(self, one: Waiting) -> None:
        wait, one.wait = one.wait, min(one.wait * 2, LONGEST_WAIT)
        await self.pause(wait)

    async def _park(self, one: Waiting, why: str) -> None:
        one.sending = False
        log.warning("an alert to chat %d is put aside: %s", one.item.chat, why)
        await self.keep(one, replace(one.item, parked=why))
