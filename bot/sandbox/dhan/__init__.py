"""A stand-in for Dhan: tokens, consent, and what a token is good for, as far as Dhan's behaviour is known.

Left out: the push sockets, partner platforms, and placing orders over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from starlette.responses import Response

from bot.sandbox.bank import Row
from bot.sandbox.clock import SandboxClock
from bot.sandbox.dhan import figures, replies
from bot.sandbox.dhan.api import Api
from bot.sandbox.dhan.auth import Auth
from bot.sandbox.dhan.bank import Bank, Rules, reply
from bot.sandbox.dhan.clients import APP, SELF, Client
from bot.sandbox.front import Asked, Resolver
from bot.sandbox.ordering import Ordering, Placed
from bot.sandbox.pulse import Pulse
from bot.sandbox.standin import router


class Dhan(Ordering[Client]):
    """Calls are named by the last part of their path: `generateAccessToken`, `RenewToken`, `profile` …"""

    name = "dhan"
    suffixes: ClassVar[Mapping[str, str]] = {"auth": "", "api": "/v2"}
    samples = replies.SAMPLES
    failure = "error_dh908_internal_inferred"
    order_key = "orderId"
    remembered = frozenset({"client_id", "token", "used_windows", "consents", "paces"})
    controls = (
        *Ordering.controls,
        "add_client",
        "approve",
        "consents",
        "kill_token",
        "login_elsewhere",
        "token",
        "web_token",
    )
    bank: Bank

    def __init__(self, clock: SandboxClock, pulse: Pulse) -> None:
        self.bank = Bank(self.unix, Rules())
        self._auth = Auth(self.bank)
        super().__init__(clock, pulse)

    def doors(self) -> Mapping[str, Resolver]:
        return {
            "auth": router(self._auth.routes(), self._nowhere),
            "api": router(Api(self.bank).routes(), self._nowhere),
        }

    def _nowhere(self, asked: Asked) -> Response:
        return reply(replies.gateway(404, "Not Found", asked.path, self.unix()))

    # Clients.

    def add_client(self, client_id: str, pin: str, totp_secret: str, **more: Any) -> None:
        """A client with a small made-up account. `more`: whatever `change` takes."""
        client = Client(
            client_id=client_id,
            pin=pin,
            totp_secret=totp_secret,
            holdings=figures.holdings(),
            positions=figures.positions(client_id),
            make_orders=lambda day: figures.orders(client_id, day),
            funds=figures.funds(client_id),
        )
        self._admit(client_id, client, more)

    def change(self, client_id: str, **values: Any) -> None:
        """Dates may be given as text, too."""
        if isinstance(since := values.get("ip_set_on"), str):
            values["ip_set_on"] = date.fromisoformat(since)
        super().change(client_id, **values)

    # Tokens.

    def token(self, client_id: str) -> str | None:
        """The client's live token."""
        token = self._client(client_id).token
        return None if token is None or token.ends_at <= self.unix() else token.value

    def web_token(self, client_id: str) -> str:
        """Make a token by hand on Dhan Web: the kind that can be renewed. The old one dies."""
        with self.lock:
            return self.bank.mint(self._client(client_id), SELF).value

    def login_elsewhere(self, client_id: str) -> str:
        """Another program logs in to this client by PIN and TOTP. The old token dies, the two minutes run."""
        with self.lock:
            client = self._client(client_id)
            client.minted_at = self.unix()
            return self.bank.mint(client, APP).value

    def kill_token(self, client_id: str) -> None:
        """The live token dies without a reason anybody is told."""
        with self.lock:
            self._client(client_id).token = None

    # Consents.

    def consents(self, client_id: str) -> list[str]:
        """Every `consentAppId` that was asked for, oldest first."""
        with self.lock:
            return [consent.id for consent in self._client(client_id).consents]

    def approve(self, consent_app_id: str, client_id: str | None = None) -> str:
        """Log in on the consent page, as that client (its own if not given). The address the browser lands on."""
        consent = self.bank.consent(consent_app_id)
        if consent is None:
            raise ValueError("there is no such consent")
        return self._auth.approve(consent, self._client(client_id or consent.client_id).client_id)

    # Orders.

    def order_id(self, number: int, at: datetime) -> str:
        return f"11{at:%y%m%d}{number:04}"

    def in_book(self, client: Client, order: Placed) -> Row:
        return figures.order(client.client_id, order)

    def in_postback(self, client: Client, order: Placed) -> Row:
        return figures.postback(figures.order(client.client_id, order))
