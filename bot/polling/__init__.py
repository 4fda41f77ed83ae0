"""Getting updates from Telegram, for ever: whatever Telegram or the network does, it goes on by itself.

`build` makes the application, a `Line` keeps it fed: `Poller` fetches, to `Webhook` they are brought. `PerUserOrder`
keeps one user's commands in order. Nothing here knows what an update says, and nothing is logged but ids, names of
exceptions and sentences of our own, as the library's exceptions may carry the bot token. Why not the library's own
updater: docs/decisions/polling.md.
"""

from __future__ import annotations

from bot.polling._application import build, outgoing
from bot.polling._line import ALLOWED_UPDATES, AlwaysOurs, Line, Rival, Turn, Waits
from bot.polling._order import PerUserOrder
from bot.polling._poller import Poller
from bot.polling._webhook import Hook, Webhook

__all__ = [
    "ALLOWED_UPDATES",
    "AlwaysOurs",
    "Hook",
    "Line",
    "PerUserOrder",
    "Poller",
    "Rival",
    "Turn",
    "Waits",
    "Webhook",
    "build",
    "outgoing",
]
