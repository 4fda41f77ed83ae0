"""Loopback ports and the thread they run in.

It knows uvicorn, so that nobody else here must; it knows nothing of what is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

Result = TypeVar("Result")

HOST = "127.0.0.1"
SETTLING = 12
"""Rounds of the loop in which a connection that was just accepted shows up, and an aborted one learns of it."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do this in the loop and wait for it. From any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Server(uvicorn.Server):
    """uvicorn without signals, ticks and patience: it stops at once, whatever is still being answered."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        self.listening.set()
        await self.stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 (uvicorn's signature)
        loop = asyncio.get_running_loop()
        for server in self.servers:
            for listening in server.sockets:
                # Closing at once would lose a connection that is just being accepted.
                loop.remove_reader(listening.fileno())
        for _ in range(SETTLING):
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Door:
    """One port. It keeps its number while closed. All methods but `connection` run in the loop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._connections: dict[tuple[str, int], H11Protocol] = {}
        self._resetting = False
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def open(self) -> None:
        self._resetting = False
        if self._server is not None:
            return
        held = self._socket or self._bound()
        self._socket = None
        config = uvicorn.Config(
            self._app,
            http=self._protocol(),
            ws="none",
            loop="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level=logging.ERROR,
            date_header=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=60,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[held]))
        await self._server.listening.wait()

    async def close(self) -> None:
        """Refuse connections from now on, and end the open ones."""
        if self._server is None or self._serving is None:
            return
        self._server.stopping.set()
        await self._serving
        self._server = self._serving = None

    async def refuse(self) -> None:
        """Closed for a while: the port is held, so that nobody else takes it."""
        await self.close()
        if self._socket is None:
            self._socket = self._bound()

    async def reset(self) -> None:
        """Connections are accepted and reset, the open ones too."""
        self._resetting = True
        for connection in list(self._connections.values()):
            reset(connection.transport)

    async def release(self) -> None:
        """For good."""
        await self.close()
        if self._socket is not None:
            self._socket.close()

    def connection(self, client: tuple[str, int]) -> asyncio.Transport:
        return self._connections[client].transport

    def _bound(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, self.port))
        self.port = made.getsockname()[1]
        return made

    def _protocol(self) -> type[asyncio.Protocol]:
        door = self

        class Connection(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client is not None:
                    door._connections[self.client] = self
                if door._resetting:
                    reset(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                if self.client is not None:
                    door._connections.pop(self.client, None)

        return Connection


def reset(transport: asyncio.Transport) -> None:
    """End a connection so that the other side sees a reset, not an end."""
    inner: socket.socket | None = transport.get_extra_info("socket")
    if inner is not None and not transport.is_closing():
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
