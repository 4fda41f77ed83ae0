"""A stand-in for Kotak Neo: the login in two steps, and what a session is good for, as far as that is known.

Left out: the order feed and its handshakes, placing orders and the address rules that hold for them alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.responses import Response

from bot.sandbox.clock import SandboxClock
from bot.sandbox.front import Asked, Resolver, response_of
from bot.sandbox.kotak import figures, replies
from bot.sandbox.kotak.clients import TRADE, Bank, Client, Rules
from bot.sandbox.kotak.login import Login
from bot.sandbox.kotak.trade import Trade
from bot.sandbox.pulse import Pulse
from bot.sandbox.standin import Broker, router


class Kotak(Broker[Client]):
    """Calls are named by the last part of their path: `tradeApiLogin`, `tradeApiValidate`, `limits` …

    Only the door `login` has a configured address; that of `trade` comes with each login, as at Kotak."""

    name = "kotak"
    suffixes: ClassVar[Mapping[str, str]] = {"login": ""}
    samples = replies.SAMPLES
    failure = "dependency_err_424"
    remembered = frozenset({"client_id", "sessions", "used_windows", "asked_at"})
    controls = (
        *Broker.controls,
        "add_client",
        "kill_sessions",
        "login_elsewhere",
        "reset_app_token",
        "token",
    )
    bank: Bank

    def __init__(self, clock: SandboxClock, pulse: Pulse) -> None:
        self.bank = Bank(self.unix, Rules())
        super().__init__(clock, pulse)

    def doors(self) -> Mapping[str, Resolver]:
        login = Login(self.bank, lambda: self.fronts["trade"].door.url)
        return {
            "login": router(login.routes(), self._nowhere),
            "trade": router(Trade(self.bank).routes(), self._nowhere),
        }

    def _nowhere(self, _: Asked) -> Response:
        return response_of(*replies.nowhere())

    # Clients.

    def add_client(
        self, client_id: str, mobile_number: str, mpin: str, totp_secret: str, consumer_key: str, **more: Any
    ) -> None:
        """A client with a small made-up account. `more`: whatever `change` takes."""
        client = Client(
            client_id=client_id,
            mobile_number=mobile_number,
            mpin=mpin,
            totp_secret=totp_secret,
            consumer_key=consumer_key,
            limits=figures.limits(),
            holdings=figures.holdings(),
            positions=figures.positions(client_id),
            make_orders=lambda day: figures.orders(client_id, day),
        )
        self._admit(client_id, client, more)

    # Sessions.

    def token(self, client_id: str) -> str | None:
        """The token of the client's latest live session to trade with."""
        with self.lock:
            sessions = self._client(client_id).sessions
            return next((s.token for s in reversed(sessions) if s.kind == TRADE and s.ends_at > self.unix()), None)

    def login_elsewhere(self, client_id: str) -> str:
        """Another program logs in to this client; under `max_sessions` an older session may end by it."""
        with self.lock:
            return self.bank.open(self._client(client_id), TRADE).token

    def kill_sessions(self, client_id: str) -> None:
        """Every session ends without a reason anybody is told."""
        with self.lock:
            self._client(client_id).sessions = []

    def reset_app_token(self, client_id: str) -> str:
        """The client makes a new consumer token in the dashboard: the old one and every session end at once."""
        with self.lock:
            client = self._client(client_id)
            client.sessions, client.consumer_key = [], str(uuid.uuid4())
            return client.consumer_key
