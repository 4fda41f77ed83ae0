"""A stand-in for Angel One: tokens, and what a token is good for, as far as Angel One's behaviour is known.

Left out: the sockets, the publisher login, market data, and taking orders over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from starlette.responses import Response

from bot.sandbox.angelone import figures, replies
from bot.sandbox.angelone.bank import Bank, Rules
from bot.sandbox.angelone.calls import Calls, sample
from bot.sandbox.angelone.clients import Client
from bot.sandbox.bank import Row
from bot.sandbox.clock import SandboxClock
from bot.sandbox.front import Asked, Resolver
from bot.sandbox.ordering import Ordering, Placed
from bot.sandbox.pulse import Pulse
from bot.sandbox.standin import router


class AngelOne(Ordering[Client]):
    """Calls are named by the last part of their path: `loginByPassword`, `generateTokens`, `getProfile` …"""

    name = "angelone"
    suffixes: ClassVar[Mapping[str, str]] = {"api": ""}
    samples = replies.SAMPLES
    failure = "login_err_internal_AB2001"
    order_key = "orderid"
    remembered = frozenset({"client_code", "sessions", "used_windows", "paces"})
    controls = (
        *Ordering.controls,
        "add_client",
        "kill_token",
        "login_elsewhere",
        "token",
    )
    bank: Bank

    def __init__(self, clock: SandboxClock, pulse: Pulse) -> None:
        self.bank = Bank(self.unix, Rules())
        super().__init__(clock, pulse)

    def doors(self) -> Mapping[str, Resolver]:
        return {"api": router(Calls(self.bank).routes(), self._nowhere)}

    def _nowhere(self, _: Asked) -> Response:
        return sample("waf_request_rejected")

    # Clients.

    def add_client(self, client_code: str, pin: str, totp_secret: str, api_key: str, **more: Any) -> None:
        """A client with a small made-up account. `more`: whatever `change` takes."""
        client = Client(
            client_code=client_code,
            pin=pin,
            totp_secret=totp_secret,
            api_key=api_key,
            holdings=figures.holdings(),
            positions=figures.positions(),
            make_orders=figures.orders,
            funds=figures.funds(),
        )
        self._admit(client_code, client, more)

    # Angel One's word for a client id, by which the control door takes it.

    def change(self, client_code: str, **values: Any) -> None:  # type: ignore[override]
        super().change(client_code, **values)

    def attempts(self, client_code: str) -> dict[str, int]:
        return super().attempts(client_code)

    def code(self, client_code: str) -> str:
        return super().code(client_code)

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

    # Orders.

    def order_id(self, number: int, at: datetime) -> str:
        return f"{at:%y%m%d}{number:09}"

    def in_book(self, _: Client, order: Placed) -> Row:
        return figures.order(order)

    def in_postback(self, client: Client, order: Placed) -> Row:
        return figures.postback(figures.order(order), client.client_code)
