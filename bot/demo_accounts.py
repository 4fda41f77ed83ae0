"""Who is who in the demo: the people in the chats, and a made-up account at each broker of the sandbox."""

from __future__ import annotations

from typing import Any

from bot.sandbox import Sandbox
from bot.sandbox.angelone import AngelOne
from bot.sandbox.kotak import Kotak
from bot.sandbox.zerodha import Zerodha

ADMIN, STRANGER = 1001, 6666
DHAN, ZERODHA, ANGELONE, KOTAK = "1000000001", "AB1234", "T100042", "ZT4K9"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - opens nothing


def enrol(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Make a client at each broker; by account name, the config that fits. Each has a TOTP secret of its own."""
    zerodha, angelone, kotak = (sandbox.brokers[name] for name in ("zerodha", "angelone", "kotak"))
    assert isinstance(zerodha, Zerodha)  # noqa: S101 - for the type checker, here and below
    assert isinstance(angelone, AngelOne)  # noqa: S101
    assert isinstance(kotak, Kotak)  # noqa: S101
    sandbox.dhan.add_client(DHAN, "482913", secret("A"))
    zerodha.add_client(ZERODHA, "demo-password", secret("B"))
    zerodha.add_app("demoapikey000001", "demoapisecret0000000000000000001")
    angelone.add_client(ANGELONE, "4821", secret("C"), "demo-app-key")
    kotak.add_client(KOTAK, "+919000000042", "730251", secret("D"), "demo-consumer-key")
    return {
        "dhan": {"client_id": DHAN, "pin": "482913", "totp_secret": secret("A")},
        "zerodha": {
            "client_id": ZERODHA,
            "api_key": "demoapikey000001",
            "api_secret": "demoapisecret0000000000000000001",
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


def approve(sandbox: Sandbox, link: str) -> str:
    """Log in in a browser by a link that the bot gave; the address the browser lands on."""
    zerodha = sandbox.brokers["zerodha"]
    assert isinstance(zerodha, Zerodha)  # noqa: S101
    return zerodha.approve(link, ZERODHA)
