"""What every broker is: one login, asked the same questions, answered in the same values.

One instance serves one account and is thread-safe. A broker knows no disk, environment, log or chat: addresses, clock
and the memory of used TOTP windows come in through the constructor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from brokers._clock import Clock
from brokers._drift import Drift
from brokers._errors import ConsentRejected, NotSupported
from brokers._http import Http, Limits, Pace
from brokers._reply import Reply
from brokers._totp import SHOWN_AT_LEAST, TotpSecret, fresh_code
from brokers._types import AccessToken, Code, Consent, Funds, Holding, Order, OrderAddress, Position, Profile, Secret

T = TypeVar("T")


class HasClient(Protocol):
    """What every broker's `Config` tells."""

    @property
    def client_id(self) -> str: ...


ConfigT = TypeVar("ConfigT", bound=HasClient)


class Codes(Protocol):
    """Remembers which TOTP windows an account has used, across restarts and processes."""

    def reserve(self, window: int) -> bool:
        """Take a window (unix time // period). False if it was ever taken before for this account."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a broker is given besides its config."""

    login: str
    """The way to log in: a key of the broker's `ways`."""
    endpoints: Mapping[str, str]
    """An address for every name in the broker's `endpoints`; complete, checked, without a slash at the end."""
    clock: Clock
    codes: Codes
    drift: Drift
    proxy: str | None = None


def nothing() -> None:
    """Nobody waits for requests."""


def nobody(_seconds: float) -> None:
    """Nobody counts how long they take."""


_before_sending: ContextVar[Callable[[], None]] = ContextVar("before_sending", default=nothing)


class Shape(NamedTuple):
    """What a value looks like as a rule that the broker does not promise. What is sure the value's own class checks."""

    pattern: str
    """For the whole value, capitals or not."""
    words: str


