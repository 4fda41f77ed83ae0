"""The door `api`: what an access token is good for, and renewing one.

Orders are read here and never taken: nothing in this house places one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from starlette.responses import JSONResponse, Response

from bot.sandbox.bank import Limits
from bot.sandbox.dhan import replies
from bot.sandbox.dhan.bank import Bank, reply, sample
from bot.sandbox.dhan.clients import SELF, Client, Token
from bot.sandbox.front import Asked, Handler
from bot.sandbox.india import IST
from bot.sandbox.standin import Route

Allowed = Callable[[Asked, Client, Token], Response]

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3600.0, 86400.0
PACES: dict[str, Limits] = {
    "order": ((SECOND, 10), (MINUTE, 250), (HOUR, 1000), (DAY, 7000)),
    "data": ((SECOND, 5), (DAY, 100_000)),
    "quote": ((SECOND, 1),),
    "other": ((SECOND, 20),),
}
"""Calls allowed to one user, as (seconds, calls). Whether reading orders is an order call is not published; the
stricter is taken."""
ADDRESS_LOCKED = timedelta(days=7)


class Api:
    """Handlers. Every one of them checks the token first."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def routes(self) -> list[Route]:
        reads: dict[str, tuple[str, Allowed]] = {
            "/v2/profile": ("other", lambda _, client, token: JSONResponse(replies.profile(client, token))),
            "/v2/fundlimit": ("other", lambda _, client, __: JSONResponse(client.funds)),
            "/v2/holdings": ("other", self._holdings),
            "/v2/positions": ("other", lambda _, client, __: JSONResponse(client.positions)),
            "/v2/orders": ("order", lambda _, client, __: JSONResponse(self._bank.book(client))),
            "/v2/ip/getIP": ("other", self._addresses),
        }
        routes = [Route(path.rpartition("/")[2], path, {"GET": self._for(*read)}) for path, read in reads.items()]
        return [
            *routes,
            Route("RenewToken", "/v2/RenewToken", {"GET": self.renew, "POST": self._wrong_verb}),
            Route("order", "/v2/orders/{id}", {"GET": self._for("order", self._order)}),
            Route("order-external", "/v2/orders/external/{id}", {"GET": self._for("order", self._by_correlation)}),
            Route("setIP", "/v2/ip/setIP", {"POST": self._for("other", self._set_address)}),
            Route("modifyIP", "/v2/ip/modifyIP", {"PUT": self._for("other", self._set_address)}),
            Route("marketfeed", "/v2/marketfeed/{kind}", {"POST": self._data("quote")}),
            Route("optionchain", "/v2/optionchain", {"POST": self._data("data")}),
        ]

    def renew(self, asked: Asked) -> Response:
        if not asked.headers.get("dhanclientid"):
            return sample("error_dh905_input")
        with self._bank.lock:
            found = self._holder(asked)
            if isinstance(found, str):
                return sample(found)
            client, token = found
            if asked.headers["dhanclientid"] != client.client_id:
                return sample("error_dh901_invalid_authentication")
            if token.kind != SELF:
                return sample("renew_token_error_token_type")
            return JSONResponse(replies.granted(client, self._bank.mint(client, SELF)))

    def _wrong_verb(self, _: Asked) -> Response:
        return sample("renew_token_error_wrong_verb")

    def _holder(self, asked: Asked) -> tuple[Client, Token] | str:
        """Whose live token the request carries, or the sample that refuses it."""
        found = self._bank.issued.get(asked.headers.get("access-token", ""))
        if found is None or found[1].ends_at <= self._bank.unix():
            return "error_dh901_invalid_authentication"
        client, token = found
        if client.token is not token:
            return "error_dh906_invalid_token"
        if asked.headers.get("client-id", client.client_id) != client.client_id:
            return "error_dh901_invalid_authentication"
        return found

    def _for(self, pace: str, allowed: Allowed) -> Handler:
        """A handler that answers who holds a live token and does not ask too often."""

        def handle(asked: Asked) -> Response:
            with self._bank.lock:
                found = self._holder(asked)
                if isinstance(found, str):
                    return sample(found)
                if not self._within_pace(found[0], pace):
                    return sample("error_dh904_rate_limit")
                return allowed(asked, *found)

        return handle

    def _data(self, pace: str) -> Handler:
        """Quotes and chains: errors of their own shape, `client-id` required, a plan to be paid for."""

        def handle(asked: Asked) -> Response:
            with self._bank.lock:
                known = self._bank.issued.get(asked.headers.get("access-token", ""))
                if known is not None and known[1].ends_at <= self._bank.unix():
                    return sample("error_data_api_807_inferred")
                found = self._holder(asked)
                if isinstance(found, str) or "client-id" not in asked.headers:
                    return sample("error_data_api_808")
                if not found[0].data_plan:
                    return sample("error_data_api_806_inferred")
                if not self._within_pace(found[0], pace):
                    return sample("error_dh904_rate_limit")
                return JSONResponse({"data": {}, "status": "success"})

        return handle

    def _within_pace(self, client: Client, pace: str) -> bool:
        return not self._bank.rules.pace or client.paces.allow(pace, PACES[pace], self._bank.unix())

    def _holdings(self, _: Asked, client: Client, __: Token) -> Response:
        if client.holdings:
            return JSONResponse(client.holdings)
        as_error = self._bank.rules.empty_holdings_are_an_error
        return sample("holdings_empty_error_dh1111" if as_error else "holdings_empty_official_sandbox")

    def _order(self, asked: Asked, client: Client, _: Token) -> Response:
        return JSONResponse([o for o in self._bank.book(client) if o.get("orderId") == asked.parts["id"]])

    def _by_correlation(self, asked: Asked, client: Client, _: Token) -> Response:
        found = [o for o in self._bank.book(client) if o.get("correlationId") == asked.parts["id"]]
        return JSONResponse(found) if found else sample("order_by_correlation_unknown")

    def _addresses(self, _: Asked, client: Client, __: Token) -> Response:
        if client.primary_ip is None and client.secondary_ip is None:
            return sample("ip_get_error")
        return JSONResponse(replies.addresses(client, self._bank.rules.extended_addresses))

    def _set_address(self, asked: Asked, client: Client, _: Token) -> Response:
        given = asked.json_object(declared=False)
        which = {"PRIMARY": "primary_ip", "SECONDARY": "secondary_ip"}.get(str(given.get("ipFlag")))
        if which is None or not given.get("ip") or given.get("dhanClientId") != client.client_id:
            return sample("error_dh905_input")
        today = datetime.fromtimestamp(self._bank.unix(), IST).date()
        if client.ip_set_on is not None and today < client.ip_set_on + ADDRESS_LOCKED:
            return reply(replies.locked_until((client.ip_set_on + ADDRESS_LOCKED).isoformat()))
        setattr(client, which, str(given["ip"]))
        client.ip_set_on = today
        return sample("ip_set_success")
