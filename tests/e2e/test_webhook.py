"""A real `kunji run` to which Telegram brings the updates, and back to fetching them."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.house import ADMIN, MONDAY, PATIENCE, SUNDAY, House, house

WRONG = "A" * 43
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, SUNDAY) as made:
        made.auto()
        by_webhook(made)
        yield made


def by_webhook(home: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = f"127.0.0.1:{free.getsockname()[1]}"
    home.bot_wide(telegram_mode="webhook", listen=place, public_url=f"http://{place}")


def start(home: House) -> None:
    before = home.sandbox.telegram.calls("setWebhook")
    home.start(wait=False)
    home.sandbox.telegram.wait_calls("setWebhook", before + 1, PATIENCE)


def webhook(home: House) -> str:
    """Where Telegram was told to bring updates."""
    hook = home.sandbox.telegram.world.updates.webhook
    return hook.url if hook else ""


def says(number: int, text: str) -> dict[str, object]:
    who = {"id": ADMIN, "is_bot": False, "first_name": "Admin"}
    chat = {"id": ADMIN, "type": "private", "first_name": "Admin"}
    at = int(SUNDAY.timestamp())
    return {"update_id": number, "message": {"message_id": 1, "date": at, "chat": chat, "from": who, "text": text}}


def posted(url: str, body: bytes, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        connection.request("POST", parts.path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_commands_are_answered_and_alerts_sent_without_fetching_anything(home: House) -> None:
    home.at(MONDAY)
    start(home)

    home.says("/status", "no token")
    home.at(MONDAY.replace(hour=8, minute=45, second=1))
    home.sees("refreshed by itself")

    assert home.sandbox.telegram.calls("getUpdates") == 0
    assert home.end() == 0
    secret = webhook(home).rpartition("/")[2]
    assert len(secret) == 43
    assert secret not in home.log.read_text()


def test_a_message_as_long_as_telegram_allows_holds_up_nothing_behind_it(home: House) -> None:
    start(home)

    home.sandbox.telegram.say(ADMIN, "कुंजी " * 680)

    home.says("/status", "no token")


@pytest.mark.long
def test_what_is_said_while_the_bot_is_away_is_answered_when_it_is_back(home: House) -> None:
    start(home)
    home.says("/help", "/status")
    home.end()
    mark = home.sandbox.telegram.mark()
    home.sandbox.telegram.say(ADMIN, "/status")

    start(home)

    home.sees("no token", after=mark)
    assert not any("Another program" in text for text in home.texts())


@pytest.mark.long
def test_back_to_fetching_the_webhook_of_before_is_taken_away_and_nobody_is_alarmed(home: House) -> None:
    start(home)
    home.says("/help", "/status")
    home.end()
    home.sandbox.telegram.say(ADMIN, "/status")
    home.bot_wide()

    home.start()

    home.sees("no token")
    home.says("/help", "/status")
    assert webhook(home) == ""
    assert not any("Another program" in text for text in home.texts())
    assert "somebody else" not in home.log.read_text()


def test_a_webhook_of_somebody_else_is_told_of_and_replaced(home: House) -> None:
    home.sandbox.telegram.set_webhook("https://thief.example/hook")

    start(home)

    home.sees("Another program has a webhook")
    home.says("/status", "no token")
    assert webhook(home).startswith("http://127.0.0.1:")


@pytest.mark.long
def test_a_thousand_bad_posts_are_not_obeyed_and_do_no_harm(home: House) -> None:
    start(home)
    home.says("/help", "/status")
    url, body = webhook(home), json.dumps(says(1, "/totp dhan")).encode()
    wrong = [
        (url, {}),
        (url, {HEADER: WRONG}),
        (url, {HEADER: "é".encode().decode("latin-1")}),
        (url.rpartition("/")[0] + "/" + WRONG, {HEADER: WRONG}),
        (url.rpartition("/")[0] + "/%C3%A9%00", {HEADER: WRONG}),
    ]

    answers = {posted(*wrong[number % 5][:1], body, wrong[number % 5][1]) for number in range(1000)}

    assert answers <= {404, 429}
    assert 404 in answers
    home.says("/status", "no token")
    assert not any(re.search(r"\b\d{6}\b", text) for text in home.texts())
    assert home.log.read_text().count("\n") < 50
