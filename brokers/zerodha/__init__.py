"""Zerodha (Kite Connect v3).

The admin logs in on Kite's page and sends back the address it ends on; the request token in it is exchanged with a
checksum. Only if asked for (`"login": "unofficial"`), kunji makes the page's own calls with password and TOTP instead,
which Zerodha does not want. Tokens die at six in the morning and cannot be renewed.
https://kite.trade/docs/connect/v3/user/
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

from brokers._base import Broker, Shape
from brokers._errors import ConsentRejected, LoginRejected, UnexpectedReply
from brokers._expiry import daily
from brokers._http import Sent, per_second
from brokers._postback import order_in
from brokers._reply import Reply, maybe, parse, pick
from brokers._totp import SENT_AT_LEAST, TotpSecret
from brokers._types import AccessToken, Consent, Funds, Holding, Order, Position, Profile, Secret, Text
from brokers.zerodha._account import funds_in, holdings_in, orders_in, positions_in, profile_in
from brokers.zerodha._answers import answer_in, issued, registered, state_in
from brokers.zerodha._refusals import accepted, granted
from brokers.zerodha._web import WebLogin

EXPIRY = daily(6)
VERSION = {"X-Kite-Version": "3"}


class RedirectUrl(Text):
    """The address registered for the app; one that is none is found when the config is read."""

    __slots__ = ()

    def __new__(cls, text: str) -> RedirectUrl:
        if registered(text) is None:
            raise ValueError("expected the address registered for the app, such as http://127.0.0.1:8723/kite")
        return super().__new__(cls, text)


@dataclass(frozen=True, slots=True)
class Config:
    client_id: str
    """The user id, which Zerodha's answers spell in capitals."""
    api_key: Secret
    api_secret: Secret
    password: Secret | None = None
    totp_secret: TotpSecret | None = None
    redirect_url: RedirectUrl | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "client_id", self.client_id.upper())


