"""The calls: logging in and out, renewing, and what an access token is good for.

Orders are read here and never taken: nothing in this house places one. Their calls are there to be refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.sandbox.angelone import replies
from bot.sandbox.angelone.bank import Bank
from bot.sandbox.angelone.clients import Client, Session
from bot.sandbox.bank import Limits, same
from bot.sandbox.front import Asked, Handler, response_of
from bot.sandbox.standin import Route

Allowed = Callable[[Asked, Client], Response]

SECOND, HOUR = 1.0, 3600.0
ONE = ((SECOND, 1),)
PACES: dict[str, Limits] = {
    "loginByPassword": ONE,
    "generateTokens": ((SECOND, 1), (HOUR, 1000)),
    "getProfile": ((SECOND, 3), (HOUR, 1000)),
    "logout": ONE,
    "getRMS": ((SECOND, 2),),
    "orders": ((SECOND, 9), (60.0, 500), (HOUR, 1000)),
    "getOrderBook": ONE,
    "getTradeBook": ONE,
    "getPosition": ONE,
    "getHolding": ONE,
    "getAllHolding": ONE,
    "details": ((SECOND, 10), (60.0, 500), (HOUR, 5000)),
}
"""Calls allowed to one client code, as (seconds, calls)."""
WANTED = ("x-usertype", "x-sourceid", "x-clientlocalip", "x-clientpublicip", "x-macaddress")
AUTH, USER = "/rest/auth/angelbroking", "/rest/secure/angelbroking/user/v1"
ORDER, PORTFOLIO = "/rest/secure/angelbroking/order/v1", "/rest/secure/angelbroking/portfolio/v1"


def sample(name: str) -> Response:
    status, body = replies.SAMPLES[name]
    return PlainTextResponse(body, status) if isinstance(body, bytes) else response_of(status, body)


class Calls:
    """Handlers. `bank` holds the clients, the clock and the rules."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def routes(self) -> list[Route]:
        reads: dict[str, Allowed] = {
            f"{USER}/getProfile": lambda _, client: JSONResponse(replies.profile(client, self._bank.unix())),
            f"{USER}/getRMS": lambda _, client: JSONResponse(replies.good(client.funds)),
            f"{PORTFOLIO}/getHolding": lambda _, client: self._list(client.holdings),
            f"{PORTFOLIO}/getAllHolding": self._all_holdings,
            f"{ORDER}/getPosition": lambda _, client: self._list(client.positions),
            f"{ORDER}/getOrderBook": lambda _, client: self._list(self._orders(client)),
            f"{ORDER}/getTradeBook": lambda _, __: self._list([]),
        }
        writes = [f"{ORDER}/{name}" for name in ("placeOrder", "modifyOrder", "cancelOrder")]
        return [
            Route("loginByPassword", f"{AUTH}/user/v1/loginByPassword", {"POST": self._with_key(self.login)}),
            Route("generateTokens", f"{AUTH}/jwt/v1/generateTokens", {"POST": self._with_key(self.renew)}),
            Route("logout", f"{USER}/logout", {"POST": self._with_token("logout", self.logout)}),
            *(Route(_last(path), path, {"GET": self._with_token(_last(path), read)}) for path, read in reads.items()),
            *(Route(_last(path), path, {"POST": self._with_token("orders", self._order_refused)}) for path in writes),
            Route("details", f"{ORDER}/details/{{id}}", {"GET": self._with_token("details", self._order)}),
        ]

    # Without a token.

    def login(self, asked: Asked) -> Response:
        given = asked.json_object()
        if not all(isinstance(given.get(name), str) for name in ("clientcode", "password", "totp")):
            return sample("login_err_generic_AB1004")
        client = self._bank.clients.get(given["clientcode"])
        if client is None:
            return sample("login_err_credentials_AB1007")
        if not self._within_pace(client, "loginByPassword"):
            return sample("rate_limited_403")
        refusal = self._refusal(client, given["password"], given["totp"])
        if refusal is not None:
            return sample(refusal)
        client.granted += 1
        return JSONResponse(replies.granted(self._bank.open_session(client), given.get("state")))

    def renew(self, asked: Asked) -> Response:
        given = asked.json_object()
        found = self._bank.refresh.get(str(given.get("refreshToken")))
        if found is None or not found[1].refreshable:
            return sample("generate_tokens_err_invalid_AB8050")
        client, session = found
        if not self._within_pace(client, "generateTokens"):
            return sample("rate_limited_403")
        if self._bank.unix() >= session.ends_at:
            return sample("generate_tokens_err_expired_AB8051")
        if self._bank.rules.refresh_needs_bearer:
            holder = self._holder(asked)
            if isinstance(holder, str):
                return sample(holder)
        session.refreshable = not self._bank.rules.refresh_replaces
        return JSONResponse(replies.granted(self._bank.open_session(client)))

    def _refusal(self, client: Client, pin: str, code: str) -> str | None:
        """The checks in their order; the first that refuses names its sample."""
        checks: dict[str, Callable[[], str | None]] = {
            "blocked": lambda: "login_err_blocked_AB1006" if client.blocked else None,
            "pin": lambda: self._wrong_pin(client, pin),
            "totp": lambda: self._wrong_code(client, code),
        }
        for name in self._bank.rules.order:
            if refusal := checks[name]():
                return refusal
        client.refused_in_a_row = 0
        return None

    def _wrong_pin(self, client: Client, pin: str) -> str | None:
        if not pin:
            return self._refuse(client, "login_err_totp_AB1050")
        if not re.fullmatch("[0-9]{4}", pin):
            return self._refuse(client, "login_err_use_mpin_AB7001")
        if not same(pin, client.pin):
            return self._refuse(client, "login_err_credentials_AB1007")
        return None

    def _wrong_code(self, client: Client, code: str) -> str | None:
        return None if self._bank.take_code(client, code) else self._refuse(client, "login_err_totp_AB1050")

    def _refuse(self, client: Client, with_sample: str) -> str:
        client.refused_in_a_row += 1
        return self._bank.refuse(client, client.refused_in_a_row, with_sample)

    # With one.

    def logout(self, asked: Asked, client: Client) -> Response:
        if asked.json_object().get("clientcode") != client.client_code:
            return sample("login_err_generic_AB1004")
        if self._bank.rules.logout_really_kills:
            holder = self._holder(asked)
            if not isinstance(holder, str):
                holder[1].live = holder[1].refreshable = False
        return JSONResponse(replies.good(""))

    def _all_holdings(self, _: Asked, client: Client) -> Response:
        return JSONResponse(replies.all_holdings(client.holdings)) if client.holdings else self._list([])

    def _orders(self, client: Client) -> list[dict[str, Any]]:
        as_text, book = self._bank.rules.prices_as_text, self._bank.book(client)
        return [replies.with_prices_as_text(order) for order in book] if as_text else book

    def _order(self, asked: Asked, client: Client) -> Response:
        found = [one for one in self._orders(client) if one.get("uniqueorderid") == asked.parts["id"]]
        return JSONResponse(replies.good(found[0])) if found else sample("login_err_generic_AB1004")

    def _order_refused(self, _: Asked, client: Client) -> Response:
        return sample("login_err_generic_AB1004" if client.seen_from == client.static_ip else "order_err_ip_AG7002")

    def _list(self, entries: list[dict[str, Any]]) -> Response:
        return JSONResponse(replies.good(entries or (None if self._bank.rules.empty_is_null else [])))

    # What every call is checked for.

    def _with_key(self, handler: Callable[[Asked], Response]) -> Handler:
        def handle(asked: Asked) -> Response:
            with self._bank.lock:
                return self._flaw(asked) or handler(asked)

        return handle

    def _with_token(self, pace: str, allowed: Allowed) -> Handler:
        def handle(asked: Asked) -> Response:
            with self._bank.lock:
                flaw = self._flaw(asked)
                if flaw is not None:
                    return flaw
                holder = self._holder(asked)
                if isinstance(holder, str):
                    return sample(holder)
                client = holder[0]
                if not self._within_pace(client, pace):
                    return sample("rate_limited_403")
                if self._bank.rules.address_checked_on_reads and client.seen_from != client.static_ip:
                    return sample("order_err_ip_AG7002")
                return allowed(asked, client)

        return handle

    def _flaw(self, asked: Asked) -> Response | None:
        """Headers that are missing, or an API key nobody was given."""
        if self._bank.rules.headers_checked and any(not asked.headers.get(name) for name in WANTED):
            return PlainTextResponse("Bad Request", 400)
        if not self._bank.knows_key(asked.headers.get("x-privatekey", "")):
            return sample("login_err_api_key_AG8004")
        return None

    def _holder(self, asked: Asked) -> tuple[Client, Session] | str:
        """Whose live token the request carries, or the sample that refuses it."""
        scheme, _, value = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not value:
            return "secure_err_token_missing_AG8003"
        found = self._bank.access.get(value)
        if found is None or not found[1].live:
            return "secure_err_invalid_token_AG8001"
        if self._bank.unix() >= found[1].ends_at:
            return replies.EXPIRED[self._bank.rules.expired_code]
        return found

    def _within_pace(self, client: Client, call: str) -> bool:
        return not self._bank.rules.pace or client.paces.allow(call, PACES[call], self._bank.unix())


def _last(path: str) -> str:
    return path.rpartition("/")[2]
