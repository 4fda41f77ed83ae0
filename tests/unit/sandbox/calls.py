"""Short ways to ask the stand-ins over real HTTP."""

from __future__ import annotations

from typing import Any

import requests

from bot.sandbox import Sandbox

CLIENT = "1000000001"
PIN = "123456"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY = {"app_id": "key-1", "app_secret": "hidden-1"}
ADMIN = 4001


def api(sandbox: Sandbox, method: str, *, token: str | None = None, **params: Any) -> dict[str, Any]:
    """A Bot API call with a JSON body; the whole answer."""
    url = f"{sandbox.telegram_url}/bot{token or sandbox.telegram.token}/{method}"
    return requests.post(url, json=params, timeout=5).json()


def refusal(sandbox: Sandbox, method: str, **params: Any) -> str:
    answer = api(sandbox, method, **params)
    assert answer["ok"] is False
    return f"{answer['error_code']} {answer['description']}"


def add_client(sandbox: Sandbox, client_id: str = CLIENT, **more: Any) -> None:
    sandbox.dhan.add_client(client_id, pin=PIN, totp_secret=SEED, **more)


def login(sandbox: Sandbox, client_id: str = CLIENT, pin: str = PIN, code: str | None = None) -> requests.Response:
    query = {"dhanClientId": client_id, "pin": pin, "totp": code or sandbox.dhan.code(CLIENT)}
    return requests.post(f"{sandbox.endpoints('dhan')['auth']}/app/generateAccessToken", params=query, timeout=5)


def read(sandbox: Sandbox, path: str, token: str | None, **headers: str) -> requests.Response:
    with_token = {"access-token": token} if token else {}
    return requests.get(f"{sandbox.endpoints('dhan')['api']}/{path}", headers=with_token | headers, timeout=5)
