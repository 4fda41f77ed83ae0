"""The door `api`: sessions, and what an access token is good for.

Orders are read here and never taken: nothing in this house places one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from bot.sandbox.bank import same
from bot.sandbox.front import Asked, Handler
from bot.sandbox.standin import Route
from bot.sandbox.zerodha import replies
from bot.sandbox.zerodha.bank import Bank, sample
from bot.sandbox.zerodha.clients import App, Client, RequestToken, Token
from bot.sandbox.zerodha.web import form_of, reply

READS = ((1.0, 10),)
"""As (seconds, calls). Reads of an app, all together."""


class Api:
    """Handlers. Every read checks the token first."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def routes(self) -> list[Route]:
        reads: dict[str, Callable[[Client], Any]] = {
            "/user/profile": replies.profile,
            "/user/margins": replies.margins,
            "/user/margins/equity": lambda client: replies.margins(client)["equity"],
            "/user/margins/commodity": lambda client: replies.margins(client)["commodity"],
            "/portfolio/holdings": lambda client: client.holdings,
            "/portfolio/positions": lambda client: {"net": client.positions, "day": client.positions},
            "/orders": self._bank.book,
        }
        names = {"/user/margins/equity": "margins-equity", "/user/margins/commodity": "margins-commodity"}
        routes = [
            Route(names.get(path, path.rpartition("/")[2]), path, {"GET": self._for(read)})
            for path, read in reads.items()
        ]
        return [*routes, Route("session", "/session/token", {"POST": self.exchange, "DELETE": self.end})]

    def exchange(self, asked: Asked) -> Response:
        form = form_of(asked)
        for name in ("api_key", "request_token", "checksum"):
            if not form.get(name):
                return reply(replies.missing(name))
        with self._bank.lock:
            app = self._bank.apps.get(form["api_key"])
            given = self._bank.request_tokens.get(form["request_token"])
            if app is None or given is None or not self._usable(given, app):
                return self._bad_request_token()
            if not same(form["checksum"], checksum(app, given)):
                given.used = self._bank.rules.bad_checksum_uses_up
                return sample("session_token_error_bad_checksum")
            given.used = True
            client = self._bank.clients[given.user_id]
            return JSONResponse(replies.success(replies.session(client, self._bank.mint(client, app.key))))

    def end(self, asked: Asked) -> Response:
        with self._bank.lock:
            token = self._bank.live(asked.query.get("access_token", ""), asked.query.get("api_key", ""))
            if token is None:
                return sample("error_token_exception")
            del self._bank.tokens[token.value]
        return sample("session_token_delete_success")

    def _usable(self, given: RequestToken, app: App) -> bool:
        young = self._bank.unix() - given.made_at <= self._bank.rules.request_token_seconds
        return young and not given.used and given.api_key == app.key

    def _bad_request_token(self) -> Response:
        _, body = replies.SAMPLES["session_token_error_invalid_or_expired"]
        return reply((self._bank.rules.bad_request_token_status, body))

    def _for(self, read: Callable[[Client], Any]) -> Handler:
        """A handler that answers who holds a live token and does not ask too often."""

        def handle(asked: Asked) -> Response:
            with self._bank.lock:
                token = self._holder(asked)
                if token is None:
                    return sample("error_token_exception")
                app = self._bank.apps[token.api_key]
                if self._bank.rules.pace and not app.paces.allow("reads", READS, self._bank.unix()):
                    return sample("error_rate_limited")
                return JSONResponse(replies.success(read(self._bank.clients[token.user_id])))

        return handle

    def _holder(self, asked: Asked) -> Token | None:
        """By `Authorization: token key:token`, in exactly this form."""
        scheme, _, rest = asked.headers.get("authorization", "").partition(" ")
        key, colon, value = rest.partition(":")
        return self._bank.live(value, key) if scheme == "token" and colon else None


def checksum(app: App, given: RequestToken) -> str:
    return hashlib.sha256(f"{app.key}{given.value}{app.secret}".encode()).hexdigest()
