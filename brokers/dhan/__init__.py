"""Dhan (DhanHQ API v2).

Logs in by itself with PIN and TOTP, in one call that Dhan offers for it; or by consent: the admin logs in on Dhan's
page and sends back the address it ends on. An access token made by hand on web.dhan.co is taken too; only that kind can
be renewed.
https://dhanhq.co/docs/v2/authentication/
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from brokers._base import Broker, Shape
from brokers._errors import ConsentRejected, NotSupported, TokenRejected, UnexpectedReply, WrongClient
from brokers._expiry import lasting
from brokers._http import Sent, per_second
from brokers._jwt import JWT
from brokers._postback import order_in
from brokers._reply import maybe, parse, pick
from brokers._totp import SENT_AT_LEAST, TotpSecret
from brokers._types import AccessToken, Code, Consent, Funds, Holding, Order, OrderAddress, Position, Profile, Secret
from brokers.dhan._account import funds_in, holdings_in, order_address_in, orders_in, positions_in, profile_in
from brokers.dhan._answers import TOKEN_ID, Claims, answer_in, claims_of, instant
from brokers.dhan._credentials import ClientId, Pin
from brokers.dhan._refusals import BETWEEN_LOGINS, accepted, granted, renewal_refused

EXPIRY = lasting(timedelta(hours=24))


@dataclass(frozen=True, slots=True)
class Config:
    client_id: ClientId
    pin: Pin | None = None
    totp_secret: TotpSecret | None = None
    api_key: Secret | None = None
    api_secret: Secret | None = None


class Dhan(Broker[Config]):
    Config = Config
    name = "dhan"
    title = "Dhan"
    domain = "dhan.co"
    endpoints: ClassVar = {"auth": "https://auth.dhan.co", "api": "https://api.dhan.co/v2"}
    ways: ClassVar = {"auto": ("pin", "totp_secret"), "assisted": ("api_key", "api_secret")}
    asks: ClassVar = {
        "client_id": "the account's number, ten digits; web.dhan.co, My Profile",
        "pin": "the PIN you log in to Dhan with",
        "totp_secret": "the text code beside the QR picture of the authenticator; web.dhan.co, My Profile, "
        "Access DhanHQ APIs, Setup TOTP. Scan the picture with your phone as well",
        "api_key": "the key of an app of yours; web.dhan.co, My Profile, Access DhanHQ APIs, switched to API key",
        "api_secret": "the app's secret, beside its key",
    }
    shapes: ClassVar = {"client_id": Shape("[0-9]{10}", "ten digits"), "pin": Shape("[0-9]{6}", "six digits")}
    ways_in_words: ClassVar = {
        "auto": "by itself, with your PIN and TOTP secret; nothing for you to do each day",
        "assisted": "with you: each day the bot sends a link, you log in on Dhan's page and send back where you land",
    }
    positions_on_ways: ClassVar = {
        "auto": "Dhan documents this login for programs: you may let one log in to your own account",
        "assisted": "Dhan means this page for a person: you log in, kunji only opens it and takes what comes back",
    }
    login_gap = BETWEEN_LOGINS
    tells_order_address = True
    redirects = True
    registers_at = "web.dhan.co, My Profile, Access DhanHQ APIs, switched to API key"
    posts_back = True
    # Dhan allows 20 a second, and 10 for orders; whether reading the order book counts as one it does not say.
    paces: ClassVar = {"auth": per_second(2), "api": per_second(8)}

    @staticmethod
    def expiry(issued_at: datetime) -> datetime:
        return EXPIRY(issued_at)

    def login(self) -> AccessToken | Consent:
        if self.given.login == "assisted":
            return self._consent(self.generate_consent())
        code = self.code(SENT_AT_LEAST)
        asked_at = self.clock.now()
        return self._token(self.generate_access_token(code), asked_at)

    def answer_in(self, pasted: Secret) -> Secret:
        answer = answer_in(pasted, login_page=self.given.endpoints["auth"])
        if JWT.fullmatch(answer.reveal()):
            self._own_claims(answer)
        elif self.given.login != "assisted":
            raise ConsentRejected(
                "this account logs in by itself; only an access token made on web.dhan.co can be sent for it"
            )
        return answer

    def exchange(self, answer: Secret) -> AccessToken:
        if not JWT.fullmatch(answer.reveal()):
            asked_at = self.clock.now()
            return self._token(self.consume_consent(answer), asked_at)
        claims = self._own_claims(answer)
        return AccessToken(answer, self.client_id, claims.issued_at, claims.expires_at, claims.made_by_hand)

    def renew(self, token: AccessToken) -> AccessToken | Consent:
        """Only tokens made on Dhan Web can be renewed, and only while they live. The old one dies at once.

        Where that fails for good, an account that logs in by itself does; another raises NotSupported or TokenRejected,
        as its next consent is the admin's to ask for."""
        asked_at = self.clock.now()
        try:
            return self._token(self.renew_token(token), asked_at, owner=token.client_id)
        except (NotSupported, TokenRejected):
            if self.given.login == "assisted":
                raise
            return self.login()

    def profile(self, token: AccessToken) -> Profile:
        return self._read("/profile", token, profile_in)

    def funds(self, token: AccessToken) -> Funds:
        return self._read("/fundlimit", token, funds_in)

    def holdings(self, token: AccessToken) -> list[Holding]:
        return self._read("/holdings", token, holdings_in)

    def positions(self, token: AccessToken) -> list[Position]:
        return self._read("/positions", token, positions_in)

    def orders(self, token: AccessToken) -> list[Order]:
        return self._read("/orders", token, orders_in)

    def order_address(self, token: AccessToken) -> OrderAddress:
        return self._read("/ip/getIP", token, order_address_in)

    def postback(self, body: bytes) -> str:
        """It is not signed."""
        return order_in(parse(body), order="orderId", client="dhanClientId", ours=self.client_id)

    def environment(self, token: AccessToken) -> dict[str, str]:
        return {"DHAN_CLIENT_ID": self.client_id, "DHAN_ACCESS_TOKEN": token.value.reveal()}

    def headers(self, token: AccessToken) -> dict[str, str]:
        return {"access-token": token.value.reveal(), "client-id": self.client_id}

    # One request each. None but `_read` is repeated: each may end the token that is alive.

    def generate_access_token(self, code: Code) -> object:
        params = {"dhanClientId": self.client_id, "pin": self.config.pin or "", "totp": code.digits}
        return granted(self.http.post("auth", "/app/generateAccessToken", params=params), "accessToken")

    def generate_consent(self) -> object:
        reply = self.http.post(
            "auth", "/app/generate-consent", params={"client_id": self.client_id}, headers=self._app_headers()
        )
        return granted(reply, "consentAppId")

    def consume_consent(self, token_id: Secret) -> object:
        """Dhan's pages and its own client disagree on the verb; only "no such call" is answered with the other one."""
        path, params, headers = "/app/consumeApp-consent", {"tokenId": token_id}, self._app_headers()
        reply = self.http.get("auth", path, params=params, headers=headers)
        if reply.status in {404, 405}:
            reply = self.http.post("auth", path, params=params, headers=headers)
        return granted(reply, "accessToken", otherwise=ConsentRejected)

    def renew_token(self, token: AccessToken) -> object:
        if not token.renewable or self.clock.now() >= token.expires_at:
            raise NotSupported("Dhan renews only live tokens made on web.dhan.co")
        headers: Sent = {"access-token": token.value, "dhanClientId": self.client_id}
        reply = self.http.get("api", "/RenewToken", headers=headers)
        if renewal_refused(reply):
            raise NotSupported("Dhan does not renew this kind of token")
        return accepted(reply)

    def _app_headers(self) -> Sent:
        return {"app_id": self.config.api_key or "", "app_secret": self.config.api_secret or ""}

    def _consent(self, body: object) -> Consent:
        consent_id = pick(body, "consentAppId", of=str)
        if not TOKEN_ID.fullmatch(consent_id):
            raise UnexpectedReply("Dhan's consent has an id of a kind its documentation does not show")
        return Consent(
            f"{self.given.endpoints['auth']}/login/consentApp-login?consentAppId={consent_id}",
            expects="the address you land on after logging in, or an access token made on web.dhan.co",
            asks_totp=self.totp_secret is not None,
        )

    def _token(self, body: object, asked_at: datetime, owner: str | None = None) -> AccessToken:
        """The JWT itself is the judge of times: `expiryTime` has no zone. Where it says nothing, the token is as
        old as the question: an answer may take half a minute."""
        value = maybe(body, "accessToken", of=Secret) or pick(body, "token", of=Secret)
        claims = claims_of(value)
        told = maybe(body, "dhanClientId", of=str) or owner
        if claims is None:
            expires_at = instant(maybe(body, "expiryTime", of=str)) or self.expiry(asked_at)
            return AccessToken(value, told or pick(body, "dhanClientId", of=str), asked_at, expires_at)
        if told not in (None, claims.client_id):
            raise WrongClient("Dhan's answer names one client, and the token in it another")
        return AccessToken(value, claims.client_id, claims.issued_at, claims.expires_at, claims.made_by_hand)

    def _own_claims(self, token: Secret) -> Claims:
        """What a token somebody sent says of itself, before anybody is asked about it."""
        claims = claims_of(token)
        if claims is None:
            raise ConsentRejected("this looks like an access token, but not like one of Dhan's")
        if claims.client_id != self.client_id:
            raise ConsentRejected("this access token belongs to another client id than this account")
        if claims.expires_at <= self.clock.now():
            raise ConsentRejected("this access token has expired; make a new one on web.dhan.co")
        return claims