class Broker(ABC, Generic[ConfigT]):
    """One account at one broker. See `docs/brokers.md` for how to write one."""

    name: ClassVar[str]
    """As in file names and config: `dhan`."""
    title: ClassVar[str]
    """As shown to people: `Dhan`."""
    domain: ClassVar[str]
    """A replaced endpoint must be loopback or lie under this domain."""
    domains: ClassVar[Mapping[str, str]] = {}
    """For an endpoint that lies elsewhere: the domain it must lie under instead."""
    endpoints: ClassVar[Mapping[str, str]]
    Config: ClassVar[type[Any]]
    """A frozen dataclass: the only list of what the admin supplies. Secrets are of type `Secret`."""
    ways: ClassVar[Mapping[str, tuple[str, ...]]]
    """Each way to log in with the config fields it needs, the preferred one first."""
    asks: ClassVar[Mapping[str, str]] = {}
    """For each field of `Config`, in one line, what it is and where it is found; `kunji init` asks with it."""
    shapes: ClassVar[Mapping[str, Shape]] = {}
    """For fields of `Config` whose values look alike as a rule: `kunji init` asks about one that does not."""
    ways_in_words: ClassVar[Mapping[str, str]] = {}
    """What each way means for the admin, day by day; `kunji init` offers them with it."""
    positions_on_ways: ClassVar[Mapping[str, str]] = {}
    """In plain words, what the broker says about a way; shown by `kunji check`."""
    login_gap: ClassVar[timedelta] = timedelta(0)
    """The least time the broker allows between two logins that were granted."""
    tells_order_address: ClassVar[bool] = False
    paces: ClassVar[Mapping[str, Pace]] = {}
    """How often each endpoint may be called for one account."""
    limits: ClassVar[Limits] = Limits()
    """How long a call may take."""
    revokes: ClassVar[bool] = False
    """`revoke` ends a token at the broker."""
    redirects: ClassVar[bool] = False
    """After a login its page sends the browser on to an address registered with the broker."""
    carries_state: ClassVar[bool] = False
    """That address brings back what `with_state` put into the link."""
    registers_at: ClassVar[str] = ""
    """Where at the broker such addresses are entered, in words."""
    posts_back: ClassVar[bool] = False
    """It sends what becomes of an order to an address it was given; `postback` reads that."""

    def __init__(self, config: ConfigT, given: Surroundings) -> None:
        self.config = config
        self.given = given
        self.clock = given.clock
        self.after_answer: Callable[[float], None] = nobody
        """Called after each request with the seconds it took, whatever came of it."""

    @contextmanager
    def noting(self, note: Callable[[], None]) -> Iterator[None]:
        """Meanwhile `note` is called right before each request that this thread makes: what others ask at the same time
        is none of its business. What it raises keeps the request from being sent."""
        before = _before_sending.set(note)
        try:
            yield
        finally:
            _before_sending.reset(before)

    def before_sending(self) -> None:
        """Called right before each request, by whoever makes it."""
        _before_sending.get()()

    @cached_property
    def http(self) -> Http:
        """The account's requests; made when the first is."""
        given = self.given
        return Http(
            self.title,
            given.endpoints,
            given.clock,
            given.drift,
            proxy=given.proxy,
            paces=self.paces,
            limits=self.limits,
            before_sending=self.before_sending,
            after_answer=lambda seconds: self.after_answer(seconds),  # noqa: PLW0108 - likewise
        )

    @property
    def client_id(self) -> str:
        """The configured client, as the broker spells it in its answers."""
        return self.config.client_id

    @staticmethod
    @abstractmethod
    def expiry(issued_at: datetime) -> datetime:
        """When a token issued then stops working, by the broker's rule. Aware, UTC."""

    @abstractmethod
    def login(self) -> AccessToken | Consent:
        """Log in the configured way. At most one attempt reaches the broker.

        Raises LoginRejected, CodeRejected, RateLimited, BrokerUnreachable, UnexpectedReply.
        """

    def exchange(self, answer: Secret) -> AccessToken:
        """Turn what `answer_in` found into a token. Raises ConsentRejected besides what `login` raises."""
        raise NotSupported(f"{self.title} needs nothing sent back for this way to log in")

    def answer_in(self, pasted: Secret) -> Secret:
        """Find the answer to a consent in what the admin sent: an address, or a bare value. No request is made.

        Raises ConsentRejected, saying what was expected.
        """
        raise ConsentRejected(f"{self.title} expects nothing to be sent for this way to log in")

    def with_state(self, consent: Consent, state: Secret) -> Consent:
        """The same consent with this in its link, to come back after the login. Only where `carries_state`."""
        return consent

    def state_in(self, pasted: Secret) -> Secret | None:
        """What came back of `with_state` in an address; None if nothing did. No request is made."""
        return None

    def renew(self, token: AccessToken) -> AccessToken | Consent:
        """Give a live token a later expiry, where the broker can; else log in."""
        return self.login()

    def reach(self) -> None:
        """Ask every endpoint for anything at all, without credentials: any answer will do, and its `Date` is measured.
        Raises BrokerUnreachable."""
        for endpoint in self.given.endpoints:
            self.http.get(endpoint, "/")

    @abstractmethod
    def profile(self, token: AccessToken) -> Profile:
        """Is it alive, and whose is it. Raises TokenRejected when the broker says it is dead."""

    @abstractmethod
    def funds(self, token: AccessToken) -> Funds: ...

    @abstractmethod
    def holdings(self, token: AccessToken) -> list[Holding]: ...

    @abstractmethod
    def positions(self, token: AccessToken) -> list[Position]: ...

    @abstractmethod
    def orders(self, token: AccessToken) -> list[Order]: ...

    def order_address(self, token: AccessToken) -> OrderAddress:
        """From which address orders are taken. Only where `tells_order_address`."""
        raise NotSupported(f"{self.title} does not tell which addresses may order")

    def postback(self, body: bytes) -> str:
        """The id of the order a postback is about. Nothing else in it is to be believed. No request is made.

        Raises WrongClient, UnexpectedReply, also where a signature is wrong. Only where `posts_back`.
        """
        raise NotSupported(f"{self.title} sends no postbacks")

    def revoke(self, token: AccessToken) -> None:
        """End the token at the broker."""
        raise NotSupported(f"{self.title} cannot end a token before its time")

    @abstractmethod
    def environment(self, token: AccessToken) -> dict[str, str]:
        """Names and values for programs, as users of the broker's own SDK know them. Values are secret."""

    @abstractmethod
    def headers(self, token: AccessToken) -> dict[str, str]:
        """How a request to this broker is authorised. Values are secret."""

    def _read(self, path: str, token: AccessToken, judge: Callable[[Reply], T]) -> T:
        """What `judge` makes of the answer to a question that changes nothing, and so may be asked again."""
        return self.http.read("api", path, judge, headers=self.headers(token))

    @property
    def totp_secret(self) -> TotpSecret | None:
        """The account's TOTP secret, where the config holds one."""
        return getattr(self.config, "totp_secret", None)

    def code(self, at_least: float = SHOWN_AT_LEAST) -> Code:
        """A TOTP code nobody has used, with at least that many seconds left; waits for one if need be.

        Its window counts as used from now on. Raises NotSupported if the config holds no TOTP secret.
        """
        if self.totp_secret is None:
            raise NotSupported(f"no totp_secret is configured for this {self.title} account")
        return fresh_code(self.totp_secret, self.given.clock, self.given.codes.reserve, self.given.drift, at_least)
