"""The door `trade`: what a session is good for. A query is ignored, as the real one ignores it.

Orders are read here and never taken: nothing in this house places one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from bot.sandbox.front import Asked, Handler, response_of
from bot.sandbox.kotak import figures, replies
from bot.sandbox.kotak.clients import TRADE, Bank, Client
from bot.sandbox.kotak.login import sample
from bot.sandbox.standin import Route

Allowed = Callable[[Asked, Client], Response]
EVERYTHING = {"seg": "ALL", "exch": "ALL", "prod": "ALL"}


class Trade:
    """Handlers. Every one of them checks the session first."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def routes(self) -> list[Route]:
        portfolio = self._for(self._holdings, dead="session_err_1003")
        return [
            Route("limits", "/quick/user/limits", {"POST": self._for(self._limits)}),
            Route("holdings", "/portfolio/v1/holdings", {"GET": portfolio}),
            Route("positions", "/quick/user/positions", {"GET": self._for(self._positions)}),
            Route("orders", "/quick/user/orders", {"GET": self._for(self._orders)}),
        ]

    def _for(self, allowed: Allowed, dead: str = "session_err_100022") -> Handler:
        """A handler that answers who holds a live session and does not ask too often."""

        def handle(asked: Asked) -> Response:
            with self._bank.lock:
                client = self._bank.holder(asked.headers.get("auth", ""), asked.headers.get("sid", ""), TRADE)
                if client is None:
                    status, body = replies.SAMPLES[dead]
                    return response_of(200 if self._bank.rules.dead_session_is_200 else status, body)
                if self._bank.rules.pace and not client.within_pace(self._bank.unix()):
                    return sample("rate_limited_429")
                return allowed(asked, client)

        return handle

    def _limits(self, asked: Asked, client: Client) -> Response:
        if not asked.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return sample("login_err_unprocessable_422")
        try:
            wanted: Any = json.loads(asked.form().get("jData", ""))
        except ValueError:
            return sample("login_err_unprocessable_422")
        return JSONResponse(client.limits if wanted == EVERYTHING else figures.filtered(client.limits))

    def _holdings(self, _: Asked, client: Client) -> Response:
        if client.holdings:
            return JSONResponse({"data": client.holdings})
        if self._bank.rules.empty_holdings_are_an_error:
            return response_of(*replies.no_holdings(client))
        return sample("holdings_empty_array")

    def _positions(self, _: Asked, client: Client) -> Response:
        if not client.positions:
            return sample("positions_empty_5203")
        return JSONResponse({"stat": "ok", "stCode": 200, "data": client.positions})

    def _orders(self, _: Asked, client: Client) -> Response:
        book = self._bank.book(client)
        return JSONResponse({"stat": "Ok", "data": book}) if book else sample("order_book_empty_5203")
