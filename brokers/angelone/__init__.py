"""Angel One (SmartAPI).

Logs in with client code, PIN and TOTP code, in one call that Angel One documents for programs: by itself where the TOTP
secret is configured, else with the six digits the admin types. The session ends at midnight; until then a refresh token
gives a new access token without a code.
https://smartapi.angelone.in/docs/User
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from brokers._base import Shape
from brokers._errors import BrokerError, NotSupported, UnexpectedReply
from brokers._expiry import daily
from brokers._http import Sent, per_second
from brokers._jwt import claims_in
from brokers._postback import order_in
from brokers._reply import maybe, parse, pick
from brokers._totp import TotpSecret
from brokers._typed import ByCode
from brokers._types import AccessToken, Consent, Funds, Holding, Order, Position, Profile, Secret
from brokers.angelone._account import funds_in, holdings_in, orders_in, positions_in, profile_in
from brokers.angelone._refusals import accepted, granted, renewed

EXPIRY = daily(0)
"""By the page of 2026. That of 2024 said 28 hours, and the tokens' own `exp` has been three years off."""
AUTH, USER = "/rest/auth/angelbroking", "/rest/secure/angelbroking/user/v1"
ORDER, PORTFOLIO = "/rest/secure/angelbroking/order/v1", "/rest/secure/angelbroking/portfolio/v1"
COMMON = {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "X-UserType": "USER",
    "X-SourceID": "WEB",
    # They must be there and are not checked; Angel One's own Python client sends this pair from everywhere.
    "X-ClientLocalIP": "127.0.0.1",
    "X-ClientPublicIP": "106.193.147.98",
    "X-MACAddress": "02:00:00:00:00:01",
}


class Pin(Secret):
    """Four digits. An empty PIN comes back as a wrong TOTP code, the old password as a refused login: better known
    when the config is read."""

    __slots__ = ()

    def __init__(self, value: str) -> None:
        super().__init__(value)
        if not re.fullmatch("[0-9]{4}", value, re.ASCII):
            raise ValueError("the PIN has four digits: what you open the Angel One app with, not the old password")


@dataclass(frozen=True, slots=True)
class Config:
    client_id: str
    api_key: Secret
    pin: Pin
    totp_secret: TotpSecret | None = None

    def __post_init__(self) -> None:
        """Angel One takes the client code in capitals only."""
        object.__setattr__(self, "client_id", self.client_id.upper())


