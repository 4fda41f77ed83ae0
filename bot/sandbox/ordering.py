"""Orders placed elsewhere than through this house, what becomes of them, and what the broker posts of that.

Nothing here takes an order over HTTP: tests and the demo say what happened.
"""

from __future__ import annotations

import http.client
import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from bot.sandbox.bank import C, Row
from bot.sandbox.clock import SandboxClock
from bot.sandbox.india import IST
from bot.sandbox.pulse import Pulse
from bot.sandbox.standin import Broker

PATIENCE = 5.0
"""Real seconds a broker waits for the answer to a postback."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An order, in no broker's words."""

    id: str
    symbol: str
    side: str
    quantity: int
    price: float
    """0: at the market's."""
    placed_at: datetime
    changed_at: datetime
    """Both in IST."""
    filled: int = 0
    average: float = 0.0
    state: str = "open"
    """Or `filled`, `rejected`, `cancelled`."""
    reason: str | None = None

    @property
    def pending(self) -> int:
        return self.quantity - self.filled if self.state == "open" else 0


class Ordering(Broker[C]):
    """A broker with an order book that moves. Postbacks go to the client's `postback_url`, a loopback address."""

    order_key: ClassVar[str]
    """Under which its id lies in a row."""
    controls = (*Broker.controls, "cancel", "fill", "place", "post_back", "reject")

    def __init__(self, clock: SandboxClock, pulse: Pulse) -> None:
        super().__init__(clock, pulse)
        self._placed: dict[str, tuple[str, Placed]] = {}

    @abstractmethod
    def order_id(self, number: int, at: datetime) -> str:
        """As this broker numbers its orders."""

    @abstractmethod
    def in_book(self, client: C, order: Placed) -> Row:
        """As the order book shows it."""

    @abstractmethod
    def in_postback(self, client: C, order: Placed) -> Row | None:
        """As it is posted; None where the broker posts nothing of this state."""

    # What happens to orders.

    def place(
        self, client_id: str, symbol: str, quantity: int, price: float = 0.0, side: str = "BUY", post: bool = True
    ) -> str:
        """Somebody places an order with this client's API key; its id. Here and below, without `post` nothing is posted
        of it yet."""
        now = self._india()
        with self.lock:
            order_id = self.order_id(len(self._placed) + 2, now)
            order = Placed(order_id, symbol, side, quantity, price, now, now)
            self._enter(client_id, order)
        self._post(order_id, {}, 1 if post else 0)
        return order_id

    def fill(self, order_id: str, quantity: int | None = None, price: float | None = None, post: bool = True) -> None:
        """So many more are filled (all that are pending), at that price (its own)."""
        with self.lock:
            _, order = self._open(order_id)
            more = order.pending if quantity is None else quantity
            filled = order.filled + more
            if not 0 < more <= order.pending:
                raise ValueError(f"{order.pending} are pending")
            paid = order.average * order.filled + (order.price if price is None else price) * more
            state = "filled" if filled == order.quantity else "open"
        self._become(order_id, post, filled=filled, average=round(paid / filled, 4), state=state)

    def reject(self, order_id: str, reason: str, post: bool = True) -> None:
        self._become(order_id, post, state="rejected", reason=reason)

    def cancel(self, order_id: str, post: bool = True) -> None:
        self._become(order_id, post, state="cancelled")

    def post_back(self, order_id: str, altered: Mapping[str, Any] | None = None, times: int = 1) -> list[int]:
        """Post how it stands, again or late, with some values altered after it was signed. The HTTP status of each
        answer; 0 where there was none."""
        return self._post(order_id, altered or {}, times)

    def _become(self, order_id: str, post: bool, **changes: Any) -> None:
        with self.lock:
            client_id, order = self._open(order_id)
            self._enter(client_id, replace(order, changed_at=self._india(), **changes))
        self._post(order_id, {}, 1 if post else 0)

    def _open(self, order_id: str) -> tuple[str, Placed]:
        found = self._placed.get(order_id)
        if found is None or found[1].state != "open":
            raise ValueError(f"there is no open order {order_id}")
        return found

    def _enter(self, client_id: str, order: Placed) -> None:
        client = self._client(client_id)
        others = [row for row in self.bank.book(client) if row.get(self.order_key) != order.id]
        client.orders = [*others, self.in_book(client, order)]
        self._placed[order.id] = client_id, order

    def _india(self) -> datetime:
        return self.now().astimezone(IST)

    # Postbacks.

    def _post(self, order_id: str, altered: Mapping[str, Any], times: int) -> list[int]:
        with self.lock:
            if order_id not in self._placed:
                raise ValueError(f"there is no order {order_id}")
            client_id, order = self._placed[order_id]
            client = self._client(client_id)
            posted, address = self.in_postback(client, order), client.postback_url
        if posted is None or address is None:
            return []
        body = json.dumps({**posted, **altered}).encode()
        return [_posted(address, body) for _ in range(times)]


def _posted(address: str, body: bytes) -> int:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.request("POST", parts.path, body, {"Content-Type": "text/plain"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
