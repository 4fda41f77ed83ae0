"""What the stand-in for Dhan remembers of its clients: credentials, the one live token, consents, figures.

State and its rules alone; no HTTP, no wording of answers.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.sandbox.bank import BaseClient, Paces
from bot.sandbox.india import IST
from bot.sandbox.jwt import make_jwt

DAY = 86_400
APP = "APP"
"""Made by PIN and TOTP, or by consent."""
SELF = "SELF"
"""Made by hand on Dhan Web; the only kind that can be renewed."""


@dataclass(frozen=True, slots=True)
class Token:
    value: str
    kind: str
    made_at: float

    @classmethod
    def made(cls, client_id: str, kind: str, at: float) -> Token:
        claims = {
            "iss": "dhan",
            "partnerId": "",
            "exp": int(at) + DAY,
            "iat": int(at),
            "tokenConsumerType": kind,
            "userRegion": "IN",
            "dhanClientId": client_id,
        }
        return cls(make_jwt(claims), kind, at)

    @property
    def ends_at(self) -> float:
        """As the token's own `exp` says."""
        return int(self.made_at) + DAY

    def expiry_time(self) -> str:
        """As in an answer: IST without a zone, with milliseconds."""
        ends = datetime.fromtimestamp(self.made_at, UTC).astimezone(IST) + timedelta(days=1)
        return ends.replace(tzinfo=None).isoformat(timespec="milliseconds")


@dataclass(slots=True)
class ConsentAsked:
    """A `consentAppId`, and the `tokenId` made for it."""

    id: str
    client_id: str
    asked_at: float
    token_id: str | None = None
    approved_by: str | None = None
    approved_at: float = 0.0
    used: bool = False


@dataclass(slots=True, kw_only=True)
class Client(BaseClient):
    """One account at Dhan. What is here by name can be changed through the stand-in's `change`."""

    client_id: str
    pin: str
    api_key: str | None = None
    api_secret: str | None = None
    redirect_url: str | None = None
    name: str = "SAMPLE TRADER"
    ucc: str = "ABCD12345E"
    data_plan: bool = False
    active_segment: str = "Equity, Derivative, Currency, Commodity"
    primary_ip: str | None = "203.0.113.42"
    secondary_ip: str | None = None
    ip_set_on: date | None = None
    seen_from: str = "203.0.113.42"
    funds: dict[str, Any] = field(default_factory=dict)

    token: Token | None = None
    minted_at: float | None = None
    refused_in_a_row: int = 0
    consents: list[ConsentAsked] = field(default_factory=list)
    paces: Paces = field(default_factory=Paces)

    def ask_consent(self, at: float) -> ConsentAsked:
        asked = ConsentAsked(str(uuid.uuid4()), self.client_id, at)
        self.consents.append(asked)
        return asked

    def consents_on(self, day: date) -> int:
        return sum(1 for c in self.consents if datetime.fromtimestamp(c.asked_at, IST).date() == day)
