"""The order of the day, in IST: people are asked before trading starts, and whatever logs in by itself does so before
`ready_at` has it proved and before trading ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from bot.config._faults import Complain
from bot.config._keys import BotKeys
from bot.trading import Hours

_USUAL = Hours()


@dataclass(slots=True)
class OrderOfTheDay:
    """The bot-wide times, and what has to come before what."""

    bot: BotKeys
    doubted: frozenset[str]
    """Keys of the bot's file that were complained about: nothing is held against them."""
    complain: Complain
    """About the bot's file."""
    _inherited: bool = False
    """Some account logs in at the bot-wide `morning`."""

    def check_account(self, morning: time | None, complain: Complain) -> None:
        """Complain about an account's own time to log in; None: it has none of its own."""
        if morning is None:
            self._inherited = True
            return
        ready_at = self._known("ready_at")
        if not self._too_late(morning, complain) and ready_at is not None and morning >= ready_at:
            complain("morning", f"expected a time before {ready_at:%H:%M}, when ready_at has the account proved")

    def check_bot(self) -> None:
        """Complain about the bot-wide times, once all accounts are known."""
        if self.bot.ask_at >= _USUAL.trading_starts:
            self.complain("ask_at", f"expected a time before {_USUAL.trading_starts:%H:%M}, when trading starts")
        morning, ready_at = self._known("morning"), self._known("ready_at")
        if morning is None or self._too_late(morning, self.complain):
            return
        if not self._inherited or ready_at is None or morning < ready_at:
            return
        if ready_at == _USUAL.ready_at:
            self.complain("morning", f"expected a time before {ready_at:%H:%M}, when ready_at has the accounts proved")
        else:
            self.complain("ready_at", f"expected a time after {morning:%H:%M}, the morning at which accounts log in")

    def _too_late(self, morning: time, complain: Complain) -> bool:
        ends = self._known("trading_ends")
        if ends is None or morning < ends:
            return False
        complain("morning", f"expected a time before {ends:%H:%M}, when trading ends")
        return True

    def _known(self, key: str) -> time | None:
        found = getattr(self.bot, key)
        return found if isinstance(found, time) and self.doubted.isdisjoint({key, ""}) else None
