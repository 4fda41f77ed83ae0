"""Getting updates from Telegram, for ever: whatever Telegram or the network does, fetching goes on by itself.

`build` makes the application, `Poller` keeps it fed, `PerUserOrder` keeps one user's commands in order. Nothing here
knows what an update says, and nothing is logged but ids, names of exceptions and sentences of our own, as the
library's exceptions may carry the bot token. Why not the library's own updater: docs/decisions/polling.md.
"""

from __future__ import annotations

from bot.polling._application import build
from bot.polling._order import PerUserOrder
from bot.polling._poller import ALLOWED_UPDATES, Poller, Rival, Waits

__all__ = ["ALLOWED_UPDATES", "PerUserOrder", "Poller", "Rival", "Waits", "build"]
