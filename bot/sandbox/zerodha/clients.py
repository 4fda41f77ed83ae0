"""What the stand-in for Zerodha remembers: users with their sessions on the web, apps, and what was given out.

State and its rules alone; no HTTP, no wording of answers.
"""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

IST = timezone(timedelta(hours=5, minutes=30), "IST")


def made(length: int = 32) -> str:
    """Letters and digits nobody has seen before."""
    text = ""
    while len(text) < length:
        text += secrets.token_urlsafe(length).replace("-", "").replace("_", "")
    return text[:length]


def next_sweep(at: float, minutes: int) -> float:
    """The first moment after that one which lies so many minutes after midnight in India."""
    moment = datetime.fromtimestamp(at, UTC).astimezone(IST)
    sweep = moment.replace(hour=minutes // 60, minute=minutes % 60, second=0, microsecond=0)
    return (sweep if sweep > moment else sweep + timedelta(days=1)).timestamp()


@dataclass(slots=True)
class App:
    key: str
    secret: str
    redirect_url: str
    calls: deque[float] = field(default_factory=deque)

    def within_pace(self, at: float, most: int) -> bool:
        """Count a call if fewer were made in the second before it."""
        while self.calls and self.calls[0] <= at - 1:
            self.calls.popleft()
        if len(self.calls) >= most:
            return False
        self.calls.append(at)
        return True


@dataclass(frozen=True, slots=True)
class Token:
    value: str
    public: str
    user_id: str
    api_key: str
    made_at: float


@dataclass(slots=True)
class RequestToken:
    value: str
    user_id: str
    api_key: str
    made_at: float
    used: bool = False


@dataclass(slots=True)
class Connect:
    """A login page that was opened for an app: a `sess_id`."""

    id: str
    api_key: str
    params: dict[str, str]
    """What came as `redirect_params`."""


@dataclass(slots=True)
class WebSession:
    user_id: str
    kf_session: str
    enctoken: str
    public_token: str


@dataclass(slots=True)
class Client:
    """One user at Zerodha. What is here by name can be changed through the stand-in's `change`."""

    client_id: str
    password: str
    totp_secret: str
    name: str = "Sample Trader"
    twofa_types: list[str] = field(default_factory=lambda: ["totp", "app_code"])
    """The first is the one the login page asks for."""
    blocked: bool = False
    cash_is_zero: bool = False
    holdings: list[dict[str, Any]] = field(default_factory=list)
    positions: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    margins: dict[str, Any] = field(default_factory=dict)

    consented: set[str] = field(default_factory=set)
    wrong_passwords: int = 0
    wrong_codes: int = 0
    used_windows: set[int] = field(default_factory=set)
    granted: int = 0
    refused: int = 0
