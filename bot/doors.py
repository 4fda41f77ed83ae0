"""A door: HTTP in the bot's own loop, on a Unix socket or a port. Knows uvicorn; knows nothing of what is served.

Signals are left to the bot. Whoever sends too much, dawdles, or is one too many is cut off.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from contextlib import suppress
from typing import Any

import h11
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from bot.binding import BACKLOG, DoorBlocked, port_socket, secured, unix_socket
from bot.listening import Place, Port, Tls, UnixSocket
from brokers import is_loopback

HEADERS_LIMIT = 16 * 1024
BODY_LIMIT = 4 * 1024
CONNECTIONS = 1024
REQUEST_WITHIN = 10.0
"""Seconds from the first byte of a request, or from the connection, to its last."""
KEEP_ALIVE = 75
LAST_WORDS = 0.5
"""Seconds a door that closes waits for answers under way."""


class Door:
    """One place. All methods run in the loop."""

    def __init__(
        self,
        app: ASGIApp,
        place: Place,
        tls: Tls | None = None,
        *,
        connections: int = CONNECTIONS,
        request_within: float = REQUEST_WITHIN,
    ) -> None:
        self.place = place
        self._app = _Guarded(app)
        self._tls = tls
        self._most = connections
        self._request_within = request_within
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """From now on it is answered; a port that was any is known. Raises DoorBlocked."""
        context = secured(self._tls) if self._tls else None
        listening = unix_socket(self.place.path) if isinstance(self.place, UnixSocket) else port_socket(self.place)
        if isinstance(self.place, Port):
            self.place = Port(self.place.host, listening.getsockname()[1])
        config = _settings(self._app)
        most = min(self._most, _files_allowed(2 * self._most) // 2)
        more: dict[str, Any] = {"ssl_handshake_timeout": self._request_within} if context else {}
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(config, self._state, most, self._request_within),
            sock=listening,
            ssl=context,
            backlog=BACKLOG,
            **more,
        )

    async def close(self) -> None:
        """Within a second, whatever is still being answered."""
        if self._server is None:
            return
        if isinstance(self.place, UnixSocket):
            self.place.path.unlink(missing_ok=True)
        self._server.close()
        for connection in list(self._state.connections):
            if not connection.transport.is_closing():
                connection.shutdown()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=LAST_WORDS)
        for connection in list(self._state.connections):
            connection.transport.abort()
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._server = None


class NoBrowsers:
    """Turns away what a web page makes the browser of its reader send: it names its origin, or, where a name was bent
    to this machine, a host that is not this machine's. With a certificate the browser itself sees to that."""

    def __init__(self, app: ASGIApp, place: Place, tls: Tls | None = None) -> None:
        self._app = app
        self._knows_host = isinstance(place, Port) and tls is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if b"origin" in headers or (self._knows_host and not is_loopback(f"http://{host}")):
            await _refusal(403, "this is for programs on this machine, not for web pages")(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class _Guarded:
    """Refuses what is too large before anybody reads it, and ends without a word once the door is closed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            if _size_of_head(scope) > HEADERS_LIMIT:
                await _refusal(431, "the address and the headers are too long")(scope, receive, send)
                return
            body = await _body(receive)
            if body is None:
                await _refusal(413, "the body is too long")(scope, receive, send)
                return
            await self._app(scope, _given_again(body, receive), send)


def _size_of_head(scope: Scope) -> int:
    return sum(len(name) + len(value) for name, value in scope["headers"]) + len(
        scope["raw_path"] + scope["query_string"]
    )


async def _body(receive: Receive) -> bytes | None:
    """All of it, or what came before the connection ended; None if it is too long."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_LIMIT:
            return None
    return body


def _given_again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def give() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give


def _refusal(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, {"Cache-Control": "no-store", "Connection": "close"})


class _Connection(H11Protocol):
    """Is cut off if it is one too many, or if a request takes too long to arrive."""

    def __init__(self, config: uvicorn.Config, state: ServerState, most: int, request_within: float) -> None:
        super().__init__(config, state, {})
        self._most = most
        self._request_within = request_within
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._most:
            transport.abort()
        else:
            self._expect_rest()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._expect_rest()
        else:
            self._expect_nothing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_rest(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._request_within, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _settings(app: ASGIApp) -> uvicorn.Config:
    made = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level=logging.ERROR,  # it warns of every request that makes no sense
        date_header=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        h11_max_incomplete_event_size=HEADERS_LIMIT,
    )
    made.load()
    return made


def _files_allowed(wanted: int) -> int:
    """How many files this process may have open: as many as are wanted, if the system lets it."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        allowed = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return wanted if allowed == resource.RLIM_INFINITY else allowed


__all__ = ["BODY_LIMIT", "HEADERS_LIMIT", "KEEP_ALIVE", "REQUEST_WITHIN", "Door", "DoorBlocked", "NoBrowsers"]
