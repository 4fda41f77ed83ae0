"""The total time limit of one request, at its sockets. Standard library only.

Real time, not the clock we are given: that one may leap or stand still, but a socket waits in earnest.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any


class Guard:
    """Ends a call that outlasts its time by shutting its sockets, since a server that sends a byte now and then, in its
    headers too, satisfies every limit that `requests` knows."""

    def __init__(self, total: float) -> None:
        self.struck = False
        self._ends = time.monotonic() + total
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(total, self._strike)
        self._timer.daemon = True

    def __enter__(self) -> Guard:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for twin in self._sockets:
                twin.close()
            self._sockets.clear()

    def left(self) -> float:
        return self._ends - time.monotonic()

    def watch(self, sock: socket.socket) -> None:
        """Shut this socket, too, when the time is up. A twin is kept, as TLS takes the socket itself away from us."""
        with self._lock:
            self._sockets.append(sock.dup())
            if self.struck:
                self._shut()

    def _strike(self) -> None:
        with self._lock:
            self.struck = True
            self._shut()

    def _shut(self) -> None:
        for twin in self._sockets:
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)


def connected(host: str, port: int, options: Iterable[Any], limit: float, guard: Guard) -> socket.socket:
    """A socket to the first address that answers. The stock way gives every address of a host the whole limit anew."""
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            sock.settimeout(min(limit, max(guard.left(), 0.01)))
            sock.connect(address)
            guard.watch(sock)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure
