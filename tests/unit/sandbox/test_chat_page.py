"""The chat page's own calls: what changed since the last look, what can be broken, what a browser is told to allow."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from PIL import Image

from bot.demo import opens_by_itself
from bot.sandbox import Leap, Person, Sandbox, Scene
from tests.unit.sandbox.calls import ADMIN, add_client, api, login

FILES = ("", "page.css", "page.js", "chat.js", "panel.js", "common.js", "marked.js", "icon.svg", "signs.svg")


def look(sandbox: Sandbox, after: int = 0, seen: str = "") -> dict[str, Any]:
    asked = {"after": after, "seen": seen}
    found: dict[str, Any] = requests.get(f"{sandbox.chat_page}look", params=asked, timeout=30).json()
    return found


def trouble(sandbox: Sandbox, **given: str) -> requests.Response:
    return requests.post(f"{sandbox.chat_page}trouble", json=given, timeout=10)


@pytest.fixture
def chatty(sandbox: Sandbox) -> Sandbox:
    sandbox.stage(Scene((Person(ADMIN, "You", "admin"),)))
    sandbox.telegram.say(ADMIN, "/start")
    return sandbox


@pytest.mark.parametrize("name", FILES)
def test_everything_the_page_needs_comes_from_the_page_itself(sandbox: Sandbox, name: str) -> None:
    reply = requests.get(sandbox.chat_page + name, timeout=5)

    assert reply.status_code == 200
    assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert [line for line in reply.text.splitlines() if "//" in line and "src=" in line] == []


def test_a_look_tells_only_what_changed_since_the_one_before(chatty: Sandbox) -> None:
    first = look(chatty)
    api(chatty, "sendMessage", chat_id=ADMIN, text="<b>hello</b>", parse_mode="HTML")
    second = look(chatty, first["event"], first["seen"])

    assert [message["text"] for message in first["chats"][0]["messages"]] == ["/start"]
    assert [message["text"] for message in second["chats"][0]["messages"]] == ["hello"]
    assert second["chats"][0]["messages"][0]["entities"] == [{"type": "bold", "offset": 0, "length": 5}]


def test_a_look_waits_until_something_changes(chatty: Sandbox) -> None:
    first = look(chatty)
    told: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: told.append(look(chatty, first["event"], first["seen"])))
    waiting.start()
    chatty.clock.advance(3600)
    waiting.join(10)

    assert told[0]["clock"]["now"] >= first["clock"]["now"] + 3600


def test_a_picture_can_be_seen_until_it_is_deleted(chatty: Sandbox) -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(drawn, "PNG")
    url = f"{chatty.telegram_url}/bot{chatty.telegram.token}/sendPhoto"
    sent = requests.post(url, data={"chat_id": ADMIN}, files={"photo": ("x.png", drawn.getvalue())}, timeout=5).json()
    place = f"{chatty.chat_page}photo/{ADMIN}/{sent['result']['message_id']}"
    message = look(chatty)["chats"][0]["messages"][-1]
    seen = requests.get(place, timeout=5)
    api(chatty, "deleteMessage", chat_id=ADMIN, message_id=sent["result"]["message_id"])

    assert message["picture"] == {"width": 64, "height": 48}
    assert (seen.content, seen.headers["Content-Type"]) == (drawn.getvalue(), "image/png")
    assert requests.get(place, timeout=5).status_code == 404


@pytest.mark.parametrize("path", ["photo/4001/1", "photo/7/7", "photo/x/1"])
def test_where_there_is_no_picture_none_is_shown(chatty: Sandbox, path: str) -> None:
    assert requests.get(f"{chatty.chat_page}{path}", timeout=5).status_code == 404


def test_a_deleted_message_is_named_and_its_text_is_not_told_again(chatty: Sandbox) -> None:
    sent = api(chatty, "sendMessage", chat_id=ADMIN, text="a code")["result"]["message_id"]
    first = look(chatty)
    api(chatty, "deleteMessage", chat_id=ADMIN, message_id=sent)
    second = look(chatty, first["event"], first["seen"])

    assert (second["chats"][0]["gone"], second["chats"][0]["messages"]) == ([sent], [])
    assert "a code" not in str(second)


def test_the_menu_is_that_of_the_chat(chatty: Sandbox) -> None:
    mine = {"commands": [{"command": "status", "description": "mine"}], "scope": {"type": "chat", "chat_id": ADMIN}}
    everybodys = {"commands": [{"command": "help", "description": "everybody's"}]}
    api(chatty, "setMyCommands", **everybodys)
    before = look(chatty)["chats"][0]["menu"]
    api(chatty, "setMyCommands", **mine)

    assert before == {"help": "everybody's"}
    assert look(chatty)["chats"][0]["menu"] == {"status": "mine"}


def test_an_answer_to_a_pressed_button_says_whether_it_stays(chatty: Sandbox) -> None:
    keyboard = {"inline_keyboard": [[{"text": "go", "callback_data": "a"}]]}
    sent = api(chatty, "sendMessage", chat_id=ADMIN, text="x", reply_markup=keyboard)["result"]["message_id"]
    query = chatty.telegram.press(ADMIN, sent, "go")
    api(chatty, "answerCallbackQuery", callback_query_id=query, text="no", show_alert=True)

    assert [(event["text"], event["alert"]) for event in look(chatty)["events"]] == [("no", True)]


def test_what_brokers_saw_names_path_and_refusal_and_no_secret(chatty: Sandbox) -> None:
    add_client(chatty)
    token = login(chatty).json()["accessToken"]
    trouble(chatty, name="dhan", trouble="wrong PIN")
    login(chatty)
    calls = look(chatty)["calls"]

    assert {(call["broker"], call["method"], call["path"]) for call in calls} == {
        ("dhan", "POST", "/app/generateAccessToken")
    }
    assert sorted(call["outcome"] for call in calls) == ["200", "200 Invalid Pin"]
    assert token not in str(calls)


def test_the_bots_token_is_not_remembered_with_its_calls(chatty: Sandbox) -> None:
    api(chatty, "getMe")

    assert [seen.path for seen in chatty.telegram.requests()] == ["/getMe"]


def test_one_trouble_takes_the_place_of_another_and_all_are_mended_at_once(chatty: Sandbox) -> None:
    add_client(chatty)
    trouble(chatty, name="dhan", trouble="down")
    with pytest.raises(requests.ConnectionError):
        login(chatty)
    trouble(chatty, name="dhan", trouble="rate limited")
    limited = login(chatty).status_code
    told = trouble(chatty).json()["result"]

    assert limited == 429
    assert {one["now"] for one in told} == {"works"}
    assert login(chatty).json()["accessToken"]


@pytest.mark.parametrize(
    "given", [{"name": "moon", "trouble": "down"}, {"name": "dhan", "trouble": "bored"}, {"name": "dhan"}]
)
def test_what_cannot_go_wrong_is_refused(sandbox: Sandbox, given: dict[str, str]) -> None:
    assert trouble(sandbox, **given).status_code == 400


def test_only_what_fits_a_server_is_offered(sandbox: Sandbox) -> None:
    ways = {one["name"]: one["ways"] for one in look(sandbox)["troubles"]}

    assert ways["telegram"] == ["works", "down", "slow"]
    assert "wrong PIN" not in ways["zerodha"]
    assert "wrong PIN" in ways["kotak"]


def test_every_trouble_on_offer_can_be_had(sandbox: Sandbox) -> None:
    for one in look(sandbox)["troubles"]:
        for way in one["ways"]:
            assert trouble(sandbox, name=one["name"], trouble=way).status_code == 200


def test_moments_worth_going_to_are_told(sandbox: Sandbox) -> None:
    sandbox.stage(
        Scene((Person(ADMIN, "You", "admin"),), leaps=lambda: [Leap("the morning", 1.5), Leap("never", None)])
    )

    assert look(sandbox)["leaps"] == [{"label": "the morning", "at": 1.5}, {"label": "never", "at": None}]


@dataclass
class Machine:
    """Remembers what was done at it."""

    config: str = "/tmp/kunji-x"
    locked: bool = True
    passed: list[float] = field(default_factory=list)

    def is_locked(self) -> bool:
        return self.locked

    def unlock(self) -> None:
        self.locked = False

    def pass_until(self, moment: float) -> None:
        self.passed.append(moment)


def test_where_the_config_lies_is_told_and_a_lock_can_be_ended(sandbox: Sandbox) -> None:
    sandbox.stage(Scene((Person(ADMIN, "You", "admin"),), machine=Machine()))

    before = look(sandbox)
    told = [requests.post(f"{sandbox.chat_page}unlock", json={}, timeout=10).json()["result"] for _ in range(2)]

    assert (before["config"], before["locked"], look(sandbox)["locked"]) == ("/tmp/kunji-x", True, False)
    assert told == ["unlocked", "it was not locked"]


def test_where_nothing_is_known_of_a_machine_there_is_nothing_to_unlock(sandbox: Sandbox) -> None:
    assert look(sandbox)["config"] is None
    assert requests.post(f"{sandbox.chat_page}unlock", json={}, timeout=10).status_code == 400


def test_what_runs_here_is_asked_to_let_time_pass_and_never_to_go_back(sandbox: Sandbox) -> None:
    machine = Machine()
    sandbox.stage(Scene((Person(ADMIN, "You", "admin"),), machine=machine))
    sandbox.clock.freeze()
    now = sandbox.clock.unix()

    for given in ({"by": 3600}, {"until": now + 60}, {"until": now - 60}):
        assert requests.post(f"{sandbox.chat_page}time", json=given, timeout=10).json() == {"result": now}

    assert machine.passed == [now + 3600, now + 60]


def test_where_nobody_else_lets_time_pass_it_passes_at_once(sandbox: Sandbox) -> None:
    sandbox.clock.freeze()
    now = sandbox.clock.unix()

    assert requests.post(f"{sandbox.chat_page}time", json={"by": 3600}, timeout=10).json() == {"result": now + 3600}


@pytest.mark.parametrize("given", [{}, {"by": "an hour"}, {"to": 5}, {"by": 1, "until": 2}, ["by"]])
def test_time_passes_by_seconds_or_until_a_moment(sandbox: Sandbox, given: object) -> None:
    assert requests.post(f"{sandbox.chat_page}time", json=given, timeout=10).status_code == 400


@pytest.mark.parametrize(
    ("platform", "environment", "opens"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"BROWSER": "firefox"}, True),
        ("darwin", {}, True),
    ],
)
def test_a_browser_is_opened_only_where_there_is_a_screen(
    platform: str, environment: dict[str, str], opens: bool
) -> None:
    assert opens_by_itself(platform, environment) is opens
