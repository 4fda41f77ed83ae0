"""A broker in memory: it answers what the test says, and counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from bot.life import Account
from brokers import (
    AccessToken,
    Broker,
    BrokerError,
    Clock,
    Consent,
    ConsentRejected,
    Drift,
    Funds,
    Holding,
    NotSupported,
    Order,
    OrderAddress,
    Position,
    Profile,
    Secret,
    Surroundings,
    TokenRejected,
)

CLIENT = "1000000001"


@dataclass
class Script:
    """What the broker does next; empty means it works."""

    login: list[BrokerError | Consent | str] = field(default_factory=list)
    """Errors to raise, a consent to give, or the client id of the token to hand out."""
    profile: list[BrokerError | str] = field(default_factory=list)
    renewable: bool = False
    life: timedelta = timedelta(hours=24)
    before_login: Callable[[], None] = lambda: None
    """While a TOTP window is awaited, say."""
    during_login: Callable[[], None] = lambda: None
    during_profile: Callable[[], None] = lambda: None
    orders: list[Order] = field(default_factory=list)
    order_address: OrderAddress | None = None
    logins: int = 0
    renewals: int = 0
    exchanges: int = 0
    live: str | None = None
    """The one token that is alive; a new one ends the one before."""


class FakeBroker(Broker[Script]):
    name = "fake"
    title = "Fake"
    domain = "fake.example"
    endpoints: ClassVar = {"api": "https://api.fake.example"}
    Config = Script
    ways: ClassVar = {"auto": (), "assisted": ()}
    login_gap = timedelta(seconds=120)
    tells_order_address = True

    @property
    def client_id(self) -> str:
        return CLIENT

    def expiry(self, issued_at: datetime) -> datetime:  # type: ignore[override]
        return issued_at + self.config.life

    def _next(self) -> AccessToken | Consent:
        self.config.during_login()
        answer = self.config.login.pop(0) if self.config.login else CLIENT
        if isinstance(answer, BrokerError):
            raise answer
        if isinstance(answer, Consent):
            return answer
        number = self.config.logins + self.config.renewals + self.config.exchanges
        self.config.live = f"token-{number}"
        now = self.clock.now()
        return AccessToken(Secret(self.config.live), answer, now, self.expiry(now), self.config.renewable)

    def _send(self) -> None:
        self.config.before_login()
        self.before_sending()

    def login(self) -> AccessToken | Consent:
        self._send()
        self.config.logins += 1
        return self._next()

    def renew(self, token: AccessToken) -> AccessToken | Consent:
        self._send()
        self.config.renewals += 1
        return self._next()

    def answer_in(self, pasted: Secret) -> Secret:
        if not pasted.reveal().startswith("answer"):
            raise ConsentRejected("an answer was expected")
        return pasted

    def exchange(self, answer: Secret) -> AccessToken:
        self._send()
        self.config.exchanges += 1
        token = self._next()
        assert isinstance(token, AccessToken)
        return token

    def reach(self) -> None:
        """It answers, and tells no time."""

    def profile(self, token: AccessToken) -> Profile:
        self.before_sending()
        self.config.during_profile()
        answer = self.config.profile.pop(0) if self.config.profile else token.client_id
        if isinstance(answer, BrokerError):
            raise answer
        if token.value.reveal() != self.config.live:
            raise TokenRejected("the token is dead")
        return Profile(answer)

    def funds(self, token: AccessToken) -> Funds:
        self.profile(token)
        return Funds(None, None, None)

    def holdings(self, token: AccessToken) -> list[Holding]:
        return []

    def positions(self, token: AccessToken) -> list[Position]:
        return []

    def orders(self, token: AccessToken) -> list[Order]:
        self.profile(token)
        return self.config.orders

    def order_address(self, token: AccessToken) -> OrderAddress:
        if self.config.order_address is None:
            raise NotSupported("no address is told")
        return self.config.order_address

    def environment(self, token: AccessToken) -> dict[str, str]:
        return {"FAKE_ACCESS_TOKEN": token.value.reveal()}

    def headers(self, token: AccessToken) -> dict[str, str]:
        return {"access-token": token.value.reveal()}


def fake_account(
    clock: Clock, codes: Any, script: Script, *, name: str = "fake", login: str = "auto", fingerprint: str = "config-1"
) -> Account:
    given = Surroundings(login, FakeBroker.endpoints, clock, codes, Drift())
    return Account(name, "Fake", FakeBroker(script, given), login, time(8, 45), fingerprint)
