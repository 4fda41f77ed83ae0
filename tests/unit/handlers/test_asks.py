"""The message that asks for a login: how long its link is good for, and what becomes of it."""

from __future__ import annotations

import json
from datetime import timedelta

from brokers import Consent
from handlers import text
from handlers.asks import came_back
from handlers.tokens import OpenQuestion
from tests.unit.handlers.markup import plain
from tests.unit.handlers.stage import ADMIN, NOW, a_stage

CONSENT = Consent("https://login.example/consent", "the address you land on", NOW + timedelta(hours=12))
ASKED = OpenQuestion("dhan", "the address you land on", 500, ADMIN)


async def test_where_a_link_is_taken_for_ten_minutes_that_is_what_is_said_and_a_button_gives_a_fresh_one():
    async with a_stage(doors={"dhan": text.Door(timedelta(minutes=10))}) as stage:
        stage.tokens.outcome = CONSENT
        await stage.hears(ADMIN, "/refresh dhan")
        said, buttons = plain(stage.telegram.last()), stage.telegram.buttons()
        await stage.press(ADMIN, buttons[1]["callback_data"])

    assert "log in within 10 min" in said
    assert "This works until" not in said
    assert [one["text"] for one in buttons] == [text.OPEN_LABEL, "Refresh dhan"]
    assert len(stage.tokens.done("refresh")) == 2


async def test_a_second_message_that_asks_takes_the_link_from_the_first(stage):
    stage.tokens.outcome, stage.tokens.waiting = CONSENT, [ASKED]

    await stage.hears(ADMIN, "/refresh dhan")

    [earlier] = [one for one in stage.telegram.of("editMessageText") if int(one["message_id"]) == ASKED.message]
    assert "asked for this login again, further down" in earlier["text"]
    assert "reply_markup" not in earlier
    assert CONSENT.url in stage.telegram.of("editMessageText")[-2]["reply_markup"]


async def test_a_login_that_came_back_by_itself_is_told_at_the_end_of_the_chat_without_a_sound(stage):
    await came_back(stage.desk, stage.gate.bot, ASKED, "✅ new token", done=True)

    [asked], [told] = stage.telegram.of("editMessageText"), stage.telegram.of("sendMessage")
    assert (int(asked["message_id"]), plain(asked["text"])) == (ASKED.message, "🔑 dhan: you logged in.")
    assert (told["text"], told["disable_notification"]) == ("✅ new token", "true")
    assert "reply_markup" not in asked | told


async def test_a_login_that_came_back_in_vain_is_told_with_a_button_for_another_link(stage):
    stage.telegram.refuses["editMessageText"] = 400, "Bad Request: message can't be edited"

    await came_back(stage.desk, stage.gate.bot, ASKED, "❌ too late", done=False)

    [told] = stage.telegram.of("sendMessage")
    [[again]] = json.loads(told["reply_markup"])["inline_keyboard"]
    assert again["text"] == "Refresh dhan"
    await stage.press(ADMIN, again["callback_data"])
    assert stage.tokens.done("refresh")


async def test_a_login_that_nobody_asked_for_in_the_chat_is_not_told_there(stage):
    await came_back(stage.desk, stage.gate.bot, OpenQuestion("dhan", "", None, None), "✅ new token", done=True)

    assert stage.telegram.sent == []
