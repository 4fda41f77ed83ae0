"""What other processes can do through the control door, and the screen they and tests look at."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests

from bot.sandbox import Sandbox
from tests.unit.sandbox.calls import ADMIN, CLIENT, PIN, SEED, add_client, api, login


def control(sandbox: Sandbox, path: str, **given: Any) -> requests.Response:
    return requests.post(f"{sandbox.control_url}/control/{path}", json=given, timeout=10)


def test_what_python_can_do_http_can_do(sandbox: Sandbox) -> None:
    control(sandbox, "dhan/add_client", client_id=CLIENT, pin=PIN, totp_secret=SEED)
    control(sandbox, "dhan/fail", call="generateAccessToken", sample="generate_access_token_error_invalid_totp")
    assert login(sandbox).json()["message"] == "Invalid TOTP"

    told = control(sandbox, "dhan/calls", call="generateAccessToken").json()

    assert told == {"result": 1}
    assert control(sandbox, "dhan/requests").json()["result"][0]["query_names"] == ["dhanClientId", "pin", "totp"]


def test_a_conversation_can_be_had_from_outside(sandbox: Sandbox) -> None:
    control(sandbox, "telegram/say", chat_id=ADMIN, text="/start")
    waiting: list[Any] = []
    listener = threading.Thread(
        target=lambda: waiting.append(control(sandbox, "telegram/wait_for", chat_id=ADMIN, text="hello").json())
    )
    listener.start()

    api(sandbox, "sendMessage", chat_id=ADMIN, text="hello there")

    listener.join(5)
    assert waiting[0]["result"]["text"] == "hello there"
    shown = control(sandbox, "telegram/transcript", chat_id=ADMIN).json()["result"]
    assert [message["by_bot"] for message in shown] == [False, True]


@pytest.mark.parametrize("path", ["dhan/bank", "dhan/__init__", "moon/say", "telegram/open", "telegram/nothing"])
def test_only_what_is_listed_can_be_called(sandbox: Sandbox, path: str) -> None:
    assert control(sandbox, path).status_code == 404


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("telegram/say", {}),
        ("telegram/say", {"chat_id": ADMIN, "text": "x", "loudly": True}),
        ("telegram/press", {"chat_id": ADMIN, "message_id": 5, "button": 0}),
        ("telegram/wait_for", {"chat_id": ADMIN, "text": "x", "timeout": 0.01}),
        ("dhan/token", {"client_id": "7"}),
    ],
)
def test_a_wrong_wish_is_told_why(sandbox: Sandbox, path: str, given: dict[str, Any]) -> None:
    answer = control(sandbox, path, **given)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_every_listed_control_is_a_method(sandbox: Sandbox) -> None:
    listed = requests.get(f"{sandbox.control_url}/control", timeout=5).json()

    assert set(listed) == {"telegram", *sandbox.brokers}
    assert all(callable(getattr(sandbox.telegram, name)) for name in listed["telegram"])
    assert all(callable(getattr(sandbox.dhan, name)) for name in listed["dhan"])


def test_a_web_page_from_elsewhere_gets_nowhere(sandbox: Sandbox) -> None:
    url = f"{sandbox.control_url}/control/telegram/mark"

    assert requests.post(url, data="{}", headers={"Content-Type": "text/plain"}, timeout=5).status_code == 400
    assert requests.post(url, json={}, headers={"Host": "evil.example"}, timeout=5).status_code == 403
    assert requests.post(url, json={}, headers={"Origin": "http://evil.example"}, timeout=5).status_code == 403


def test_whoever_does_not_know_the_address_gets_nowhere(sandbox: Sandbox) -> None:
    door = sandbox.control_url.rpartition("/")[0]

    for path in (
        "/",
        "/clock",
        "/control",
        "/control/telegram/mark",
        "/guess/clock",
        f"//{sandbox.control_url[-22:]}/clock",
    ):
        assert requests.get(door + path, timeout=5).status_code == 404


def test_waiting_hears_only_of_what_comes_later(sandbox: Sandbox) -> None:
    sandbox.telegram.open_chat(ADMIN)
    api(sandbox, "sendMessage", chat_id=ADMIN, text="done")
    mark = sandbox.telegram.mark()

    with pytest.raises(TimeoutError, match="did not say 'done'"):
        sandbox.telegram.wait_for(ADMIN, "done", after=mark, timeout=0.01)
    second = api(sandbox, "sendMessage", chat_id=ADMIN, text="done again")["result"]["message_id"]

    assert sandbox.telegram.wait_for(ADMIN, "done", after=mark).id == second
    assert [event.what for event in sandbox.telegram.wait_event(mark)] == ["sent"]


def test_waiting_can_be_for_an_edit_or_for_buttons(sandbox: Sandbox) -> None:
    sandbox.telegram.open_chat(ADMIN)
    sent = api(sandbox, "sendMessage", chat_id=ADMIN, text="working")["result"]["message_id"]
    mark = sandbox.telegram.mark()
    markup = {"inline_keyboard": [[{"text": "again", "callback_data": "a"}]]}
    api(sandbox, "editMessageText", chat_id=ADMIN, message_id=sent, text="done", reply_markup=markup)

    shown = sandbox.telegram.wait_for(ADMIN, after=mark, where=lambda s: bool(s.buttons))

    assert (shown.id, shown.edits, shown.button("again").data) == (sent, 1, "a")


def test_waiting_can_be_for_a_message_to_go(sandbox: Sandbox) -> None:
    heard = sandbox.telegram.say(ADMIN, "a secret")
    with pytest.raises(TimeoutError, match="still there"):
        sandbox.telegram.wait_gone(ADMIN, heard, timeout=0.01)

    sandbox.telegram.erase(ADMIN, heard)

    sandbox.telegram.wait_gone(ADMIN, heard)


def test_a_button_that_is_never_answered_is_noticed(sandbox: Sandbox) -> None:
    sandbox.telegram.open_chat(ADMIN)
    markup = {"inline_keyboard": [[{"text": "go", "callback_data": "a"}, {"text": "open", "url": "https://x.test"}]]}
    sent = api(sandbox, "sendMessage", chat_id=ADMIN, text="x", reply_markup=markup)["result"]["message_id"]

    with pytest.raises(TimeoutError, match="did not answer"):
        sandbox.telegram.answer_to(sandbox.telegram.press(ADMIN, sent, "go"), timeout=0.01)
    with pytest.raises(ValueError, match="opens a link"):
        sandbox.telegram.press(ADMIN, sent, "open")


def test_a_sandbox_starts_once_and_stops_as_often_as_asked() -> None:
    sandbox = Sandbox()
    with pytest.raises(RuntimeError, match="does not run"):
        sandbox.dhan.down()
    sandbox.start()
    with pytest.raises(RuntimeError, match="starts once"):
        sandbox.start()

    sandbox.stop()
    sandbox.stop()


def test_two_sandboxes_do_not_know_each_other(sandbox: Sandbox) -> None:
    add_client(sandbox)

    with Sandbox() as other:
        assert other.dhan.calls() == 0
        with pytest.raises(ValueError, match="no client"):
            other.dhan.attempts(CLIENT)
