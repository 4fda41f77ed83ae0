"""One way to make a request: limits on time and size, paced, no redirects, nothing taken from the environment.

It knows no broker: what a reply means is for the broker's own file. What it raises never holds an address, a header or
a body, in the text or in the chain, as some brokers take the PIN in the query.
"""

from __future__ import annotations

import random
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache, partial
from typing import Any, TypedDict, TypeVar, Unpack
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from requests_ratelimiter import Duration, InMemoryBucket, Rate, RateItem
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from brokers._addresses import is_loopback
from brokers._clock import Clock
from brokers._drift import Drift
from brokers._errors import BrokerError, BrokerUnreachable, LoginRejected, UnexpectedReply
from brokers._guard import Guard, connected
from brokers._quiet import cut_queries_in_logs
from brokers._reply import Reply
from brokers._types import Secret

T = TypeVar("T")

Sent = Mapping[str, str | Secret]
"""Names and values of a query or of headers."""


class Content(TypedDict, total=False):
    """What goes with a request."""

    params: Sent
    headers: Sent
    form: Sent
    json: Sent
    base: str
    """In place of the endpoint's address: one that the broker gave at login, checked by `own_address`."""


PAUSES = (0.5, 1.5)
"""Seconds before a read is tried again, give or take half."""
LARGEST_REPLY = 8 * 1024 * 1024
"""An order book of the 7,000 orders a broker allows on a day fits."""

MAY_HOLD_BLANKS = frozenset({"Authorization", "Cookie", "User-Agent"})
"""Headers of several words; in any other a blank has come along by mistake."""

Pace = Sequence[Rate]
"""How often a class of calls may be made."""

_chance = random.SystemRandom()


def per_second(calls: int) -> Pace:
    return [Rate(calls, Duration.SECOND)]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take, in seconds of real time."""

    connect: float = 10
    read: float = 25
    """Without a byte arriving."""
    total: float = 30
    """From the first packet to the last, whatever arrives in between. Looking up the host's name is not in it."""


class Http:
    """Requests of one account to one broker. Thread-safe. Nothing is opened before the first request, or kept after it:
    a connection that idled may be closed just when a login is sent, and a thousand accounts would hold a thousand."""

    def __init__(  # noqa: PLR0913 - all but four are named
        self,
        title: str,
        endpoints: Mapping[str, str],
        clock: Clock,
        drift: Drift,
        *,
        proxy: str | None = None,
        paces: Mapping[str, Pace],
        limits: Limits = Limits(),
        before_sending: Callable[[], None] = lambda: None,
        after_answer: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._title = title
        self._endpoints = endpoints
        self._clock = clock
        self._drift = drift
        self._proxy = proxy
        self._limits = limits
        self._before_sending = before_sending
        self._after_answer = after_answer
        self._pacers = {name: _Pacer(paces[name], clock) for name in endpoints}

    def get(self, endpoint: str, path: str, **content: Unpack[Content]) -> Reply:
        return self._ask("GET", endpoint, path, content)

    def post(self, endpoint: str, path: str, **content: Unpack[Content]) -> Reply:
        return self._ask("POST", endpoint, path, content)

    def delete(self, endpoint: str, path: str, **content: Unpack[Content]) -> Reply:
        return self._ask("DELETE", endpoint, path, content)

    def read(
        self, endpoint: str, path: str, judge: Callable[[Reply], T], *, method: str = "GET", **content: Unpack[Content]
    ) -> T:
        """A request that may be repeated, as it changes nothing at the broker. `judge` makes the reply into a value;
        when it says BrokerUnreachable, and there is time left in the total limit, the request is made again."""
        ends = self._clock.monotonic() + self._limits.total
        for pause in PAUSES:
            try:
                return judge(self._ask(method, endpoint, path, content))
            except BrokerUnreachable:
                wait = pause * _chance.uniform(0.5, 1.5)
                if self._clock.monotonic() + wait >= ends:
                    raise
            self._clock.sleep(wait)
        return judge(self._ask(method, endpoint, path, content))

    def _ask(self, method: str, endpoint: str, path: str, content: Content) -> Reply:
        address = content.get("base", self._endpoints[endpoint]) + path
        _refuse_open_wire(self._title, address)
        form, body = content.get("form"), content.get("json")
        request = requests.Request(
            method,
            address,
            params=_revealed(content.get("params", {})),
            headers=_sendable(self._title, content.get("headers", {})),
            data=None if form is None else _revealed(form),
            json=None if body is None else _revealed(body),
        )
        self._pacers[endpoint].wait()
        self._before_sending()
        started = self._clock.monotonic()
        outcome = self._send(request)
        self._after_answer(self._clock.monotonic() - started)
        if isinstance(outcome, BrokerError):
            raise outcome  # out here, where no library's exception is its context
        return outcome

    def _send(self, request: requests.Request) -> Reply | BrokerError:
        """One request, whatever comes of it. Returns the error: raised in here, its chain would hold the address."""
        cut_queries_in_logs()
        guard = Guard(self._limits.total)
        try:
            with guard, _Wire(guard, self._proxy_for(request.url)) as wire:
                return self._receive(wire, request, guard)
        except Exception as error:
            # Everything: libraries under this one have let AttributeErrors out when a socket was shut beneath them.
            return self._unreachable(type(error), guard)

    def _receive(self, wire: _Wire, request: requests.Request, guard: Guard) -> Reply | BrokerError:
        sent = self._clock.now()
        response = wire.send(
            wire.prepare_request(request), stream=True, timeout=(self._limits.connect, self._limits.read)
        )
        with closing(response):
            self._measure(request.url, sent, response.headers)
            raw = bytearray()
            for chunk in response.iter_content(65_536):
                raw += chunk
                if len(raw) > LARGEST_REPLY:
                    return UnexpectedReply(f"{self._title} sent more than {LARGEST_REPLY // 2**20} MiB")
        if guard.struck:  # a reply without a stated length looks whole when its socket is shut
            return self._unreachable(TimeoutError, guard)
        return Reply(
            self._title,
            response.status_code,
            _seconds(response.headers.get("Retry-After")),
            bytes(raw),
            Secret(response.headers.get("Location", "")),
            {cookie.name: Secret(cookie.value or "") for cookie in response.cookies},
        )

    def _unreachable(self, cause: type[BaseException], guard: Guard) -> BrokerUnreachable:
        if guard.struck:
            return BrokerUnreachable(f"{self._title} did not finish its answer within {self._limits.total:g} seconds")
        if issubclass(cause, requests.exceptions.SSLError):
            return BrokerUnreachable(
                f"{self._title} could not prove who it is (TLS)", hint="is this machine's clock right?"
            )
        if issubclass(cause, requests.exceptions.ProxyError):
            return BrokerUnreachable(f"{self._title} could not be reached through the configured proxy")
        if issubclass(cause, requests.exceptions.Timeout | TimeoutError):
            return BrokerUnreachable(f"{self._title} did not answer in time")
        return BrokerUnreachable(f"{self._title} could not be reached")

    def _measure(self, address: str, sent: datetime, headers: Mapping[str, str]) -> None:
        """Tell the drift what the broker's clock says. A cache's reply carries the `Date` of long ago."""
        self._drift.look(self._clock)
        received = self._clock.now()
        date = _date(headers.get("Date"))
        if date is not None and "Age" not in headers:
            self._drift.measure(urlsplit(address).netloc, sent, received, date)

    def _proxy_for(self, address: str) -> str | None:
        return None if is_loopback(address) else self._proxy


class _Wire(requests.Session):
    """A session for one request. No `.netrc`, which would replace our headers; no proxy but the configured one; no
    redirects; no cookies, as it is thrown away."""

    def __init__(self, guard: Guard, proxy: str | None) -> None:
        super().__init__()
        self.trust_env = False
        self.proxies = {"http": proxy, "https": proxy} if proxy else {}
        self.headers = requests.structures.CaseInsensitiveDict(
            {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close", "User-Agent": "kunji"}
        )
        self.mount("https://", _Adapter(guard))
        self.mount("http://", _Adapter(guard))

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 -- a library's signature
        """None: even unfollowed, `requests` would read a redirect's whole body."""
        return


class _Adapter(HTTPAdapter):
    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=_trust())

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **kwargs, ssl_context=_trust())

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002 -- a library's signature
        """The context has the authorities already; `requests` would read them from disk for every connection."""
        conn.cert_reqs = "CERT_REQUIRED"

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Mapping[str, str] | None = None, cert: Any = None
    ) -> Any:
        pool: Any = super().get_connection_with_tls_context(request, verify, proxies, cert)
        kind = _GuardedTls if issubclass(pool.ConnectionCls, HTTPSConnection) else _Guarded
        pool.ConnectionCls = partial(kind, self._guard)
        return pool


