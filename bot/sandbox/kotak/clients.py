"""What the stand-in for Kotak Neo remembers of its clients: credentials, sessions, figures; and the rules it goes by.

State alone; no HTTP, no wording of answers.
"""

from __future__ import annotations

import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.bank import BaseBank, BaseClient, BaseRules
from bot.sandbox.india import next_after_midnight
from bot.sandbox.jwt import make_jwt

VIEW, TRADE = "View", "Trade"
CALLS_A_SECOND = 10


@dataclass(slots=True, kw_only=True)
class Rules(BaseRules):
    wrong_mpin_is_200: bool = False
    dead_session_is_200: bool = False
    empty_holdings_are_an_error: bool = True
    max_sessions: int | None = None
    """None: many side by side. Else the oldest ends when there are more."""
    base_url: str = "plain"
    """How the second step gives the address: `plain`, with a `slash` at its end, `missing`, or any other address."""


@dataclass(frozen=True, slots=True)
class Session:
    token: str
    sid: str
    rid: str
    kind: str
    ends_at: float

    @classmethod
    def made(cls, client: Client, kind: str, at: float) -> Session:
        ends_at = next_after_midnight(at)
        claims = {
            "scope": [kind],
            "exp": int(ends_at),
            "jti": str(uuid.uuid4()),
            "iat": int(at),
            "iss": "login-service",
            "sub": str(uuid.uuid4()),
            "ucc": client.client_id,
            "nap": client.pan,
            "fetchcachingrule": 0,
            "categorisation": "",
        }
        return cls(make_jwt(claims), str(uuid.uuid4()), str(uuid.uuid4()), kind, ends_at)


@dataclass(slots=True, kw_only=True)
class Client(BaseClient):
    """One account at Kotak. What is here by name can be changed through the stand-in's `change`."""

    client_id: str
    mobile_number: str
    mpin: str
    consumer_key: str
    name: str = "SAMPLE TRADER"
    pan: str = "AAAPZ0000A"
    data_center: str = "E43"
    seen_from: str = "203.0.113.24"
    limits: dict[str, Any] = field(default_factory=dict)

    sessions: list[Session] = field(default_factory=list)
    refused_in_a_row: int = 0
    asked_at: deque[float] = field(default_factory=lambda: deque(maxlen=CALLS_A_SECOND))

    def within_pace(self, at: float) -> bool:
        """Count a call if it is allowed."""
        if len(self.asked_at) == CALLS_A_SECOND and at - 1 < self.asked_at[0] <= at:
            return False
        self.asked_at.append(at)
        return True


@dataclass(slots=True)
class Bank(BaseBank[Client, Rules]):
    """The clients, their sessions, and the rules both doors go by."""

    def open(self, client: Client, kind: str) -> Session:
        """A new session; older ones end where only so many may be."""
        session = Session.made(client, kind, self.unix())
        client.sessions.append(session)
        most = self.rules.max_sessions
        if kind == TRADE and most is not None:
            trading = [one for one in client.sessions if one.kind == TRADE]
            client.sessions = trading[-most:]
        return session

    def holder(self, token: str, sid: str, kind: str) -> Client | None:
        """Whose live session of that kind this is; token and sid must belong together."""
        for client in self.clients.values():
            for one in client.sessions:
                if (one.token, one.sid, one.kind) == (token, sid, kind) and one.ends_at > self.unix():
                    return client
        return None
