"""What went wrong, in words: without saying it every second, and never in the words of an exception."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from telegram.error import RetryAfter

log = logging.getLogger("bot.polling")

SAID_AGAIN_AFTER = 600.0


class Trouble:
    """One line when a trouble begins, one every ten minutes while it lasts, one when it is over."""

    def __init__(self) -> None:
        self._sentence: str | None = None
        self._since = 0.0
        self._said = 0.0

    def says(self, sentence: str, level: int = logging.WARNING) -> None:
        now = time.monotonic()
        if self._sentence is None:
            self._since = now
        if sentence == self._sentence and now - self._said < SAID_AGAIN_AFTER:
            return
        self._sentence, self._said = sentence, now
        log.log(level, "%s", sentence)

    def is_over(self) -> None:
        if self._sentence is None:
            return
        self._sentence = None
        log.info("Telegram answers again, after %.0f s", time.monotonic() - self._since)


def names(error: BaseException) -> str:
    """The classes of an exception and of its cause. Their texts may hold an address with the bot token in it."""
    cause = error.__cause__
    return type(error).__name__ + (f" from {type(cause).__name__}" if cause else "")


def seconds(error: RetryAfter) -> float:
    wanted = error.retry_after  # the library announces that this will become a timedelta
    return wanted.total_seconds() if isinstance(wanted, timedelta) else float(wanted)
