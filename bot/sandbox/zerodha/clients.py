"""What the stand-in for Zerodha remembers: users with their sessions on the web, apps, and what was given out.

State and its rules alone; no HTTP, no wording of answers.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.bank import BaseClient, Paces


def made(length: int = 32) -> str:
    """Letters and digits nobody has seen before."""
    text = ""
    while len(text) < length:
        text += secrets.token_urlsafe(length).replace("-", "").replace("_", "")
    return text[:length]


@dataclass(slots=True)
class App:
    key: str
    secret: str
    redirect_url: str
    paces: Paces = field(default_factory=Paces)


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


@dataclass(slots=True, kw_only=True)
class Client(BaseClient):
    """One user at Zerodha. What is here by name can be changed through the stand-in's `change`."""

    client_id: str
    password: str
    name: str = "Sample Trader"
    twofa_types: list[str] = field(default_factory=lambda: ["totp", "app_code"])
    """The first is the one the login page asks for."""
    cash_is_zero: bool = False
    margins: dict[str, Any] = field(default_factory=dict)

    consented: set[str] = field(default_factory=set)
    wrong_passwords: int = 0
    wrong_codes: int = 0
    """Passwords and codes are counted apart; too many of either block."""
