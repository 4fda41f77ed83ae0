"""Connections at a door, and how many there may be. One that is too many, or dawdles over a request, is cut off."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState


def _nobody(_peer: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Terms:
    """What a door puts up with."""

    body: int | None = 4 * 1024
    """Bytes of a body. None: what is served reads it itself and sees to that."""
    connections: int = 1024
    of_one_peer: int = 1024
    speaks_for_many: Callable[[str], bool] = _nobody
    """Whether a peer may have as many as all."""
    head_within: float = 10.0
    """Seconds from the first byte of a request, or from the connection, to the end of its head."""
    body_within: float = 10.0
    """Seconds from there to its last byte."""


class Crowd:
    """Who is connected."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._all = 0
        self._of_peer: Counter[str] = Counter()

    def enters(self, peer: str) -> bool:
        """False: it is one too many. Counted until it leaves, either way."""
        self._all += 1
        self._of_peer[peer] += 1
        if self._all > self.terms.connections:
            return False
        return self._of_peer[peer] <= self.terms.of_one_peer or self.terms.speaks_for_many(peer)

    def leaves(self, peer: str) -> None:
        self._all -= 1
        self._of_peer[peer] -= 1
        if not self._of_peer[peer]:
            del self._of_peer[peer]


class Connection(H11Protocol):
    def __init__(self, config: uvicorn.Config, state: ServerState, crowd: Crowd) -> None:
        super().__init__(config, state, {})
        self._crowd = crowd
        self._awaited: type[h11.IDLE] | type[h11.SEND_BODY] | None = None
        """What of a request has yet to come: all of it, or the rest of its body."""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._crowd.enters(self._peer):
            self._expect(h11.IDLE)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        state = self.conn.their_state
        self._expect(state if state in (h11.IDLE, h11.SEND_BODY) else None)

    def send_400_response(self, msg: str) -> None:
        """Nonsense in the middle of a request: what serves it has begun, and is not to answer after us or before us."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        self._crowd.leaves(self._peer)
        super().connection_lost(exc)

    @property
    def _peer(self) -> str:
        return self.client[0] if self.client else ""

    def _expect(self, what: type[h11.IDLE] | type[h11.SEND_BODY] | None) -> None:
        if what is self._awaited:
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._awaited, self._deadline = what, None
        if what is not None:
            terms = self._crowd.terms
            within = terms.head_within if what is h11.IDLE else terms.body_within
            self._deadline = self.loop.call_later(within, self.transport.abort)
