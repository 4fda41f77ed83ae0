"""What the stand-in for Angel One remembers of its clients: credentials, sessions, figures.

State and its rules alone; no HTTP, no wording of answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.bank import BaseClient, Paces
from bot.sandbox.india import next_after_midnight
from bot.sandbox.jwt import make_jwt

YEARS = 3 * 365 * 86_400
"""The `exp` of a token is nothing to go by: it has been seen about three years off."""


@dataclass(slots=True)
class Session:
    """The three tokens that are given together."""

    access: str
    refresh: str
    feed: str
    ends_at: float
    live: bool = True
    refreshable: bool = True

    @classmethod
    def made(cls, client_code: str, at: float) -> Session:
        inner = make_jwt({"user_type": "client", "token_type": "trade_access_token", "sub": client_code})
        who = {"username": client_code, "roles": 0, "usertype": "USER"}
        return cls(
            make_jwt({**who, "token": inner, "iat": int(at), "exp": int(at) + YEARS}),
            make_jwt({"token": inner[-40:], "iat": int(at)}),
            make_jwt({"username": client_code, "iat": int(at)}),
            next_after_midnight(at),
        )


@dataclass(slots=True, kw_only=True)
class Client(BaseClient):
    """One account at Angel One. What is here by name can be changed through the stand-in's `change`."""

    client_code: str
    pin: str
    api_key: str
    name: str = "SAMPLE TRADER"
    static_ip: str | None = "203.0.113.24"
    """From where orders are taken; None: an app without one, so from nowhere."""
    seen_from: str = "203.0.113.24"
    funds: dict[str, Any] = field(default_factory=dict)

    sessions: list[Session] = field(default_factory=list)
    refused_in_a_row: int = 0
    paces: Paces = field(default_factory=Paces)
