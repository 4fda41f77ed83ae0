"""The clients and the rules both doors go by."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response

from bot.sandbox.dhan.clients import Client, ConsentAsked, Token
from bot.sandbox.dhan.replies import SAMPLES


@dataclass(slots=True)
class Rules:
    """What is not published, or can be so or so. Changed through the stand-in's `rules`."""

    order: tuple[str, ...] = ("blocked", "pin", "totp", "gap")
    """In which order a login is checked."""
    windows_either_side: int = 1
    codes_once: bool = True
    """A TOTP window that was accepted is refused from then on."""
    seconds_between_logins: float = 120.0
    refusals_until_blocked: int = 5
    """So many in a row."""
    consents_a_day: int = 25
    token_id_seconds: float = 300.0
    extended_addresses: bool = True
    """getIP answers with what is seen on the wire besides what is documented."""
    empty_holdings_are_an_error: bool = True
    pace: bool = True
    """Hold the calls per second and so on to Dhan's limits."""


@dataclass(slots=True)
class Bank:
    unix: Callable[[], float]
    lock: threading.RLock = field(default_factory=threading.RLock)
    rules: Rules = field(default_factory=Rules)
    clients: dict[str, Client] = field(default_factory=dict)
    issued: dict[str, tuple[Client, Token]] = field(default_factory=dict)
    """Every token ever given out; a client's live one is its `token`."""

    def mint(self, client: Client, kind: str) -> Token:
        """A new token; the client's old one is dead from now on."""
        token = Token.made(client.client_id, kind, self.unix())
        client.token = token
        self.issued[token.value] = (client, token)
        return token

    def consent(self, consent_app_id: str) -> ConsentAsked | None:
        with self.lock:
            return next(
                (c for client in self.clients.values() for c in client.consents if c.id == consent_app_id), None
            )


def reply(answer: tuple[int, Any]) -> Response:
    """Status and body as a response."""
    return JSONResponse(answer[1], answer[0])


def sample(name: str) -> Response:
    return reply(SAMPLES[name])
