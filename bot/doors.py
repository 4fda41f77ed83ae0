"""A door: HTTP in the bot's own loop, on a Unix socket or a port. Knows uvicorn; knows nothing of what is served.

Signals are left to the bot. Whoever sends too much, dawdles, or is one too many is cut off.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from contextlib import suppress
from dataclasses import replace
from typing import Any

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.server import ServerState

from bot.binding import BACKLOG, DoorBlocked, port_socket, secured, unix_socket
from bot.connections import Connection, Crowd, Terms
from bot.listening import Place, Port, Tls, UnixSocket
from brokers import is_loopback

HEADERS_LIMIT = 16 * 1024
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
        terms: Terms = Terms(),  # noqa: B008 - a value
    ) -> None:
        self.place = place
        self._app = _Guarded(app, terms.body)
        self._tls = tls
        self._terms = terms
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """From now on it is answered; a port that was any is known. Raises DoorBlocked."""
        context = secured(self._tls) if self._tls else None
        listening = unix_socket(self.place.path) if isinstance(self.place, UnixSocket) else port_socket(self.place)
        if isinstance(self.place, Port):
            self.place = Port(self.place.host, listening.getsockname()[1])
        config = _settings(self._app)
        most = min(self._terms.connections, _files_allowed(2 * self._terms.connections) // 2)
        crowd = Crowd(replace(self._terms, connections=most))
        more: dict[str, Any] = {"ssl_handshake_timeout": self._terms.head_within} if context else {}
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(config, self._state, crowd),
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

    def __init__(self, app: ASGIApp, most: int | None) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            if _size_of_head(scope) > HEADERS_LIMIT:
                await _refusal(431, "the address and the headers are too long")(scope, receive, send)
                return
            if self._most is None:
                await self._app(scope, receive, send)
                return
            body = await _body(receive, self._most)
            if body is None:
                await _refusal(413, "the body is too long")(scope, receive, send)
                return
            await self._app(scope, _given_again(body, receive), send)


def _size_of_head(scope: Scope) -> int:
    return sum(len(name) + len(value) for name, value in scope["headers"]) + len(
        scope["raw_path"] + scope["query_string"]
    )


async def _body(receive: Receive, most: int) -> bytes | None:
    """All of it, or what came before the connection ended; None if it is too long."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > most:
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


__all__ = ["HEADERS_LIMIT", "KEEP_ALIVE", "Door", "DoorBlocked", "NoBrowsers", "Terms"]
