"""What the stand-in for the Bot API does and, above all, what it refuses, in Telegram's words."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests
from PIL import Image

from bot.sandbox import Sandbox
from bot.sandbox.telegram.screen import Picture
from tests.unit.sandbox.calls import ADMIN, api, refusal

GROUP = -1001


@pytest.fixture(autouse=True)
def chats(sandbox: Sandbox) -> None:
    sandbox.telegram.open_chat(ADMIN)
    sandbox.telegram.open_chat(GROUP, "supergroup", "Desk")


def keyboard(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"inline_keyboard": [list(buttons)]}


def send(sandbox: Sandbox, text: str = "hello", **more: Any) -> int:
    answer = api(sandbox, "sendMessage", chat_id=ADMIN, text=text, **more)
    assert answer["ok"], answer
    return int(answer["result"]["message_id"])


def test_another_token_is_unauthorized(sandbox: Sandbox) -> None:
    answer = api(sandbox, "getMe", token="111111:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

    assert answer == {"ok": False, "error_code": 401, "description": "Unauthorized"}


@pytest.mark.parametrize("path", ["/", "/bot/getMe", "/botx:y/getMe", "/file/bot1:a/x"])
def test_what_is_no_token_is_not_found(sandbox: Sandbox, path: str) -> None:
    answer = requests.get(sandbox.telegram_url + path, timeout=5)

    assert (answer.status_code, answer.json()["description"]) == (404, "Not Found")


def test_a_method_there_is_not_is_not_found(sandbox: Sandbox) -> None:
    assert refusal(sandbox, "sendRumour") == "404 Not Found"


def test_a_parameter_there_is_not_is_refused(sandbox: Sandbox) -> None:
    why = refusal(sandbox, "sendMessage", chat_id=ADMIN, text="x", parse_mod="HTML")

    assert why == "400 Bad Request: unknown parameter parse_mod"


@pytest.mark.parametrize("how", ["json", "form", "query", "multipart"])
def test_parameters_come_in_every_encoding(sandbox: Sandbox, how: str) -> None:
    url = f"{sandbox.telegram_url}/bot{sandbox.telegram.token}/sendMessage"
    given = {"chat_id": str(ADMIN), "text": "₹ & ₹", "disable_notification": "true"}
    ways: dict[str, dict[str, Any]] = {
        "json": {"json": given},
        "form": {"data": given},
        "query": {"params": given},
        "multipart": {"files": {name: (None, value) for name, value in given.items()}},
    }

    requests.post(url, timeout=5, **ways[how])

    shown = sandbox.telegram.transcript(ADMIN)[0]
    assert (shown.text, shown.silent) == ("₹ & ₹", True)


def test_a_body_that_is_no_json_is_refused(sandbox: Sandbox) -> None:
    url = f"{sandbox.telegram_url}/bot{sandbox.telegram.token}/getMe"

    assert requests.post(url, data="{", headers={"Content-Type": "application/json"}, timeout=5).status_code == 400


def test_a_chat_that_never_wrote_is_not_found(sandbox: Sandbox) -> None:
    assert refusal(sandbox, "sendMessage", chat_id=999, text="x") == "400 Bad Request: chat not found"
    assert refusal(sandbox, "sendMessage", text="x") == "400 Bad Request: chat_id is empty"


def test_a_user_who_blocked_the_bot_hears_nothing(sandbox: Sandbox) -> None:
    sandbox.telegram.block(ADMIN)

    assert refusal(sandbox, "sendMessage", chat_id=ADMIN, text="x") == "403 Forbidden: bot was blocked by the user"
    sandbox.telegram.unblock(ADMIN)
    assert api(sandbox, "sendMessage", chat_id=ADMIN, text="x")["ok"]


def test_a_group_that_moved_says_where_to(sandbox: Sandbox) -> None:
    sandbox.telegram.open_chat(-5, "group")
    sandbox.telegram.upgrade(-5, -1005)

    answer = api(sandbox, "sendMessage", chat_id=-5, text="x")

    assert answer["error_code"] == 400
    assert answer["parameters"] == {"migrate_to_chat_id": -1005}
    assert api(sandbox, "sendMessage", chat_id=-1005, text="x")["ok"]


@pytest.mark.parametrize("text", ["", "   ", "<b></b>"])
def test_an_empty_text_is_refused(sandbox: Sandbox, text: str) -> None:
    why = refusal(sandbox, "sendMessage", chat_id=ADMIN, text=text, parse_mode="HTML")

    assert why == "400 Bad Request: message text is empty"


def test_4096_units_after_parsing_are_the_most(sandbox: Sandbox) -> None:
    assert api(sandbox, "sendMessage", chat_id=ADMIN, text=f"<b>{'x' * 4096}</b>", parse_mode="HTML")["ok"]
    assert refusal(sandbox, "sendMessage", chat_id=ADMIN, text="🔑" * 2049) == "400 Bad Request: message is too long"


def photo(width: int = 90, height: int = 60) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(written, "PNG")
    return written.getvalue()


def upload(sandbox: Sandbox, content: bytes | None, **given: Any) -> dict[str, Any]:
    """A call of sendPhoto, as a form with a file in it."""
    url = f"{sandbox.telegram_url}/bot{sandbox.telegram.token}/sendPhoto"
    files = {"photo": ("chart.png", content, "image/png")} if content is not None else None
    answer: dict[str, Any] = requests.post(url, data={"chat_id": ADMIN, **given}, files=files, timeout=5).json()
    return answer


def test_a_picture_arrives_byte_for_byte_with_what_stands_under_it(sandbox: Sandbox) -> None:
    drawn = photo()
    sent = upload(sandbox, drawn, caption="<b>₹1</b>", parse_mode="HTML")["result"]

    [shown] = sandbox.telegram.transcript(ADMIN)
    assert (shown.text, shown.picture) == ("₹1", Picture(90, 60))
    assert sandbox.telegram.photo(ADMIN, shown.id) == drawn
    assert (sent["caption"], sent["caption_entities"][0]["type"], "text" in sent) == ("₹1", "bold", False)
    assert (sent["photo"][0]["width"], sent["photo"][0]["file_size"]) == (90, len(drawn))


@pytest.mark.parametrize(
    ("content", "given", "why"),
    [
        (None, {}, "there is no photo in the request"),
        (None, {"photo": "https://example.com/chart.png"}, "wrong file identifier/HTTP URL specified"),
        (b"", {}, "file must be non-empty"),
        (b"<svg></svg>", {}, "IMAGE_PROCESS_FAILED"),
        (photo()[:-20], {}, "IMAGE_PROCESS_FAILED"),
        (photo(10, 210), {}, "PHOTO_INVALID_DIMENSIONS"),
        (photo(9000, 1001), {}, "PHOTO_INVALID_DIMENSIONS"),
        (photo(), {"caption": "x" * 1025}, "message caption is too long"),
        (photo(), {"caption": "<b>x", "parse_mode": "HTML"}, "can't parse entities"),
        (photo(), {"text": "x"}, "unknown parameter text"),
        (photo(), {"chat_id": 999}, "chat not found"),
    ],
)
def test_what_is_no_picture_or_too_much_of_one_is_refused(
    sandbox: Sandbox, content: bytes | None, given: dict[str, Any], why: str
) -> None:
    answer = upload(sandbox, content, **given)

    assert answer["ok"] is False
    assert why in answer["description"]
    assert sandbox.telegram.transcript(ADMIN) == []


def test_ten_megabytes_are_the_most_of_a_picture(sandbox: Sandbox) -> None:
    assert upload(sandbox, b"x" * (10 * 1024 * 1024 + 1))["error_code"] == 413


def test_a_file_is_no_text_and_a_picture_has_no_text_to_edit(sandbox: Sandbox) -> None:
    sent = upload(sandbox, photo())["result"]["message_id"]
    url = f"{sandbox.telegram_url}/bot{sandbox.telegram.token}/sendMessage"
    as_file = requests.post(url, data={"chat_id": ADMIN}, files={"text": ("x", b"hello")}, timeout=5).json()

    assert "must not be a file" in as_file["description"]
    assert "no text in the message" in refusal(sandbox, "editMessageText", chat_id=ADMIN, message_id=sent, text="other")


def test_bad_html_is_refused(sandbox: Sandbox) -> None:
    why = refusal(sandbox, "sendMessage", chat_id=ADMIN, text="<b>x", parse_mode="HTML")

    assert why.startswith("400 Bad Request: can't parse entities: ")
    assert "unsupported parse_mode" in refusal(sandbox, "sendMessage", chat_id=ADMIN, text="x", parse_mode="Markup")


def test_text_without_parse_mode_is_shown_as_it_is(sandbox: Sandbox) -> None:
    send(sandbox, "<b>&amp;")

    shown = sandbox.telegram.transcript(ADMIN)[0]
    assert (shown.text, shown.html) == ("<b>&amp;", "&lt;b&gt;&amp;amp;")


@pytest.mark.parametrize(
    ("button", "why"),
    [
        ({"text": "x", "callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "callback_data": "₹" * 22}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "copy_text": {"text": "x" * 257}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "x", "copy_text": {"text": ""}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "x", "url": "javascript:alert(1)"}, "Wrong HTTP URL"),
        ({"text": "x", "url": "http://localhost:8000/"}, "Wrong HTTP URL"),
        ({"text": "x"}, "text buttons are unallowed"),
        ({"text": "", "callback_data": "a"}, "text must be non-empty"),
        ({"text": "x", "callback_data": "a", "url": "https://example.com"}, "exactly one action"),
        ({"text": "x", "callback_data": "a", "style": "loud"}, "invalid style"),
        ({"text": "x", "callback_data": "a", "colour": "red"}, "unknown field"),
    ],
)
def test_buttons_telegram_would_refuse_are_refused(sandbox: Sandbox, button: dict[str, Any], why: str) -> None:
    assert why in refusal(sandbox, "sendMessage", chat_id=ADMIN, text="x", reply_markup=keyboard(button))


@pytest.mark.parametrize(
    "button",
    [
        {"text": "x", "callback_data": "a" * 64, "style": "danger"},
        {"text": "x", "copy_text": {"text": "x" * 256}},
        {"text": "x", "url": "https://example.com/?a=1"},
        {"text": "x", "url": "http://127.0.0.1:8723/login"},
        {"text": "x", "url": "tg://user?id=1"},
    ],
)
def test_buttons_telegram_takes_are_taken(sandbox: Sandbox, button: dict[str, Any]) -> None:
    assert api(sandbox, "sendMessage", chat_id=ADMIN, text="x", reply_markup=keyboard(button))["ok"]


@pytest.mark.parametrize("markup", [{"inline_keyboard": [{}]}, {"inline_keyboard": "x"}, {"buttons": []}, "[]", "{"])
def test_a_keyboard_of_the_wrong_shape_is_refused(sandbox: Sandbox, markup: object) -> None:
    assert refusal(sandbox, "sendMessage", chat_id=ADMIN, text="x", reply_markup=markup).startswith("400")


def test_everything_about_a_sent_message_is_on_the_screen(sandbox: Sandbox) -> None:
    heard = sandbox.telegram.say(ADMIN, "/totp")
    send(
        sandbox,
        "<tg-spoiler>123456</tg-spoiler>",
        parse_mode="HTML",
        protect_content=True,
        disable_notification=True,
        link_preview_options={"is_disabled": True},
        reply_parameters={"message_id": heard},
        reply_markup=keyboard({"text": "copy", "copy_text": {"text": "123456"}}),
    )

    shown = sandbox.telegram.transcript(ADMIN)[-1]

    assert (shown.by_bot, shown.protected, shown.silent, shown.preview) == (True, True, True, False)
    assert shown.reply_to == heard
    assert shown.button("copy").copies == "123456"
    assert shown.date == pytest.approx(sandbox.telegram.unix(), abs=5)


def test_a_reply_needs_what_it_replies_to(sandbox: Sandbox) -> None:
    why = refusal(sandbox, "sendMessage", chat_id=ADMIN, text="x", reply_parameters={"message_id": 77})

    assert why == "400 Bad Request: message to be replied not found"
    assert send(sandbox, reply_parameters={"message_id": 77, "allow_sending_without_reply": True})


def test_topics_are_for_forums(sandbox: Sandbox) -> None:
    sandbox.telegram.open_chat(-1002, "supergroup", forum=True)

    assert "message thread not found" in refusal(sandbox, "sendMessage", chat_id=ADMIN, text="x", message_thread_id=7)
    assert api(sandbox, "sendMessage", chat_id=-1002, text="x", message_thread_id=7)["ok"]


def test_an_edit_changes_the_message_and_its_keyboard(sandbox: Sandbox) -> None:
    sent = send(sandbox, reply_markup=keyboard({"text": "x", "callback_data": "a"}))

    api(sandbox, "editMessageText", chat_id=ADMIN, message_id=sent, text="done")

    shown = sandbox.telegram.transcript(ADMIN)[0]
    assert (shown.text, shown.buttons, shown.edits) == ("done", (), 1)


def test_an_edit_that_changes_nothing_is_refused(sandbox: Sandbox) -> None:
    sent = send(sandbox, "<b>x</b>", parse_mode="HTML")

    same = {"chat_id": ADMIN, "message_id": sent, "text": "<strong>x</strong>", "parse_mode": "HTML"}
    assert "message is not modified" in refusal(sandbox, "editMessageText", **same)
    assert "message is not modified" in refusal(sandbox, "editMessageReplyMarkup", chat_id=ADMIN, message_id=sent)
    assert api(sandbox, "editMessageText", **same | {"parse_mode": None})["ok"]


def test_only_the_bots_own_messages_can_be_edited(sandbox: Sandbox) -> None:
    heard = sandbox.telegram.say(ADMIN, "mine")

    assert "can't be edited" in refusal(sandbox, "editMessageText", chat_id=ADMIN, message_id=heard, text="x")
    assert "message to edit not found" in refusal(sandbox, "editMessageText", chat_id=ADMIN, message_id=99, text="x")


def test_deleted_messages_are_gone_and_cannot_be_deleted_again(sandbox: Sandbox) -> None:
    heard = sandbox.telegram.say(ADMIN, "a secret")

    assert api(sandbox, "deleteMessage", chat_id=ADMIN, message_id=heard)["result"] is True

    assert sandbox.telegram.transcript(ADMIN) == []
    assert "message to delete not found" in refusal(sandbox, "deleteMessage", chat_id=ADMIN, message_id=heard)


def test_after_two_days_a_message_stays(sandbox: Sandbox) -> None:
    sent = send(sandbox)
    sandbox.clock.advance(48 * 3600 + 1)

    assert "can't be deleted" in refusal(sandbox, "deleteMessage", chat_id=ADMIN, message_id=sent)


def test_in_a_group_others_messages_stay_unless_the_bot_is_an_admin(sandbox: Sandbox) -> None:
    sandbox.telegram.open_chat(-1003, "supergroup", bot_deletes=True)
    here = sandbox.telegram.say(GROUP, "x", ADMIN)
    there = sandbox.telegram.say(-1003, "x", ADMIN)

    assert "can't be deleted" in refusal(sandbox, "deleteMessage", chat_id=GROUP, message_id=here)
    assert api(sandbox, "deleteMessage", chat_id=-1003, message_id=there)["ok"]


def test_a_pressed_button_is_answered_once_and_in_time(sandbox: Sandbox) -> None:
    sent = send(sandbox, reply_markup=keyboard({"text": "go", "callback_data": "a"}))
    first, second = (sandbox.telegram.press(ADMIN, sent, "go") for _ in range(2))

    assert api(sandbox, "answerCallbackQuery", callback_query_id=first, text="on it", show_alert=True)["ok"]

    answer = sandbox.telegram.answer_to(first)
    assert (answer.text, answer.alert) == ("on it", True)
    assert "query is too old" in refusal(sandbox, "answerCallbackQuery", callback_query_id=first)
    sandbox.clock.advance(120)
    assert "query is too old" in refusal(sandbox, "answerCallbackQuery", callback_query_id=second)
    assert "query is too old" in refusal(sandbox, "answerCallbackQuery", callback_query_id="made up")


def test_a_chat_action_must_be_one_there_is(sandbox: Sandbox) -> None:
    assert api(sandbox, "sendChatAction", chat_id=ADMIN, action="typing")["ok"]
    assert "wrong parameter action" in refusal(sandbox, "sendChatAction", chat_id=ADMIN, action="thinking")


def test_command_menus_are_kept_per_scope(sandbox: Sandbox) -> None:
    scope = {"type": "chat", "chat_id": ADMIN}
    api(sandbox, "setMyCommands", commands=[{"command": "start", "description": "who am I"}], scope=scope)

    assert api(sandbox, "getMyCommands", scope=scope)["result"][0]["command"] == "start"
    assert api(sandbox, "getMyCommands")["result"] == []
    assert sandbox.telegram.commands('{"chat_id": 4001, "type": "chat"}') == {"start": "who am I"}
    api(sandbox, "deleteMyCommands", scope=scope)
    assert api(sandbox, "getMyCommands", scope=scope)["result"] == []


@pytest.mark.parametrize(
    ("commands", "scope", "why"),
    [
        ([{"command": "Start", "description": "x"}], None, "BOT_COMMAND_INVALID"),
        ([{"command": "start", "description": ""}], None, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ([{"command": "start"}], None, "can't parse BotCommand"),
        ([{"command": "a", "description": "x"}] * 101, None, "BOT_COMMANDS_TOO_MUCH"),
        (None, None, "commands"),
        ([], {"type": "chat"}, "can't parse BotCommandScope"),
        ([], {"type": "galaxy"}, "can't parse BotCommandScope"),
        ([], {"type": "chat", "chat_id": 999}, "chat not found"),
    ],
)
def test_menus_telegram_would_refuse_are_refused(sandbox: Sandbox, commands: Any, scope: Any, why: str) -> None:
    assert why in refusal(sandbox, "setMyCommands", commands=commands, scope=scope)


def test_a_chat_can_be_looked_up_and_left(sandbox: Sandbox) -> None:
    assert api(sandbox, "getChat", chat_id=GROUP)["result"]["title"] == "Desk"
    assert refusal(sandbox, "leaveChat", chat_id=ADMIN).startswith("400")

    assert api(sandbox, "leaveChat", chat_id=GROUP)["result"] is True

    assert refusal(sandbox, "sendMessage", chat_id=GROUP, text="x").startswith("403 Forbidden")


@pytest.mark.parametrize("method", ["logOut", "close"])
def test_the_bot_cannot_be_moved_away(sandbox: Sandbox, method: str) -> None:
    assert refusal(sandbox, method).startswith("400")


def test_a_refusal_on_demand_is_worded_as_telegram_words_it(sandbox: Sandbox) -> None:
    sandbox.telegram.fail("sendMessage", 401)
    assert refusal(sandbox, "sendMessage", chat_id=ADMIN, text="x") == "401 Unauthorized"

    sandbox.telegram.flood("sendMessage", 7)
    answer = api(sandbox, "sendMessage", chat_id=ADMIN, text="x")
    assert answer["parameters"] == {"retry_after": 7}
    assert answer["description"] == "Too Many Requests: retry after 7"


def test_a_send_whose_answer_is_lost_did_arrive(sandbox: Sandbox) -> None:
    sandbox.telegram.lose("sendMessage")

    with pytest.raises(requests.ConnectionError):
        send(sandbox)

    assert [shown.text for shown in sandbox.telegram.transcript(ADMIN)] == ["hello"]