class _Guarded(HTTPConnection):
    """A connection whose socket is watched from before the TLS handshake on."""

    def __init__(self, guard: Guard, *args: Any, **kwargs: Any) -> None:
        self._guard = guard
        super().__init__(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        return _connected(self, self._guard)


class _GuardedTls(HTTPSConnection):
    def __init__(self, guard: Guard, *args: Any, **kwargs: Any) -> None:
        self._guard = guard
        super().__init__(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        return _connected(self, self._guard)


def _connected(connection: HTTPConnection, guard: Guard) -> socket.socket:
    return connected(
        connection.host, connection.port, connection.socket_options or (), float(connection.timeout or 10), guard
    )


@cache
def _trust() -> ssl.SSLContext:
    """The certificate authorities, read once: a context of its own costs an account half a megabyte."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


class _Pacer:
    """So many calls in so much time, for one account and one class of call.

    The bucket is asked and never lets us wait: waiting goes by the clock we were given, and the limiter's own way
    would keep a thread per account.
    """

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self._bucket = InMemoryBucket(list(pace))
        self._clock = clock
        self._lock = threading.Lock()

    def wait(self) -> None:
        while pause := self._pause():
            self._clock.sleep(pause)

    def _pause(self) -> float:
        with self._lock:
            now = int(self._clock.monotonic() * 1000)
            self._bucket.leak(now)
            item = RateItem("", now)
            return 0 if self._bucket.put(item) else max(int(self._bucket.waiting(item)), 1) / 1000  # type: ignore[arg-type]


def _refuse_open_wire(title: str, address: str) -> None:
    if not address.startswith("https://") and not (address.startswith("http://") and is_loopback(address)):
        raise BrokerError(f"the address configured for {title} is neither https:// nor on this machine")


def _revealed(values: Sent) -> dict[str, str]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}


def _sendable(title: str, headers: Sent) -> dict[str, str]:
    """Headers as text. A library's refusal of a character would quote the whole value."""
    plain = _revealed(headers)
    for name, value in plain.items():
        words = value.split(" ") if name in MAY_HOLD_BLANKS else [value]
        if not all("!" <= c <= "~" for word in words for c in word):
            raise LoginRejected(f"what is configured for {title}'s {name} holds characters that cannot be sent")
    return plain


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return date if date is not None and date.tzinfo is not None else None


def _seconds(text: str | None) -> float | None:
    """A `Retry-After` in seconds; its other form, a date, is not used by any broker."""
    return float(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 6 else None
