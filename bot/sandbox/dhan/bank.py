"""What Dhan's clients were given, and the rules both doors go by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response

from bot.sandbox.bank import BaseBank, BaseRules
from bot.sandbox.dhan.clients import Client, ConsentAsked, Token
from bot.sandbox.dhan.replies import SAMPLES


@dataclass(slots=True, kw_only=True)
class Rules(BaseRules):
    order: tuple[str, ...] = ("blocked", "pin", "totp", "gap")
    """In which order a login is checked."""
    seconds_between_logins: float = 120.0
    consents_a_day: int = 25
    token_id_seconds: float = 300.0
    extended_addresses: bool = True
    """getIP answers with what is seen on the wire besides what is documented."""
    empty_holdings_are_an_error: bool = True


@dataclass(slots=True)
class Bank(BaseBank[Client, Rules]):
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
