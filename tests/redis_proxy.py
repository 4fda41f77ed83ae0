"""A TCP proxy on loopback that can cut, delay and half-open what goes through it, and lead elsewhere."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection."""


@dataclass(eq=False)
class _Link:
    """One connection through the proxy."""

    client: socket.socket
    server: socket.socket
    loses_questions: bool
    loses_answers: bool

    def end(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Cut:
    """Leads to a port on loopback. Begins mended."""

    def __init__(self, to: int) -> None:
        self.to = to
        """New connections go there; `point_to` ends those that there are."""
        self.delay = 0.0
        """Seconds that everything takes longer in each direction."""
        self._is_cut = self._loses_questions = self._loses_answers = False
        self._links: set[_Link] = set()
        self._lock = threading.Lock()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._admit, name="cut", daemon=True).start()

    def cut(self) -> None:
        """Every connection is reset, and so is every new one."""
        self._is_cut = True
        self.drop()

    def drop(self) -> None:
        """Every connection is ended; new ones are welcome."""
        with self._lock:
            for link in self._links:
                link.end()

    def half_open(self, *, answers_only: bool = False) -> None:
        """Nothing arrives any more on any connection, old or new, and nobody is told. `answers_only`: what is asked
        still arrives, and is done."""
        with self._lock:
            self._loses_questions, self._loses_answers = not answers_only, True
            for link in self._links:
                link.loses_questions, link.loses_answers = not answers_only, True

    def mend(self) -> None:
        """New connections work again. Those that lost something stay as they are."""
        self._is_cut = self._loses_questions = self._loses_answers = False

    def point_to(self, port: int) -> None:
        self.to = port
        self.drop()

    @property
    def connections(self) -> int:
        with self._lock:
            return len(self._links)

    def close(self) -> None:
        self._is_cut = True
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.drop()

    def _admit(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            if self._is_cut:
                _reset(client)
            else:
                self._lead(client)

    def _lead(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.to), timeout=5)
        except OSError:
            _reset(client)
            return
        for end in (client, server):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            link = _Link(client, server, self._loses_questions, self._loses_answers)
            self._links.add(link)
        threading.Thread(target=self._serve, args=(link,), name="cut-link", daemon=True).start()

    def _serve(self, link: _Link) -> None:
        answers = threading.Thread(target=self._answer, args=(link,), name="cut-answers", daemon=True)
        answers.start()
        with suppress(OSError):
            while data := link.client.recv(65536):
                time.sleep(self.delay)
                if not link.loses_questions:
                    link.server.sendall(data)
        link.end()
        answers.join()
        with self._lock:
            self._links.discard(link)
        link.server.close()
        _reset(link.client)

    def _answer(self, link: _Link) -> None:
        with suppress(OSError):
            while data := link.server.recv(65536):
                time.sleep(self.delay)
                if not link.loses_answers:
                    link.client.sendall(data)
        if not link.loses_answers:
            link.end()


def _reset(client: socket.socket) -> None:
    with suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    client.close()


@contextmanager
def cut_to(port: int) -> Iterator[Cut]:
    cut = Cut(port)
    try:
        yield cut
    finally:
        cut.close()
