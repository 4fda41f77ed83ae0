"""Short ways to ask the stand-in for Kotak Neo over real HTTP."""

from __future__ import annotations

from typing import Any

import requests

from bot.sandbox import Sandbox
from bot.sandbox.kotak import Kotak

CLIENT = "ZT4K9"
MOBILE = "+919000000042"
MPIN = "730251"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY = "1f6a0c52-9b1d-4f0e-8a77-5c2d9e3b4a60"
ALL = '{"seg":"ALL","exch":"ALL","prod":"ALL"}'


def kotak_of(sandbox: Sandbox) -> Kotak:
    found = sandbox.brokers["kotak"]
    assert isinstance(found, Kotak)
    return found


def add_client(sandbox: Sandbox, client_id: str = CLIENT, key: str = KEY, **more: Any) -> None:
    kotak_of(sandbox).add_client(client_id, MOBILE, MPIN, SEED, key, **more)


def step(
    sandbox: Sandbox, name: str, body: object, *, key: str = KEY, fin: str = "neotradeapi", **headers: str
) -> requests.Response:
    sent = {"Authorization": key, "neo-fin-key": fin, **headers}
    url = f"{sandbox.endpoints('kotak')['login']}/login/1.0/{name}"
    return requests.post(url, json=body, headers={n: v for n, v in sent.items() if v}, timeout=5)


def look(sandbox: Sandbox, *, key: str = KEY, fin: str = "neotradeapi", **changes: object) -> requests.Response:
    body = {"mobileNumber": MOBILE, "ucc": CLIENT, "totp": kotak_of(sandbox).code(CLIENT)} | changes
    sent = {name: value for name, value in body.items() if value is not None}
    return step(sandbox, "tradeApiLogin", sent, key=key, fin=fin)


def validate(sandbox: Sandbox, view: dict[str, Any], mpin: str | None = MPIN) -> requests.Response:
    body = {} if mpin is None else {"mpin": mpin}
    return step(sandbox, "tradeApiValidate", body, sid=view["sid"], Auth=view["token"])


def log_in(sandbox: Sandbox) -> dict[str, Any]:
    """What the second step answers."""
    found: dict[str, Any] = validate(sandbox, look(sandbox).json()["data"]).json()["data"]
    return found


def read(sandbox: Sandbox, path: str, session: dict[str, Any], **headers: str) -> requests.Response:
    url = f"{kotak_of(sandbox).fronts['trade'].door.url}/{path}"
    sent = {"Auth": session["token"], "Sid": session["sid"]} | headers
    if path == "quick/user/limits":
        return requests.post(url, data={"jData": ALL}, headers=sent, timeout=5)
    return requests.get(url, headers=sent, timeout=5)