class Zerodha(Broker[Config]):
    Config = Config
    name = "zerodha"
    title = "Zerodha"
    domain = "zerodha.com"
    domains: ClassVar = {"api": "kite.trade"}
    endpoints: ClassVar = {"web": "https://kite.zerodha.com", "api": "https://api.kite.trade"}
    ways: ClassVar = {
        "assisted": ("api_key", "api_secret"),
        "unofficial": ("api_key", "api_secret", "password", "totp_secret", "redirect_url"),
    }
    asks: ClassVar = {
        "client_id": "the user id you log in with, such as AB1234; kite.zerodha.com, under your name at the top right",
        "api_key": "the key of an app of yours; developers.kite.trade, Create new app, type Personal. Any redirect "
        "address will do, such as http://127.0.0.1:8723/kite",
        "api_secret": "the app's secret; the same page, Show API secret",
        "password": "the password of Kite",
        "totp_secret": "the key beside the QR picture of the authenticator; kite.zerodha.com, My profile, "
        "Password & security, External TOTP. Scan the picture with your phone as well",
        "redirect_url": "the redirect address entered for the app, letter for letter",
    }
    shapes: ClassVar = {"client_id": Shape("[A-Z0-9]{6}", "six letters and digits, such as AB1234")}
    ways_in_words: ClassVar = {
        "assisted": "with you: each day the bot sends a link, you log in on Kite's page and send back where you land",
        "unofficial": "by itself, with your password and TOTP secret, as if it were your browser",
    }
    positions_on_ways: ClassVar = {
        "assisted": "this is the login Zerodha means: you log in on Kite's page once a day, kunji only opens it",
        "unofficial": (
            "Zerodha says that logins must not be automated: this is against its stated position, may break any day, "
            "and five wrong passwords or codes, yours in the browser included, block the account"
        ),
    }
    # Ten a second, all reads of an api key together; of logins nothing is published.
    paces: ClassVar = {"web": per_second(2), "api": per_second(8)}
    revokes = True
    redirects = True
    carries_state = True
    registers_at = "developers.kite.trade, the app of this account's api_key"
    posts_back = True

    @staticmethod
    def expiry(issued_at: datetime) -> datetime:
        return EXPIRY(issued_at)

    def login(self) -> AccessToken | Consent:
        if self.given.login == "assisted":
            return self._consent()
        request_token = WebLogin(self.http, self.config, self.given.endpoints["web"]).request_token(
            lambda: self.code(SENT_AT_LEAST)
        )
        try:
            return self.exchange(request_token)
        except ConsentRejected:
            refused = LoginRejected(
                "Zerodha refused the request token it had given a moment ago",
                hint="are api_key and api_secret of the same app?",
            )
        raise refused

    def answer_in(self, pasted: Secret) -> Secret:
        if self.given.login != "assisted":
            raise ConsentRejected("this account logs in by itself; nothing needs to be sent for it")
        return answer_in(pasted, login_page=self.given.endpoints["web"])

    def with_state(self, consent: Consent, state: Secret) -> Consent:
        """What `redirect_params` holds comes back in the address."""
        params = urlencode({"redirect_params": urlencode({"state": state.reveal()})})
        return replace(consent, url=f"{consent.url}&{params}")

    def state_in(self, pasted: Secret) -> Secret | None:
        return state_in(pasted)

    def exchange(self, answer: Secret) -> AccessToken:
        asked_at = self.clock.now()
        return self._token(self.session_token(answer), asked_at)

    def profile(self, token: AccessToken) -> Profile:
        return self._read("/user/profile", token, profile_in)

    def funds(self, token: AccessToken) -> Funds:
        return self._read("/user/margins", token, funds_in)

    def holdings(self, token: AccessToken) -> list[Holding]:
        return self._read("/portfolio/holdings", token, holdings_in)

    def positions(self, token: AccessToken) -> list[Position]:
        return self._read("/portfolio/positions", token, positions_in)

    def orders(self, token: AccessToken) -> list[Order]:
        return self._read("/orders", token, orders_in)

    def postback(self, body: bytes) -> str:
        """Neither status nor quantities are signed: whoever saw one may alter and repeat it."""
        told = parse(body)
        order = order_in(told, order="order_id", client="user_id", ours=self.client_id)
        signed = (pick(told, name, of=str) for name in ("order_id", "order_timestamp"))
        expected = hashlib.sha256("".join((*signed, self.config.api_secret.reveal())).encode()).hexdigest()
        if not hmac.compare_digest(pick(told, "checksum", of=str).encode(), expected.encode()):
            raise UnexpectedReply("the checksum of a postback of Zerodha's is wrong")
        return order

    def revoke(self, token: AccessToken) -> None:
        accepted(self.end_session(token))

    def environment(self, token: AccessToken) -> dict[str, str]:
        return {"KITE_API_KEY": self.config.api_key.reveal(), "KITE_ACCESS_TOKEN": token.value.reveal()}

    def headers(self, token: AccessToken) -> dict[str, str]:
        return VERSION | {"Authorization": f"token {self.config.api_key.reveal()}:{token.value.reveal()}"}

    # One request each. None but `_read` is repeated: a new session ends the one before it.

    def session_token(self, request_token: Secret) -> object:
        config = self.config
        form: Sent = {
            "api_key": config.api_key,
            "request_token": request_token,
            "checksum": checksum(config.api_key, request_token, config.api_secret),
        }
        return granted(self.http.post("api", "/session/token", form=form, headers=VERSION))

    def end_session(self, token: AccessToken) -> Reply:
        params = {"api_key": self.config.api_key, "access_token": token.value}
        return self.http.delete("api", "/session/token", params=params, headers=self.headers(token))

    def _consent(self) -> Consent:
        """A link; Zerodha is not asked."""
        query = {"v": "3", "api_key": self.config.api_key.reveal()}
        return Consent(
            f"{self.given.endpoints['web']}/connect/login?{urlencode(query)}",
            expects="the address you land on after logging in, or the request_token in it",
            asks_totp=self.totp_secret is not None,
        )

    def _token(self, data: object, asked_at: datetime) -> AccessToken:
        """Zerodha does not say when it ends; counted from its own time of login, should ours be beyond six o'clock.
        Where it tells none, from when it was asked: of two sides of six o'clock, the earlier is the safe one."""
        told = maybe(data, "api_key", of=Secret)
        if told is not None and told != self.config.api_key:
            raise UnexpectedReply("Zerodha answered with a token of another app than the configured one")
        issued_at = issued(maybe(data, "login_time", of=str), asked_at)
        return AccessToken(
            pick(data, "access_token", of=Secret),
            pick(data, "user_id", of=str).upper(),
            issued_at,
            self.expiry(issued_at),
        )


def checksum(api_key: Secret, request_token: Secret, api_secret: Secret) -> str:
    """SHA-256 of the three, one behind the other."""
    joined = api_key.reveal() + request_token.reveal() + api_secret.reveal()
    return hashlib.sha256(joined.encode()).hexdigest()
