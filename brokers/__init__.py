"""The logins: one file a broker, and the table of them.

A broker's module is loaded when an account needs it. From outside, import from this package only.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from brokers._addresses import http_parts, is_loopback, own_address, plain_parts
from brokers._base import Broker, Codes, Surroundings
from brokers._clock import Clock, SystemClock
from brokers._drift import WORTH_TELLING, Drift
from brokers._errors import (
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    ConsentRejected,
    KunjiError,
    LoginRejected,
    NotEntitled,
    NotSupported,
    RateLimited,
    TokenRejected,
    UnexpectedReply,
    WrongClient,
)
from brokers._expiry import IST
from brokers._money import rupees
from brokers._totp import TotpSecret, current_code
from brokers._types import (
    AccessToken,
    Code,
    Consent,
    End,
    Funds,
    Holding,
    Order,
    OrderAddress,
    Position,
    Profile,
    Secret,
)

BROKERS = {
    "angelone": "AngelOne",
    "dhan": "Dhan",
    "kotak": "Kotak",
    "zerodha": "Zerodha",
}
"""Module name and class name of every broker."""


def broker_class(name: str) -> type[Broker[Any]]:
    """The broker of that name. Raises KeyError if there is none."""
    class_name = BROKERS[name]
    found: type[Broker[Any]] = getattr(import_module(f"brokers.{name}"), class_name)
    return found


__all__ = [
    "BROKERS",
    "IST",
    "WORTH_TELLING",
    "AccessToken",
    "Broker",
    "BrokerError",
    "BrokerUnreachable",
    "Clock",
    "Code",
    "CodeRejected",
    "Codes",
    "Consent",
    "ConsentRejected",
    "Drift",
    "End",
    "Funds",
    "Holding",
    "KunjiError",
    "LoginRejected",
    "NotEntitled",
    "NotSupported",
    "Order",
    "OrderAddress",
    "Position",
    "Profile",
    "RateLimited",
    "Secret",
    "Surroundings",
    "SystemClock",
    "TokenRejected",
    "TotpSecret",
    "UnexpectedReply",
    "WrongClient",
    "broker_class",
    "current_code",
    "http_parts",
    "is_loopback",
    "own_address",
    "plain_parts",
    "rupees",
]
