"""Who is who in the demo: the people in the chats, and a made-up account at each broker of the sandbox."""

from __future__ import annotations

from typing import Any

from bot.sandbox import Login, Person, Sandbox
from bot.sandbox.angelone import AngelOne
from bot.sandbox.kotak import Kotak
from bot.sandbox.zerodha import Zerodha

ADMIN, VIEWER, STRANGER = 1001, 2002, 6666
PEOPLE = (
    Person(ADMIN, "You", "admin"),
    Person(VIEWER, "Viewer", "may look"),
    Person(STRANGER, "Stranger", "not listed"),
)
DHAN, ZERODHA, ANGELONE, KOTAK = "1000000001", "AB1234", "T100042", "ZT4K9"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - opens nothing
APP = ("demoapikey000001", "demoapisecret0000000000000000001")
"""Zerodha's key and secret of the trader's own app."""
LOGINS = (Login("zerodha", ZERODHA, "demo-password", "user id"),)
"""What is typed on the login pages that the bot's links open."""


def enrol(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Make a client at each broker; by account name, the config that fits. Each has a TOTP secret of its own."""
    zerodha, angelone, kotak = (sandbox.brokers[name] for name in ("zerodha", "angelone", "kotak"))
    assert isinstance(zerodha, Zerodha)  # noqa: S101 - for the type checker, here and below
    assert isinstance(angelone, AngelOne)  # noqa: S101
    assert isinstance(kotak, Kotak)  # noqa: S101
    sandbox.dhan.add_client(DHAN, "482913", secret("A"))
    zerodha.add_client(ZERODHA, LOGINS[0].password, secret("B"))
    zerodha.add_app(*APP)
    angelone.add_client(ANGELONE, "4821", secret("C"), "demo-app-key")
    kotak.add_client(KOTAK, "+919000000042", "730251", secret("D"), "demo-consumer-key")
    return {
        "dhan": {"client_id": DHAN, "pin": "482913", "totp_secret": secret("A")},
        "zerodha": {
            "client_id": ZERODHA,
            "api_key": APP[0],
            "api_secret": APP[1],
        },
        "angelone": {"client_id": ANGELONE, "pin": "4821", "totp_secret": secret("C"), "api_key": "demo-app-key"},
        "kotak": {
            "client_id": KOTAK,
            "mobile_number": "+919000000042",
            "mpin": "730251",
            "totp_secret": secret("D"),
            "consumer_key": "demo-consumer-key",
        },
    }


def secret(letter: str) -> str:
    return letter + SECRET[1:]


def come_back_to(sandbox: Sandbox, door: str) -> None:
    """Enter the bot's door as the place that browsers land on after a login."""
    zerodha = sandbox.brokers["zerodha"]
    assert isinstance(zerodha, Zerodha)  # noqa: S101
    zerodha.add_app(*APP, f"{door}/callback/zerodha")


def approve(sandbox: Sandbox, link: str) -> str:
    """Log in in a browser by a link that the bot gave; the address the browser lands on."""
    zerodha = sandbox.brokers["zerodha"]
    assert isinstance(zerodha, Zerodha)  # noqa: S101
    return zerodha.approve(link, ZERODHA)
