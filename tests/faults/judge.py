"""A broker in memory whose clock is right, and which judges the codes it is sent by it; the machine's clock is not.

Codes are read by the sandbox's own reckoning, lest a fault of the library be on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.keeping import StoredCodes
from bot.life import Account
from bot.sandbox.totp import PERIOD, window_at, window_of
from bot.store import Alert, Store
from bot.tokens import TokenService
from bot.trading import Hours, Rules, TradingDays
from brokers import (
    AccessToken,
    BrokerUnreachable,
    Clock,
    CodeRejected,
    Consent,
    Drift,
    Profile,
    Secret,
    Surroundings,
    TotpSecret,
)
from brokers._totp import SENT_AT_LEAST
from tests.fake_broker import FakeBroker, Script
from tests.fakes import FakeClock, MemoryStore
from tests.faults.desk import SEED, indian

NAME = "fake"
TWO_HOSTS = ("auth", "api")
FAR = 80
"""Windows to either side among which a code is looked for."""
BLURRED = 0.5
"""A `Date` has whole seconds, so an error is measured to half a second at first."""
A_WHILE = 300
"""Seconds, and whole windows. So long a login that seems to lie ahead keeps the next one from being made."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A code as it arrived."""

    gone: float
    """Seconds gone of the broker's window."""
    window: int
    """The one the code is of."""
    away: int
    """Windows from there to the broker's own."""


@dataclass
class Facts(Script):
    """`now` is the broker's clock, and `hosts` are those it answers from: at the first one logs in."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    hosts: tuple[str, ...] = TWO_HOSTS
    either_side: int = 1
    """Windows away from its own in which the broker still takes a code."""
    totp_secret: TotpSecret = field(default_factory=lambda: TotpSecret.parse(SEED))
    silent: bool = False
    """Nobody is told the time for the asking."""
    sent: list[Sent] = field(default_factory=list)

    def hear(self, digits: Secret) -> Sent:
        at = self.now().timestamp()
        window = window_of(SEED, digits.reveal(), at, FAR)
        assert window is not None
        self.sent.append(Sent(at % PERIOD, window, window - window_at(at)))
        return self.sent[-1]


class Judge(FakeBroker):
    config: Any
    login_gap = timedelta(0)

    def login(self) -> AccessToken | Consent:
        code = self.code(SENT_AT_LEAST)
        self._send()
        self.config.logins += 1
        away = abs(self.config.hear(code.digits).away)
        self._answer_from(self.config.hosts[0])
        if away > self.config.either_side:
            raise CodeRejected("the TOTP code was refused", hint="is this machine's clock right?")
        return self._next()

    def profile(self, token: AccessToken) -> Profile:
        self._answer_from(self.config.hosts[-1])
        return super().profile(token)

    def reach(self) -> None:
        if self.config.silent:
            raise BrokerUnreachable("the broker does not answer")
        for host in self.config.hosts:
            self._answer_from(host)

    def _answer_from(self, host: str) -> None:
        """With a `Date`, which has whole seconds."""
        date, ours = self.config.now().replace(microsecond=0), self.clock.now()
        self.given.drift.look(self.clock)
        self.given.drift.measure(host, ours, ours, date)


class Machine:
    """A computer whose clock is so many seconds behind the broker's (ahead, if negative), and one account on it."""

    def __init__(
        self, error: float = 0, gone: float = 10, *, store: Store | None = None, name: str = "", **facts: Any
    ) -> None:
        """`gone`: seconds of the broker's window that are over at the start. `name`: where it is one of several."""
        self._name = name
        self._born = indian(8) + timedelta(seconds=gone)
        self.clock = FakeClock((self._born - timedelta(seconds=error)).astimezone(UTC))
        self.facts = Facts(now=self.true, **facts)
        self.store = store or MemoryStore()
        self.told: list[Alert] = []
        self.restart()

    def true(self) -> datetime:
        """The time by the broker, which nobody sets."""
        return (self._born + timedelta(seconds=self.clock.monotonic())).astimezone(UTC)

    def restart(self) -> None:
        """A new process, which has compared its clock with nobody's."""
        self.drift = Drift()
        self.tokens = service(self.facts, self.store, self.clock, self.drift, self.told, self._name)
        self.broker = self.tokens.accounts[NAME].broker

    def compares_clocks(self) -> None:
        self.broker.reach()

    def refresh(self, who: str = "admin") -> Any:
        return self.tokens.refresh(NAME, who=who, replace=True)

    def shown(self, digits: Secret) -> None:
        """A person reads the code, and sends it at once."""
        self.facts.hear(digits)

    def sent(self) -> list[Sent]:
        return self.facts.sent

    def alerts(self, kind: str) -> list[Alert]:
        return [alert for alert in self.told if alert.kind == kind]


def service(facts: Facts, store: Store, clock: Clock, drift: Drift, told: list[Alert], machine: str) -> TokenService:
    given = Surroundings("auto", Judge.endpoints, clock, StoredCodes(store, NAME), drift)
    account = Account(NAME, Judge.title, Judge(facts, given), "auto", Hours().morning, "config-1")
    rules = Rules(Hours(), TradingDays())
    return TokenService(
        {NAME: account}, store, clock, drift, rules=rules, tell=lambda *alerts: told.extend(alerts), machine=machine
    )
