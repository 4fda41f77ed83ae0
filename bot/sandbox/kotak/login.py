"""The door `login`: a session to look with for the TOTP code, one to trade with for the MPIN, and the caller's address.

Strict: the consumer token stands alone, without `Bearer`, and what is sent is JSON.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import JSONResponse, Response

from bot.sandbox.bank import same
from bot.sandbox.front import Asked, response_of
from bot.sandbox.kotak import replies
from bot.sandbox.kotak.clients import TRADE, VIEW, Bank, Client
from bot.sandbox.standin import Route


class Login:
    """Handlers. `address` tells where sessions are to be used."""

    def __init__(self, bank: Bank, address: Callable[[], str]) -> None:
        self._bank = bank
        self._address = address

    def routes(self) -> list[Route]:
        return [
            Route("tradeApiLogin", "/login/1.0/tradeApiLogin", {"POST": self.look}),
            Route("tradeApiValidate", "/login/1.0/tradeApiValidate", {"POST": self.trade}),
            Route("get-client-ip", "/login/1.0/get-client-ip", {"GET": self.address}),
        ]

    def look(self, asked: Asked) -> Response:
        with self._bank.lock:
            refusal, owner, given = self._begin(asked, "MobileNumber", "Ucc", "Totp")
            if refusal is not None or owner is None:
                return refusal or sample("login_err_bad_consumer_key_401")
            if given["ucc"] != owner.client_id:
                return self._refuse(owner, "login_err_ucc_200")
            if owner.blocked:
                return sample("login_err_too_many_attempts_inferred")
            if not same(given["mobileNumber"], owner.mobile_number) or not self._bank.take_code(owner, given["totp"]):
                return self._refuse(owner, "login_err_totp_401")
            return JSONResponse({"data": replies.opened(owner, self._bank.open(owner, VIEW))})

    def trade(self, asked: Asked) -> Response:
        with self._bank.lock:
            refusal, owner, given = self._begin(asked, "Mpin")
            if refusal is not None or owner is None:
                return refusal or sample("login_err_bad_consumer_key_401")
            if self._bank.holder(asked.headers.get("auth", ""), asked.headers.get("sid", ""), VIEW) is not owner:
                return sample("validate_err_missing_header")
            if owner.blocked:
                return sample("login_err_too_many_attempts_inferred")
            if not same(given["mpin"], owner.mpin):
                as_200 = self._bank.rules.wrong_mpin_is_200
                return self._refuse(owner, "validate_err_mpin_200" if as_200 else "validate_err_mpin_401")
            owner.granted += 1
            owner.refused_in_a_row = 0
            opened = replies.opened(owner, self._bank.open(owner, TRADE))
            return JSONResponse({"data": opened | self._where()})

    def address(self, asked: Asked) -> Response:
        with self._bank.lock:
            owner = self._owner(asked)
            holder = self._bank.holder(asked.headers.get("auth", ""), asked.headers.get("sid", ""), TRADE)
            if owner is None or holder is not owner:
                return sample("session_err_100022")
            return JSONResponse(replies.seen_from(owner, self._bank.unix()))

    def _begin(self, asked: Asked, *needed: str) -> tuple[Response | None, Client | None, dict[str, str]]:
        """The refusal of a request that is not as it should be, whose app asks, and what it sent."""
        owner = self._owner(asked)
        if owner is None:
            return sample("login_err_bad_consumer_key_401"), None, {}
        if asked.headers.get("neo-fin-key") != "neotradeapi":
            return sample("validate_err_missing_header"), None, {}
        given = asked.json_object()
        for name in needed:
            if not isinstance(given.get(name[0].lower() + name[1:]), str):
                return response_of(*replies.missing(name)), None, {}
        return None, owner, given

    def _owner(self, asked: Asked) -> Client | None:
        key = asked.headers.get("authorization", "")
        return next((client for client in self._bank.clients.values() if same(client.consumer_key, key)), None)

    def _refuse(self, client: Client, with_sample: str) -> Response:
        client.refused_in_a_row += 1
        return sample(self._bank.refuse(client, client.refused_in_a_row, with_sample))

    def _where(self) -> dict[str, str]:
        address, how = self._address(), self._bank.rules.base_url
        ways = {"plain": {"baseUrl": address}, "slash": {"baseUrl": f"{address}/"}, "missing": {}}
        return ways.get(how, {"baseUrl": how})


def sample(name: str) -> Response:
    return response_of(*replies.SAMPLES[name])
