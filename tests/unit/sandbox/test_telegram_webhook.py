"""A webhook: what cannot be set, and what is brought to one that is."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bot.sandbox import Sandbox
from tests.unit.sandbox.calls import ADMIN, api, refusal

SECRET = "told-to-nobody_1"


class Place:
    """Where a webhook leads."""

    def __init__(self) -> None:
        self.brought: list[dict[str, Any]] = []
        self.secrets: list[str | None] = []
        self.answers: list[int] = []
        """What is answered instead of 200, one a call."""
        self.came = threading.Semaphore(0)
        place = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                update = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                place.brought.append(update)
                place.secrets.append(self.headers["X-Telegram-Bot-Api-Secret-Token"])
                self.send_response(place.answers.pop(0) if place.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                place.came.release()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def texts(self, count: int) -> list[str]:
        """Of what was brought, once so many came."""
        for _ in range(count):
            assert self.came.acquire(timeout=5)
        return [update["message"]["text"] for update in self.brought]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"url": "http://kunji.example/hook"}, "An HTTPS URL must be provided"),
        ({"url": "https://kunji.example:8730/hook"}, "only on ports 80, 88, 443 or 8443"),
        ({"url": "https://kunji.example/hook", "secret_token": "with a blank"}, "unallowed characters"),
        ({"url": "https://kunji.example/hook", "secret_token": "x" * 257}, "unallowed characters"),
        ({"url": "https://kunji.example/hook", "max_connections": 101}, "max_connections"),
        ({"url": "https://kunji.example/hook", "secret": "x"}, "unknown parameter secret"),
    ],
)
def test_what_telegram_would_not_set_is_not_set(sandbox: Sandbox, asked: dict[str, Any], why: str) -> None:
    assert why in refusal(sandbox, "setWebhook", **asked)
    assert api(sandbox, "getWebhookInfo")["result"]["url"] == ""


def test_what_is_said_is_brought_in_order_with_the_secret(sandbox: Sandbox, place: Place) -> None:
    sandbox.telegram.say(ADMIN, "before")
    api(sandbox, "setWebhook", url=place.url, secret_token=SECRET, max_connections=1)
    for text in ("one", "two"):
        sandbox.telegram.say(ADMIN, text)

    assert place.texts(3) == ["before", "one", "two"]
    assert set(place.secrets) == {SECRET}
    info = api(sandbox, "getWebhookInfo")["result"]
    assert (info["max_connections"], "last_error_message" in info) == (1, False)


def test_what_was_not_taken_is_brought_again_and_the_reason_is_told(sandbox: Sandbox, place: Place) -> None:
    place.answers = [503, 404]
    api(sandbox, "setWebhook", url=place.url)
    sandbox.telegram.say(ADMIN, "one")
    sandbox.telegram.say(ADMIN, "two")

    assert place.texts(4) == ["one", "one", "one", "two"]
    assert api(sandbox, "getWebhookInfo")["result"]["last_error_message"] == (
        "Wrong response from the webhook: 404 Not Found"
    )


def test_where_nobody_opens_everything_waits_and_can_be_fetched_later(sandbox: Sandbox) -> None:
    for url in ("https://kunji.example/hook", "http://127.0.0.1:9/hook"):
        api(sandbox, "setWebhook", url=url, drop_pending_updates=True)
        sandbox.telegram.say(ADMIN, "one")
        assert api(sandbox, "getWebhookInfo")["result"]["pending_update_count"] == 1

    api(sandbox, "deleteWebhook")

    assert [update["message"]["text"] for update in api(sandbox, "getUpdates")["result"]] == ["one"]