class AngelOne(ByCode[Config]):
    Config = Config
    name = "angelone"
    title = "Angel One"
    domain = "angelone.in"
    endpoints: ClassVar = {"api": "https://apiconnect.angelone.in"}
    asks: ClassVar = {
        "client_id": "the client code: letters and digits, such as T100042; the app's profile page",
        "api_key": "the key of an app of yours; smartapi.angelone.in, My Apps, Create App. The secret beside it is not "
        "needed",
        "pin": "the four digits you open the Angel One app with",
        "totp_secret": "the text code under the QR picture of the authenticator; smartapi.angelone.in/enable-totp. "
        "Scan the picture with your phone as well",
    }
    shapes: ClassVar = {"client_id": Shape("[A-Z]{1,5}[0-9]{3,9}", "one to five letters and then digits")}
    ways_in_words: ClassVar = {
        "auto": "by itself, with your PIN and TOTP secret; nothing for you to do each day",
        "assisted": "with you: each day the bot asks for the six digits of your authenticator app",
    }
    positions_on_ways: ClassVar = {
        "auto": "Angel One documents this call, and its own examples make the code from a stored TOTP secret",
        "assisted": "the same call with a code you type: PIN and API key are stored, the second factor is not",
    }
    # One login a second is allowed; twice that, as the seconds are counted there.
    login_gap = timedelta(seconds=2)
    # One a second for each of login, holdings, positions and orders, more for the others; no two calls of a refresh or
    # of a look at the account are the same.
    paces: ClassVar = {"api": per_second(2)}
    revokes = True
    registers_at = "smartapi.angelone.in, the app of this account's api_key"
    posts_back = True

    @staticmethod
    def expiry(issued_at: datetime) -> datetime:
        return EXPIRY(issued_at)

    def log_in_with(self, code: Secret) -> AccessToken:
        asked_at = self.clock.now()
        return self._token(self.login_by_password(code), asked_at)

    def renew(self, token: AccessToken) -> AccessToken | Consent:
        """A new access token that ends at the same midnight; where that is refused, a login."""
        refresh_token = token.extra.get("refresh_token")
        asked_at = self.clock.now()
        if refresh_token is not None and asked_at < token.expires_at:
            tokens = self.generate_tokens(token, refresh_token)
            if tokens is not None:
                return self._token(tokens, asked_at)
        return self.login()

    def profile(self, token: AccessToken) -> Profile:
        return self._read(f"{USER}/getProfile", token, profile_in)

    def funds(self, token: AccessToken) -> Funds:
        return self._read(f"{USER}/getRMS", token, funds_in)

    def holdings(self, token: AccessToken) -> list[Holding]:
        return self._read(f"{PORTFOLIO}/getAllHolding", token, holdings_in)

    def positions(self, token: AccessToken) -> list[Position]:
        return self._read(f"{ORDER}/getPosition", token, positions_in)

    def orders(self, token: AccessToken) -> list[Order]:
        return self._read(f"{ORDER}/getOrderBook", token, orders_in)

    def postback(self, body: bytes) -> str:
        """It is not signed."""
        return order_in(parse(body), order="orderid", client="clientcode", ours=self.client_id)

    def revoke(self, token: AccessToken) -> None:
        """Log out, and see whether it helped: tokens are reported to work on after a logout that was confirmed."""
        self.logout(token)
        try:
            self.profile(token)
        except BrokerError:
            return
        raise NotSupported("Angel One took the logout, but the token goes on working")

    def environment(self, token: AccessToken) -> dict[str, str]:
        """Named as the arguments of `SmartConnect` and the constants of its examples."""
        names = {"refresh_token": "ANGELONE_REFRESH_TOKEN", "feed_token": "ANGELONE_FEED_TOKEN"}
        return {
            "ANGELONE_API_KEY": self.config.api_key.reveal(),
            "ANGELONE_CLIENT_CODE": self.client_id,
            "ANGELONE_ACCESS_TOKEN": token.value.reveal(),
            **{names[name]: value.reveal() for name, value in token.extra.items() if name in names},
        }

    def headers(self, token: AccessToken) -> dict[str, str]:
        return {
            **COMMON,
            "X-PrivateKey": self.config.api_key.reveal(),
            "Authorization": f"Bearer {token.value.reveal()}",
        }

    # One request each. None but `_read` is repeated.

    def login_by_password(self, code: Secret) -> object:
        """Named so at Angel One, although it takes the PIN and refuses the password."""
        body: Sent = {"clientcode": self.client_id, "password": self.config.pin, "totp": code}
        headers: Sent = {**COMMON, "X-PrivateKey": self.config.api_key}
        return granted(self.http.post("api", f"{AUTH}/user/v1/loginByPassword", json=body, headers=headers))

    def generate_tokens(self, token: AccessToken, refresh_token: Secret) -> object:
        """None where only a login helps."""
        path, body = f"{AUTH}/jwt/v1/generateTokens", {"refreshToken": refresh_token}
        return renewed(self.http.post("api", path, json=body, headers=self.headers(token)))

    def logout(self, token: AccessToken) -> None:
        body = {"clientcode": self.client_id}
        accepted(self.http.post("api", f"{USER}/logout", json=body, headers=self.headers(token)))

    def _token(self, data: object, issued_at: datetime) -> AccessToken:
        """`issued_at` is when it was asked for: of two sides of midnight, the earlier is the safe one. Whose the token
        is stands in the token alone; one that does not say is left to the profile."""
        value = raw_token(data, "jwtToken")
        if value is None:
            raise UnexpectedReply("Angel One granted a login without an access token")
        told = {"refresh_token": raw_token(data, "refreshToken"), "feed_token": raw_token(data, "feedToken")}
        extra = {name: secret for name, secret in told.items() if secret is not None}
        return AccessToken(
            value,
            owner_of(value) or self.client_id,
            issued_at,
            self.expiry(issued_at),
            renewable="refresh_token" in extra,
            extra=extra,
        )


def raw_token(data: object, name: str) -> Secret | None:
    """Without the "Bearer " that Angel One's Python client puts in front: sent twice, it is refused."""
    text = maybe(data, name, of=str)
    return pick({name: text.removeprefix("Bearer ")}, name, of=Secret) if text else None


def owner_of(token: Secret) -> str | None:
    """The client the token names."""
    with suppress(UnexpectedReply):
        return (maybe(claims_in(token.reveal()), "username", of=str) or "").upper() or None
    return None
