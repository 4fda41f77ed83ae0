"""A stand-in for Zerodha: the login page and its calls, sessions, and what a token is good for, as far as known.

Left out: the ticker socket, renewal for platforms, and placing orders over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from starlette.responses import Response

from bot.sandbox.bank import Row
from bot.sandbox.clock import SandboxClock
from bot.sandbox.front import Asked, Resolver
from bot.sandbox.ordering import Ordering, Placed
from bot.sandbox.pulse import Pulse
from bot.sandbox.standin import router
from bot.sandbox.zerodha import figures, replies
from bot.sandbox.zerodha.api import Api
from bot.sandbox.zerodha.bank import Bank, Rules
from bot.sandbox.zerodha.clients import App, Client, made
from bot.sandbox.zerodha.web import Web, reply

LANDING = "http://127.0.0.1:8723/kite"


class Zerodha(Ordering[Client]):
    """Calls are named `login`, `twofa`, `connect-login`, `authorize`, `finish`, `session`, `profile`, `margins` …"""

    name = "zerodha"
    suffixes: ClassVar[Mapping[str, str]] = {"web": "", "api": ""}
    samples = replies.SAMPLES
    failure = "error_network_exception"
    order_key = "order_id"
    remembered = frozenset(
        {"client_id", "consented", "wrong_passwords", "wrong_codes", "used_windows", "granted", "refused"}
    )
    controls = (
        *Ordering.controls,
        "add_app",
        "add_client",
        "approve",
        "cancel_consent",
        "kill_token",
        "login_elsewhere",
        "master_logout",
        "regenerate_secret",
        "reset_password",
        "token",
    )
    bank: Bank

    def __init__(self, clock: SandboxClock, pulse: Pulse) -> None:
        self.bank = Bank(self.unix, Rules(), web_address=lambda: self.fronts["web"].door.url)
        self._web = Web(self.bank)
        super().__init__(clock, pulse)

    def doors(self) -> Mapping[str, Resolver]:
        return {
            "web": router(self._web.routes(), self._nowhere),
            "api": router(Api(self.bank).routes(), self._nowhere),
        }

    def _nowhere(self, _: Asked) -> Response:
        return reply(replies.nowhere())

    # Users and apps.

    def add_client(self, client_id: str, password: str, totp_secret: str, **more: Any) -> None:
        """A user with a small made-up account, who has allowed every app there is. `more`: whatever `change` takes."""
        client = Client(
            client_id=client_id,
            password=password,
            totp_secret=totp_secret,
            holdings=figures.holdings(),
            positions=figures.positions(),
            make_orders=lambda day: figures.orders(client_id, day),
            margins=figures.margins(),
        )
        with self.lock:
            client.consented = set(self.bank.apps)
            self._admit(client_id, client, more)

    def add_app(self, api_key: str, api_secret: str, redirect_url: str = LANDING, *, consented: bool = True) -> None:
        """An app, and whether the users there are have allowed it."""
        with self.lock:
            self.bank.apps[api_key] = App(api_key, api_secret, redirect_url)
            for client in self.bank.clients.values():
                (client.consented.add if consented else client.consented.discard)(api_key)

    # Sessions.

    def approve(self, link: str, client_id: str) -> str:
        """Log in in a browser by that link, as that user, allowing the app. The address the browser lands on."""
        query = dict(parse_qsl(urlsplit(link).query))
        with self.lock:
            if query.get("api_key") not in self.bank.apps:
                raise ValueError("that link is for no app there is")
            client = self._client(client_id)
            client.consented.add(query["api_key"])
            return self.bank.land(client, self._web.opened(query))

    def token(self, client_id: str) -> str | None:
        """The user's live token, the newest if there are several."""
        with self.lock:
            live = [
                t for t in self.bank.tokens.values() if t.user_id == client_id and self.bank.live(t.value, t.api_key)
            ]
            return live[-1].value if live else None

    def login_elsewhere(self, client_id: str, api_key: str | None = None) -> str:
        """Another program makes a session for this user and app (the first, if not given)."""
        with self.lock:
            return self.bank.mint(self._client(client_id), api_key or next(iter(self.bank.apps))).value

    def kill_token(self, client_id: str) -> None:
        """The user's tokens die without a reason anybody is told."""
        with self.lock:
            self.bank.end_tokens(self._client(client_id).client_id)

    def master_logout(self, client_id: str) -> None:
        """On Kite web: every token and every web session ends."""
        with self.lock:
            self.kill_token(client_id)
            self.bank.sessions = {k: s for k, s in self.bank.sessions.items() if s.user_id != client_id}

    def reset_password(self, client_id: str, password: str) -> None:
        """Ends all sessions, and is all that unblocks a user."""
        with self.lock:
            self.master_logout(client_id)
            client = self._client(client_id)
            client.password, client.blocked = password, False
            client.wrong_passwords = client.wrong_codes = 0

    def regenerate_secret(self, api_key: str) -> str:
        """Tokens live on; the next exchange needs the new secret."""
        with self.lock:
            self.bank.apps[api_key].secret = made()
            return self.bank.apps[api_key].secret

    def cancel_consent(self, client_id: str, api_key: str) -> None:
        with self.lock:
            self._client(client_id).consented.discard(api_key)

    # Orders.

    def order_id(self, number: int, at: datetime) -> str:
        return f"{at:%y%m%d}{number:09}"

    def in_book(self, client: Client, order: Placed) -> Row:
        return figures.order(client.client_id, order)

    def in_postback(self, client: Client, order: Placed) -> Row | None:
        """Signed with the secret of the first app. Of an order that merely rests nothing is posted."""
        if order.state == "open" and not order.filled:
            return None
        app = next(iter(self.bank.apps.values()))
        return figures.postback(figures.order(client.client_id, order), app.secret)
