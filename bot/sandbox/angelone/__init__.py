"""A stand-in for Angel One: tokens, and what a token is good for, as far as Angel One's behaviour is known.

Left out: the sockets, postbacks, the publisher login, market data, and taking orders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

from starlette.responses import Response

from bot.sandbox import totp
from bot.sandbox.angelone import figures, replies
from bot.sandbox.angelone.bank import Bank
from bot.sandbox.angelone.calls import Calls, sample
from bot.sandbox.angelone.clients import Client
from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import ANY, Fault, Kind
from bot.sandbox.front import Asked, Resolver
from bot.sandbox.pulse import Pulse
from bot.sandbox.standin import Broker, router

SETTABLE = {f.name for f in fields(Client)} - {"client_code", "sessions", "used_windows", "paces"}


class AngelOne(Broker):
    """Calls are named by the last part of their path: `loginByPassword`, `generateTokens`, `getProfile` …"""

    name = "angelone"
    suffixes: ClassVar[Mapping[str, str]] = {"api": ""}
    controls = (
        *Broker.controls,
        "add_client",
        "attempts",
        "change",
        "code",
        "fail",
        "kill_token",
        "login_elsewhere",
        "rules",
        "token",
    )

    def __init__(self, clock: SandboxClock, pulse: Pulse) -> None:
        self.bank = Bank(self.unix)
        super().__init__(clock, pulse)
        self.lock = self.bank.lock

    def doors(self) -> Mapping[str, Resolver]:
        return {"api": router(Calls(self.bank).routes(), self._nowhere)}

    def _nowhere(self, _: Asked) -> Response:
        return sample("waf_request_rejected")

    # Clients.

    def add_client(self, client_code: str, pin: str, totp_secret: str, api_key: str, **more: Any) -> None:
        """A client with a small made-up account. `more`: whatever `change` takes."""
        client = Client(
            client_code,
            pin,
            totp_secret,
            api_key,
            holdings=figures.holdings(),
            positions=figures.positions(),
            orders=figures.orders(),
            funds=figures.funds(),
        )
        with self.lock:
            self.bank.clients[client_code] = client
            self.change(client_code, **more)

    def change(self, client_code: str, **values: Any) -> None:
        """Change what is known of a client, by the names in `clients.Client`: pin, totp_secret, blocked, holdings …"""
        if unknown := values.keys() - SETTABLE:
            raise ValueError(f"a client has no {', '.join(sorted(unknown))}")
        with self.lock:
            client = self._client(client_code)
            for name, value in values.items():
                setattr(client, name, value)

    def rules(self, **values: Any) -> None:
        """Change what is not published or can be so or so, by the names in `bank.Rules`."""
        known = {f.name for f in fields(self.bank.rules)}
        if unknown := values.keys() - known:
            raise ValueError(f"there is no rule {', '.join(sorted(unknown))}")
        with self.lock:
            for name, value in values.items():
                setattr(self.bank.rules, name, value)

    def attempts(self, client_code: str) -> dict[str, int]:
        """How many logins of this client were granted and refused, whoever tried."""
        with self.lock:
            client = self._client(client_code)
            return {"granted": client.granted, "refused": client.refused}

    def code(self, client_code: str) -> str:
        """What the client's authenticator app shows now."""
        return totp.code_in(self._client(client_code).totp_secret, totp.window_at(self.unix()))

    # Tokens.

    def token(self, client_code: str) -> str | None:
        """The access token the client was given last, if it lives."""
        with self.lock:
            session = self.bank.newest(self._client(client_code))
            return session.access if session else None

    def login_elsewhere(self, client_code: str) -> str:
        """Another program logs in to this client. Whether that ends the old tokens is a rule."""
        with self.lock:
            return self.bank.open_session(self._client(client_code)).access

    def kill_token(self, client_code: str) -> None:
        """Every token of the client dies without a reason anybody is told."""
        with self.lock:
            self.bank.end_sessions(self._client(client_code))

    # Faults.

    def fail(self, call: str = ANY, sample: str = "login_err_internal_AB2001", times: int | None = 1) -> None:
        """The next calls are answered with a documented answer, by the name of its sample payload."""
        if sample not in replies.SAMPLES:
            raise ValueError(f"there is no sample {sample}; there are {', '.join(replies.SAMPLES)}")
        status, body = replies.SAMPLES[sample]
        self.faults.plan(call, Fault(Kind.ANSWER, status, body), times)

    def _client(self, client_code: str) -> Client:
        try:
            return self.bank.clients[client_code]
        except KeyError:
            raise ValueError(f"there is no client {client_code}") from None
