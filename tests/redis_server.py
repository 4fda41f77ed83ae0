"""A Redis server of a test's own on a free loopback port, which can be stopped in every way.

The program is Debian's `redis-server`; where it is missing, the test fails.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from redis import Redis
from redis.exceptions import AuthenticationError, BusyLoadingError, ConnectionError, TimeoutError  # noqa: A004

_PATIENCE = 20.0
"""Seconds for it to start."""


class RedisServer:
    """What it holds is gone when it ends, unless `options` (as on its command line) say otherwise: `persistent`."""

    def __init__(self, folder: Path, *options: str, password: str | None = None) -> None:
        self.port = free_port()
        self.password = password
        folder.mkdir(parents=True, exist_ok=True)
        secret = ("--requirepass", password) if password else ()
        self._command = ("redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder))
        self._options: Sequence[str] = ("--save", "", "--repl-diskless-sync-delay", "0", *secret, *options)
        self._process: subprocess.Popen[bytes] | None = None
        self.client = Redis(host="127.0.0.1", port=self.port, password=password, decode_responses=True)
        """For the test itself."""

    @property
    def address(self) -> str:
        return self.at(self.port)

    def at(self, port: int) -> str:
        """The address when it is reached by another port, such as that of a `Cut`."""
        return f"redis://:{self.password}@127.0.0.1:{port}/0" if self.password else f"redis://127.0.0.1:{port}/0"

    @property
    def pid(self) -> int:
        return self._running.pid

    def start(self) -> None:
        """Returns once it answers; where it ran before, on the same port."""
        self._process = subprocess.Popen([*self._command, *self._options], stdout=subprocess.DEVNULL)
        until = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("redis-server does not start")
            time.sleep(0.01)

    def stop(self) -> None:
        """As an administrator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Its connections stay open, and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def full(self) -> None:
        """From now on it takes nothing more."""
        self.client.config_set("maxmemory", "1")

    def roomy(self) -> None:
        self.client.config_set("maxmemory", "0")

    def follow(self, other: RedisServer) -> None:
        """Become a copy of the other; returns once it has all of it."""
        self.client.replicaof("127.0.0.1", str(other.port))
        until = time.monotonic() + _PATIENCE
        while not self._is_copy_of(other):
            if time.monotonic() > until:
                raise RuntimeError("the copy does not come up")
            time.sleep(0.01)

    def _is_copy_of(self, other: RedisServer) -> bool:
        """Both sides say so: the other counts it among its copies a moment later."""
        ours, theirs = (cast(dict[str, Any], one.client.info("replication")) for one in (self, other))
        copies = [said for name, said in theirs.items() if name.startswith("slave") and isinstance(said, dict)]
        known = any(copy["port"] == self.port and copy["state"] == "online" for copy in copies)
        return ours.get("master_link_status") == "up" and known

    def promote(self) -> None:
        """From a copy to the one that takes writes."""
        self.client.replicaof("NO", "ONE")

    def close(self) -> None:
        if self._process is not None:
            self.kill()
        self.client.close()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("it does not run")
        return self._process

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._running, None
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        process.wait(_PATIENCE)
        self.client.connection_pool.disconnect()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except (AuthenticationError, BusyLoadingError, ConnectionError, TimeoutError):
            return False


persistent = ("--appendonly", "yes", "--appendfsync", "always")
"""Options with which everything it acknowledged is there again after `kill` and `start`."""


@contextmanager
def redis_server(folder: Path, *options: str, password: str | None = None) -> Iterator[RedisServer]:
    """One that runs."""
    server = RedisServer(folder, *options, password=password)
    try:
        server.start()
        yield server
    finally:
        server.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port
