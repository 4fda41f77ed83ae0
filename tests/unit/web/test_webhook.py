"""Who may bring updates, and what becomes of what is brought."""

from __future__ import annotations

import hmac
import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from bot.polling import Hook
from bot.web.webhook import BODY_LIMIT, HEADER, routes
from brokers import Secret

HOOK = Hook.derived(lambda purpose: hmac.digest(b"key", purpose.encode(), "sha256"))
PATH = HOOK.address("")
TOKEN = HOOK.token.reveal()
UPDATE = {"update_id": 5, "message": {"text": "/status"}}


class Door:
    def __init__(self, *, takes: bool = True) -> None:
        self.taken: list[object] = []
        self._takes = takes
        self._app = Starlette(routes=routes(HOOK, self._take))

    def _take(self, update: object) -> bool:
        self.taken.append(update)
        return self._takes

    async def brought(
        self, body: bytes, path: str = PATH, token: str | bytes | None = TOKEN, *, method: str = "POST"
    ) -> int:
        headers = {} if token is None else {HEADER: token}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://localhost") as client:
            return (await client.request(method, path, content=body, headers=headers)).status_code


async def test_what_telegram_brings_is_taken() -> None:
    door = Door()

    assert await door.brought(json.dumps(UPDATE).encode()) == 200
    assert door.taken == [UPDATE]


@pytest.mark.parametrize(
    ("path", "token"),
    [
        (PATH, None),
        (PATH, ""),
        (PATH, "A" * 43),
        (PATH, TOKEN[:-1]),
        (PATH, TOKEN + "x"),
        (PATH, HOOK.part.reveal()),
        (PATH, "é".encode()),
        ("/telegram/" + "A" * 43, TOKEN),
        ("/telegram/" + TOKEN, TOKEN),
        ("/telegram/%C3%A9%00%F0%28", TOKEN),
        ("/telegram/", TOKEN),
        (PATH + "/", TOKEN),
    ],
)
async def test_without_both_secrets_there_is_nothing_to_be_found(path: str, token: str | bytes | None) -> None:
    door = Door()

    assert await door.brought(json.dumps(UPDATE).encode(), path, token) in (404, 307)
    assert door.taken == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_only_a_post_is_taken(method: str) -> None:
    door = Door()

    assert await door.brought(b"", method=method) == 405
    assert door.taken == []


async def test_a_body_beyond_measure_is_refused() -> None:
    door = Door()

    assert await door.brought(b" " * (BODY_LIMIT + 1)) == 413
    assert await door.brought(json.dumps(UPDATE).encode().ljust(BODY_LIMIT)) == 200
    assert door.taken == [UPDATE]


async def test_an_update_that_cannot_be_taken_now_is_to_be_brought_again() -> None:
    assert await Door(takes=False).brought(json.dumps(UPDATE).encode()) == 503


@pytest.mark.parametrize("body", [b"", b"\xff{", b"[" * 100_000, b"{" * 1000, b"9" * 10_000], ids=range(5))
async def test_what_is_not_json_is_dropped_and_not_brought_for_ever(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door()

    assert await door.brought(body) == 200
    assert door.taken == []
    assert "not JSON" in caplog.text


@given(body=st.binary(max_size=200))
async def test_whatever_is_brought_is_answered(body: bytes) -> None:
    assert await Door().brought(body) == 200


def test_the_secrets_are_two_do_not_print_and_are_fit_for_telegram() -> None:
    assert HOOK.part != HOOK.token
    assert isinstance(HOOK.part, Secret)
    assert HOOK.part.reveal() not in repr(HOOK)
    assert len(TOKEN) == 43
    assert TOKEN.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("public_url", ["https://kunji.example", "https://elsewhere.example/behind/a/path"])
def test_a_webhook_of_ours_is_known_wherever_it_led(public_url: str) -> None:
    assert HOOK.is_at(HOOK.address(public_url))


@pytest.mark.parametrize("url", ["", "https://kunji.example/telegram/", f"https://é.example/telegram/{TOKEN}"])
def test_any_other_is_not_ours(url: str) -> None:
    assert not HOOK.is_at(url)
