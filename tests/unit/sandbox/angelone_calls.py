"""Short ways to ask the stand-in for Angel One over real HTTP."""

from __future__ import annotations

from typing import Any

import requests

from bot.sandbox import Sandbox
from bot.sandbox.angelone import AngelOne

CLIENT = "T100042"
PIN = "4821"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY = "Qa7LmZ2x"
HEADERS = {
    "X-UserType": "USER",
    "X-SourceID": "WEB",
    "X-ClientLocalIP": "127.0.0.1",
    "X-ClientPublicIP": "203.0.113.24",
    "X-MACAddress": "02:00:5e:10:00:01",
    "X-PrivateKey": KEY,
}
AUTH, USER = "rest/auth/angelbroking", "rest/secure/angelbroking/user/v1"
ORDER, PORTFOLIO = "rest/secure/angelbroking/order/v1", "rest/secure/angelbroking/portfolio/v1"


def angel_of(sandbox: Sandbox) -> AngelOne:
    found = sandbox.brokers["angelone"]
    assert isinstance(found, AngelOne)
    return found


def add_client(sandbox: Sandbox, client_code: str = CLIENT, key: str = KEY, **more: Any) -> None:
    angel_of(sandbox).add_client(client_code, PIN, SEED, key, **more)


def ask(
    sandbox: Sandbox, verb: str, path: str, *, token: str | None = None, json: object = None, **headers: str
) -> requests.Response:
    """`headers` replace the usual ones by their name with `_` for `-`; an empty one is left out."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = HEADERS | ({"Authorization": f"Bearer {token}"} if token is not None else {}) | given
    url = f"{sandbox.endpoints('angelone')['api']}/{path}"
    return requests.request(verb, url, json=json, headers={n: v for n, v in sent.items() if v}, timeout=5)


def log_in(sandbox: Sandbox, **changes: object) -> requests.Response:
    body = {"clientcode": CLIENT, "password": PIN, "totp": angel_of(sandbox).code(CLIENT)} | changes
    sent = {name: value for name, value in body.items() if value is not None}
    return ask(sandbox, "POST", f"{AUTH}/user/v1/loginByPassword", json=sent)


def tokens(sandbox: Sandbox) -> dict[str, Any]:
    """What a granted login gives. Waits out the limit of one a second and the code's window."""
    sandbox.clock.advance(30)
    found: dict[str, Any] = log_in(sandbox).json()["data"]
    return found


def read(sandbox: Sandbox, path: str, token: str | None, **headers: str) -> requests.Response:
    return ask(sandbox, "GET", path, token=token, **headers)


def code_of(answer: requests.Response) -> str:
    """The error code, in whichever envelope; empty for a yes."""
    body = answer.json()
    return str(body.get("errorcode") or body.get("errorCode") or "")
