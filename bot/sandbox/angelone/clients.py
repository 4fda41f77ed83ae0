"""What the stand-in for Angel One remembers of its clients: credentials, sessions, figures.

State and its rules alone; no HTTP, no wording of answers.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from bot.sandbox.jwt import make_jwt

IST = timezone(timedelta(hours=5, minutes=30), "IST")
YEARS = 3 * 365 * 86_400
"""The `exp` of a token is nothing to go by: it has been seen about three years off."""


def next_midnight(unix: float) -> float:
    """The end of that Indian day."""
    day = datetime.fromtimestamp(unix, IST).replace(hour=0, minute=0, second=0, microsecond=0)
    return (day + timedelta(days=1)).timestamp()


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
            next_midnight(at),
        )


@dataclass(slots=True)
class Client:
    """One account at Angel One. What is here by name can be changed through the stand-in's `change`."""

    client_code: str
    pin: str
    totp_secret: str
    api_key: str
    name: str = "SAMPLE TRADER"
    blocked: bool = False
    static_ip: str | None = "203.0.113.24"
    """From where orders are taken; None: an app without one, so from nowhere."""
    seen_from: str = "203.0.113.24"
    holdings: list[dict[str, Any]] = field(default_factory=list)
    positions: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    funds: dict[str, Any] = field(default_factory=dict)

    sessions: list[Session] = field(default_factory=list)
    used_windows: set[int] = field(default_factory=set)
    refused_in_a_row: int = 0
    refused: int = 0
    granted: int = 0
    paces: dict[str, deque[float]] = field(default_factory=dict)

    def within_pace(self, call: str, limits: tuple[tuple[float, int], ...], at: float) -> bool:
        """Count a call if it is allowed: limits are (seconds, calls)."""
        past = self.paces.setdefault(call, deque())
        longest = max(seconds for seconds, _ in limits)
        while past and past[0] <= at - longest:
            past.popleft()
        if any(sum(1 for moment in past if moment > at - seconds) >= most for seconds, most in limits):
            return False
        past.append(at)
        return True
