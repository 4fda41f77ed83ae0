"""Kotak Neo (Trade API, the flow with TOTP and MPIN).

A login is two requests: the TOTP code opens a session that can only look, the MPIN turns it into one that trades, at an
address that comes with it. With a TOTP secret in the config kunji logs in by itself, without one it asks the admin for
the six digits. There is no renewing and no ending of a session.
https://github.com/Kotak-Neo/kotak-neo-python
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, TypeVar

from brokers._addresses import is_loopback, own_address
from brokers._base import Shape
from brokers._errors import TokenRejected, UnexpectedReply, WrongClient
from brokers._expiry import daily
from brokers._http import Sent, per_second
from brokers._jwt import claims_in
from brokers._reply import Reply, maybe, pick
from brokers._totp import TotpSecret
from brokers._typed import ByCode
from brokers._types import AccessToken, Funds, Holding, Order, OrderAddress, Position, Profile, Secret
from brokers.kotak._account import alive, funds_in, holdings_in, order_address_in, orders_in, positions_in
from brokers.kotak._credentials import ConsumerKey, MobileNumber, Mpin, Ucc
from brokers.kotak._refusals import TRADE, VIEW, granted

T = TypeVar("T")

EXPIRY = daily(0)
DATA_CENTER = re.compile(r"[A-Za-z0-9_-]{1,20}", re.ASCII)
PROGRAM = {"neo-fin-key": "neotradeapi"}
"""Kotak's fixed name for all programs."""
# Limits of one segment, exchange or product come back as zeros, whatever there is.
ALL_LIMITS = {"jData": json.dumps({"seg": "ALL", "exch": "ALL", "prod": "ALL"}, separators=(",", ":"))}


@dataclass(frozen=True, slots=True)
class Config:
    client_id: Ucc
    consumer_key: ConsumerKey
    mobile_number: MobileNumber
    mpin: Mpin
    totp_secret: TotpSecret | None = None


