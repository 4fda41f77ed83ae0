"""A stand-in for Kotak Neo: the login in two steps, and what a session is good for, as far as that is known.

Left out: the order feed and its handshakes, placing orders and the address rules that hold for them alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

from starlette.responses import Response

from bot.sandbox import totp
from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import ANY, Fault, Kind
from bot.sandbox.front import Asked, Resolver, response_of
from bot.sandbox.kotak import figures, replies
from bot.sandbox.kotak.clients import TRADE, Bank, Client
from bot.sandbox.kotak.login import Login
from bot.sandbox.kotak.trade import Trade
from bot.sandbox.pulse import Pulse
from bot.sandbox.standin import Broker, router

SETTABLE = {f.name for f in fields(Client)} - {"client_id", "sessions", "used_windows", "asked_at"}


class Kotak(Broker):
    """Calls are named by the last part of their path: `tradeApiLogin`, `tradeApiValidate`, `limits` …

    Only the door `login` has a configured address; that of `trade` comes with each login, as at Kotak."""

    name = "kotak"
    suffixes: ClassVar[Mapping[str, str]] = {"login": ""}
    controls = (
        *Broker.controls,
        "add_client",
        "attempts",
        "change",
        "code",
        "fail",
        "kill_sessions",
        "login_elsewhere",
        "reset_app_token",
        "rules",
        "token",
    )

    def __init__(self, clock: SandboxClock, pulse: Pulse) -> None:
        self.bank = Bank(self.unix)
        super().__init__(clock, pulse)
        self.lock = self.bank.lock

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
            client_id,
            mobile_number,
            mpin,
            totp_secret,
            consumer_key,
            limits=figures.limits(),
            holdings=figures.holdings(),
            positions=figures.positions(client_id),
            orders=figures.orders(client_id),
        )
        with self.lock:
            self.bank.clients[client_id] = client
            self.change(client_id, **more)

    def change(self, client_id: str, **values: Any) -> None:
        """Change what is known of a client, by the names in `clients.Client`: mpin, totp_secret, blocked, holdings …"""
        if unknown := values.keys() - SETTABLE:
            raise ValueError(f"a client has no {', '.join(sorted(unknown))}")
        with self.lock:
            client = self._client(client_id)
            for name, value in values.items():
                setattr(client, name, value)

    def rules(self, **values: Any) -> None:
        """Change what is not published or can be so or so, by the names in `clients.Rules`."""
        known = {f.name for f in fields(self.bank.rules)}
        if unknown := values.keys() - known:
            raise ValueError(f"there is no rule {', '.join(sorted(unknown))}")
        with self.lock:
            for name, value in values.items():
                setattr(self.bank.rules, name, value)

    def attempts(self, client_id: str) -> dict[str, int]:
        """How many logins of this client were granted and refused, whoever tried."""
        with self.lock:
            client = self._client(client_id)
            return {"granted": client.granted, "refused": client.refused}

    def code(self, client_id: str) -> str:
        """What the client's authenticator app shows now."""
        return totp.code_in(self._client(client_id).totp_secret, totp.window_at(self.unix()))

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

    # Faults.

    def fail(self, call: str = ANY, sample: str = "dependency_err_424", times: int | None = 1) -> None:
        """The next calls are answered with a documented answer, by the name of its sample payload."""
        if sample not in replies.SAMPLES:
            raise ValueError(f"there is no sample {sample}; there are {', '.join(replies.SAMPLES)}")
        status, body = replies.SAMPLES[sample]
        self.faults.plan(call, Fault(Kind.ANSWER, status, body), times)

    def _client(self, client_id: str) -> Client:
        try:
            return self.bank.clients[client_id]
        except KeyError:
            raise ValueError(f"there is no client {client_id}") from None
