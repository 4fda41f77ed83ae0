"""What waits to be fetched by getUpdates, or to be brought to a webhook, and who may fetch it.

Not thread-safe by itself: the world's lock guards it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.sandbox.telegram.webhook import Webhook

FIRST = 731_000_001
NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}


class Updates:
    def __init__(self) -> None:
        self._waiting: list[dict[str, Any]] = []
        self._next = FIRST
        self.allowed: list[str] | None = None
        """None: everything but what is left out by default. Kept from call to call."""
        self.poll = 0
        """Rises with every getUpdates: an earlier one that still waits is ended by it."""
        self.webhook: Webhook | None = None

    def add(self, kind: str, content: Any) -> None:
        """Queue one, unless its kind is not asked for."""
        wanted = kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT
        if wanted:
            self.inject({kind: content})

    def inject(self, update: dict[str, Any]) -> int:
        """Queue one as it is; its id is set here."""
        number = self._next
        self._next += 1
        self._waiting.append({"update_id": number, **update})
        return number

    def confirm(self, offset: int) -> None:
        """Forget what came before `offset`; a negative one counts from the end."""
        if offset < 0:
            self._waiting = self._waiting[offset:]
        elif offset > 0:
            self._waiting = [u for u in self._waiting if u["update_id"] >= offset]

    def waiting(self, limit: int = 100) -> list[dict[str, Any]]:
        return self._waiting[:limit]

    def drop(self) -> None:
        self._waiting = []

    def __len__(self) -> int:
        return len(self._waiting)