class Kotak(ByCode[Config]):
    Config = Config
    name = "kotak"
    title = "Kotak Neo"
    domain = "kotaksecurities.com"
    endpoints: ClassVar = {"login": "https://mis.kotaksecurities.com"}
    asks: ClassVar = {
        "client_id": "the client code, which Kotak calls UCC: about five letters and digits; Profile, account details. "
        "Not the longer customer id",
        "consumer_key": "the token of your application; More, Trade API, API Dashboard, Create Application",
        "mobile_number": "the number registered with the account: +91 and ten digits",
        "mpin": "the six digits you open the app with",
        "totp_secret": "the setup key beside the QR picture of the authenticator; API Dashboard, TOTP Registration. "
        "Scan the picture with your phone as well",
    }
    # One of Kotak's guides prints an MPIN of four digits.
    shapes: ClassVar = {
        "client_id": Shape("[A-Z0-9]{5}", "five letters and digits"),
        "mpin": Shape("[0-9]{6}", "six digits"),
    }
    ways_in_words: ClassVar = {
        "auto": "by itself, with your MPIN and TOTP secret; nothing for you to do each day",
        "assisted": "with you: each day the bot asks for the six digits of your authenticator app",
    }
    positions_on_ways: ClassVar = {
        "auto": "Kotak's own guide tells to keep the setup key for automatic codes, while its SDK leaves the code to "
        "you: it is practised and tolerated, and no rule against it is known",
        "assisted": "you type the code each day, and kunji sends it with the MPIN; the way Kotak's SDK is written for",
    }
    tells_order_address = True
    # Kotak allows 10 a second over everything.
    paces: ClassVar = {"login": per_second(8)}

    @staticmethod
    def expiry(issued_at: datetime) -> datetime:
        return EXPIRY(issued_at)

    def log_in_with(self, code: Secret) -> AccessToken:
        view = self.trade_api_login(code)
        named = _client_in(view)
        if named not in (None, self.client_id):  # the MPIN is for no one else
            raise WrongClient("Kotak Neo opened a session of another client than the one configured")
        issued_at = self.clock.now()
        return self._token(self.trade_api_validate(view), named, issued_at)

    def profile(self, token: AccessToken) -> Profile:
        """No answer of Kotak's but that of the login names a client, so the login's word is passed on."""
        self._limits(token, alive)
        return Profile(token.client_id)

    def funds(self, token: AccessToken) -> Funds:
        return self._limits(token, funds_in)

    def holdings(self, token: AccessToken) -> list[Holding]:
        return self._read("/portfolio/v1/holdings", token, holdings_in)

    def positions(self, token: AccessToken) -> list[Position]:
        return self._read("/quick/user/positions", token, positions_in)

    def orders(self, token: AccessToken) -> list[Order]:
        return self._read("/quick/user/orders", token, orders_in)

    def order_address(self, token: AccessToken) -> OrderAddress:
        headers: Sent = {"Authorization": self.config.consumer_key, **self.headers(token)}
        return self.http.read("login", "/login/1.0/get-client-ip", order_address_in, headers=headers)

    def environment(self, token: AccessToken) -> dict[str, str]:
        """As the SDK's own example of a `.env` and its attributes of a session name them."""
        told = {
            "NEO_CONSUMER_KEY": self.config.consumer_key,
            "NEO_EDIT_TOKEN": token.value,
            "NEO_EDIT_SID": _part(token, "sid"),
            "NEO_BASE_URL": _part(token, "base_url"),
        }
        if "data_center" in token.extra:
            told["NEO_DATA_CENTER"] = token.extra["data_center"]
        return {"NEO_UCC": self.client_id, **{name: value.reveal() for name, value in told.items()}}

    def headers(self, token: AccessToken) -> dict[str, str]:
        return {"Auth": token.value.reveal(), "Sid": _part(token, "sid").reveal(), **PROGRAM}

    # One request each. The two steps of a login are not repeated; reads are.

    def trade_api_login(self, code: Secret) -> dict[str, object]:
        body: Sent = {"mobileNumber": self.config.mobile_number, "ucc": self.client_id, "totp": code}
        return granted(self.http.post("login", "/login/1.0/tradeApiLogin", json=body, headers=self._program()), VIEW)

    def trade_api_validate(self, view: dict[str, object]) -> dict[str, object]:
        headers: Sent = {**self._program(), "sid": pick(view, "sid", of=Secret), "Auth": pick(view, "token", of=Secret)}
        body: Sent = {"mpin": self.config.mpin}
        return granted(self.http.post("login", "/login/1.0/tradeApiValidate", json=body, headers=headers), TRADE)

    def _limits(self, token: AccessToken, judge: Callable[[Reply], T]) -> T:
        base, headers = _part(token, "base_url").reveal(), self.headers(token)
        return self.http.read(
            "login", "/quick/user/limits", judge, method="POST", base=base, headers=headers, form=ALL_LIMITS
        )

    def _read(self, path: str, token: AccessToken, judge: Callable[[Reply], T]) -> T:
        """Asked where the session is to be used."""
        base, headers = _part(token, "base_url").reveal(), self.headers(token)
        return self.http.read("login", path, judge, base=base, headers=headers)

    def _program(self) -> Sent:
        """Without `Bearer`."""
        return {"Authorization": self.config.consumer_key, **PROGRAM}

    def _token(self, trade: dict[str, object], named: str | None, issued_at: datetime) -> AccessToken:
        """`issued_at` is when it was asked for: an answer that was read late is no newer than one asked for later. The
        answer also holds the PAN, which is left there."""
        value = pick(trade, "token", of=Secret)
        claims = claims_in(value.reveal())
        client_id = _client_in(trade) or named or _client_in(claims)
        if client_id is None:
            raise UnexpectedReply("Kotak Neo does not say whose session it gave")
        extra = {"sid": pick(trade, "sid", of=Secret), "base_url": Secret(self._base_url(trade))}
        data_center = maybe(trade, "dataCenter", of=str) or ""
        if DATA_CENTER.fullmatch(data_center):
            extra["data_center"] = Secret(data_center)
        return AccessToken(value, client_id, issued_at, _end(claims, issued_at), extra=extra)

    def _base_url(self, trade: dict[str, object]) -> str:
        """Where this session is to be used; held to what a configured address is held to."""
        text, login = pick(trade, "baseUrl", of=str), self.given.endpoints["login"]
        with suppress(ValueError):
            address = own_address(text, self.domain)
            if is_loopback(login) or not is_loopback(address):
                return address
        raise UnexpectedReply("Kotak Neo sends this session to an address that is not its own")


def _client_in(told: object) -> str | None:
    return (maybe(told, "ucc", of=str) or "").strip().upper() or None


def _end(claims: object, issued_at: datetime) -> datetime:
    """Midnight in India, or earlier if the session's token says so."""
    ends = EXPIRY(issued_at)
    with suppress(UnexpectedReply):
        told = pick(claims, "exp", of=int)
        if issued_at.timestamp() < told < ends.timestamp():
            return datetime.fromtimestamp(told, UTC)
    return ends


def _part(token: AccessToken, name: str) -> Secret:
    if name not in token.extra:
        raise TokenRejected("this session was kept without all that belongs to it")
    return token.extra[name]
