"""A scripted HTTP server on loopback that can misbehave in every way a broker can, and what the contract tests need."""

from __future__ import annotations

import base64
import json
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from brokers import Broker, Clock, Drift, Surroundings
from tests.fakes import FakeClock
from tests.waiting import eventually

SAMPLES = Path(__file__).parent / "samples"

Answer = Callable[["Handler"], None]


class Patience:
    """The limits of a call: long, so that a busy machine is never taken for a silent broker, but short while `endless`,
    when nothing but their end can end it."""

    connect = 10.0

    def __init__(self, endless: Callable[[], bool]) -> None:
        self._endless = endless

    @property
    def read(self) -> float:
        return 0.12 if self._endless() else 25

    @property
    def total(self) -> float:
        return 0.2 if self._endless() else 30


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, parts.path, query, headers, body))
        script = self.server.script
        with suppress(OSError):  # the client may have had enough
            (script.pop(0) if len(script) > 1 else script[0])(self)

    do_POST = do_DELETE = do_GET

    def log_message(self, *args: Any) -> None: ...


class StandIn(ThreadingHTTPServer):
    """Answers by its script; the last answer stays."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Answer] = []
        self.seen: list[Seen] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def patience(self) -> Any:
        """The limits for a call to this server."""
        return Patience(lambda: self.script[0] in ENDLESS)

    def will(self, *answers: Answer) -> None:
        self.script[:] = answers

    def saw(self, requests: int) -> bool:
        """Whether so many came, and no more. Waits for them: one that was given up may be read late."""
        eventually(lambda: len(self.seen) >= requests)
        return len(self.seen) == requests

    def handle_error(self, request: object, client_address: object) -> None: ...


@contextmanager
def stand_in() -> Iterator[StandIn]:
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def says(status: int, body: object, **headers: str) -> Answer:
    """A whole reply: text and bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()

    def answer(handler: Handler) -> None:
        handler.send_response_only(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def slowly(clock: FakeClock, answer: Answer, asked_at: list[datetime]) -> Answer:
    """By that clock it takes 25 seconds, from when it was asked."""

    def late(handler: Handler) -> None:
        asked_at.append(clock.now())
        clock.go(25)
        answer(handler)

    return late


def hangs(handler: Handler) -> None:
    handler.server.over.wait(10)


def resets(handler: Handler) -> None:
    handler.connection.close()


def breaks_off(handler: Handler) -> None:
    """Promises more than comes."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"a')


def drips_headers(handler: Handler) -> None:
    _drip(handler, b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")


def drips_body(handler: Handler) -> None:
    """A body that ends with the connection, and is good JSON however much of it came."""
    _drip(handler, b"HTTP/1.1 200 OK\r\n\r\n{}", b" ")


def floods(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(200):
        handler.wfile.write(b" " * 65_536)


def _drip(handler: Handler, start: bytes, drop: bytes) -> None:
    handler.wfile.write(start)
    while not handler.server.over.wait(0.02):
        handler.wfile.write(drop)


ENDLESS = (hangs, drips_headers, drips_body)


@dataclass
class Windows:
    """Remembers TOTP windows as the store does."""

    taken: list[int] = field(default_factory=list)

    def reserve(self, window: int) -> bool:
        if window in self.taken:
            return False
        self.taken.append(window)
        return True


def account(
    kind: type[Broker[Any]],
    config: object,
    where: StandIn | str | Mapping[str, str],
    clock: Clock,
    *,
    way: str = "auto",
    drift: Drift | None = None,
    proxy: str | None = None,
) -> Any:
    """An account at the stand-in, or at these addresses."""
    if isinstance(where, StandIn):
        kind = type(kind.__name__, (kind,), {"limits": where.patience})
        where = where.url
    endpoints = dict.fromkeys(kind.endpoints, where) if isinstance(where, str) else where
    return kind(config, Surroundings(way, endpoints, clock, Windows(), drift or Drift(), proxy))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and everything it came from, also what `from None` hides."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)


def everything_said(error: BaseException) -> str:
    """All text a person, a log or a debugger could get out of an exception."""
    texts = ["".join(traceback.format_exception(error))]
    for link in chain(error):
        texts += [str(link), repr(link), repr(link.args), repr(vars(link))]
    return "\n".join(texts)


def jwt(**claims: object) -> str:
    """An unsigned token with these claims."""

    def part(content: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return f"{part({'typ': 'JWT', 'alg': 'HS512'})}.{part(claims)}.c2lnbmF0dXJl"
