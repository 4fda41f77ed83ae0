"""/refresh: at once, with a question, or with something for the admin to do."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from telegram.error import TimedOut

from brokers import BrokerUnreachable, Consent, Funds, Holding, LoginRejected, RateLimited
from handlers import text
from handlers.text import LIMIT, units
from handlers.tokens import Portfolio, Refreshed, State
from tests.unit.handlers.markup import plain
from tests.unit.handlers.stage import ADMIN, MINE, NOW, VIEWER, a_stage, status_of

CONSENT = Consent(
    "https://login.example/consent", "the address you land on", NOW + timedelta(minutes=10), asks_totp=True
)
HELD_BACK = status_of("dhan", held_back="the last login was refused: PIN")
AWAY = NOW - timedelta(minutes=14)


async def test_a_named_account_is_refreshed_at_once_in_one_message_that_is_edited(stage):
    await stage.hears(ADMIN, "/refresh Dhan")

    assert stage.tokens.calls == [("refresh", "dhan", "admin", False, False)]
    assert [name for name, _ in stage.telegram.sent] == ["sendMessage", "editMessageText"]
    assert "good until 08:45 tomorrow (in 24 h)" in stage.telegram.last() or "in 1 d" in stage.telegram.last()


async def test_the_only_account_needs_no_name():
    async with a_stage({"dhan": MINE}) as stage:
        await stage.hears(ADMIN, "/refresh")

    assert stage.tokens.done("refresh") == [("refresh", "dhan", "admin", False, False)]


async def test_with_several_accounts_buttons_ask_which(stage):
    await stage.hears(ADMIN, "/refresh")

    buttons = stage.telegram.buttons()
    assert [one["text"] for one in buttons] == ["dhan", "dhan-wife", "Refresh all"]
    assert stage.tokens.calls == []
    await stage.press(ADMIN, buttons[1]["callback_data"])
    assert stage.tokens.done("refresh") == [("refresh", "dhan-wife", "admin", False, False)]


async def test_a_token_that_outlives_today_is_replaced_after_a_question_only(stage):
    stage.tokens.until["dhan"] = NOW + timedelta(hours=20)

    await stage.hears(ADMIN, "/refresh dhan")

    assert stage.tokens.calls == []
    assert "ends it in every program" in stage.telegram.last()
    await stage.press(ADMIN, stage.telegram.buttons()[0]["callback_data"])
    assert stage.tokens.calls == [("refresh", "dhan", "admin", True, False)]


async def test_a_consent_says_what_to_do_and_its_message_is_remembered(stage):
    stage.tokens.outcome = CONSENT

    await stage.hears(ADMIN, "/refresh dhan")

    said = stage.telegram.last()
    assert "phone's browser" in said
    assert "the address you land on" in said
    assert CONSENT.url not in said
    link, code = stage.telegram.buttons()
    assert link["url"] == CONSENT.url
    edited = stage.telegram.of("editMessageText")[-1]
    assert stage.tokens.done("asked") == [("asked", "dhan", ADMIN, int(edited["message_id"]))]
    await stage.press(ADMIN, code["callback_data"])
    assert stage.tokens.done("code") == [("code", "dhan")]


async def test_a_refusal_offers_one_more_attempt_and_says_what_is_at_risk(stage):
    stage.tokens.outcome = LoginRejected("the PIN was refused")
    stage.tokens.statuses["dhan"] = HELD_BACK

    await stage.hears(ADMIN, "/refresh dhan")

    assert "the PIN was refused" in stage.telegram.last()
    assert "may lock the account" in stage.telegram.last()
    await stage.press(ADMIN, stage.telegram.buttons()[0]["callback_data"])
    assert stage.tokens.done("refresh")[-1] == ("refresh", "dhan", "admin", False, True)


async def test_a_risk_is_taken_without_the_question_about_a_good_token(stage):
    stage.tokens.statuses["dhan"] = HELD_BACK
    stage.tokens.until["dhan"] = NOW + timedelta(hours=20)

    await stage.press(ADMIN, stage.signed("force"))

    assert stage.tokens.calls == [("refresh", "dhan", "admin", False, True)]


async def test_an_old_risk_button_forces_nothing_once_nothing_is_held_back(stage):
    stage.tokens.until["dhan"] = NOW + timedelta(hours=20)

    await stage.press(ADMIN, stage.signed("force"))

    assert stage.tokens.calls == []
    assert "A new login ends it in every program" in stage.telegram.last()
    await stage.press(ADMIN, stage.signed("force", "dhan-wife"))
    assert stage.tokens.calls == [("refresh", "dhan-wife", "admin", False, False)]


@pytest.mark.parametrize("error", [LoginRejected("the PIN was refused"), BrokerUnreachable("Dhan did not answer")])
async def test_a_failure_says_that_the_token_there_is_stays_good(stage, error):
    stage.tokens.outcome = error
    stage.tokens.statuses["dhan"] = status_of("dhan", expires_at=NOW + timedelta(hours=20))

    await stage.hears(ADMIN, "/refresh dhan")

    assert "The token it has stays good until 04:45 tomorrow (in 20 h)." in plain(stage.telegram.last())


@pytest.mark.parametrize("state", [State.REJECTED, State.EXPIRED, State.MISSING])
async def test_a_failure_promises_nothing_of_a_token_that_is_dead(stage, state):
    stage.tokens.outcome = BrokerUnreachable("Dhan did not answer")
    stage.tokens.statuses["dhan"] = status_of("dhan", state)

    await stage.hears(ADMIN, "/refresh dhan")

    assert "stays good" not in stage.telegram.last()


async def test_an_account_that_is_held_back_can_be_forced(stage):
    stage.tokens.outcome = RateLimited("not now")
    stage.tokens.statuses["dhan"] = HELD_BACK

    await stage.hears(ADMIN, "/refresh dhan")

    assert "risk" in stage.telegram.buttons()[0]["text"]


async def test_an_outage_offers_no_risk(stage):
    stage.tokens.outcome = BrokerUnreachable("Dhan did not answer")

    await stage.hears(ADMIN, "/refresh dhan")

    assert "Nothing was refused" in stage.telegram.last()
    assert stage.telegram.buttons() == []


async def test_a_command_sent_while_the_bot_was_away_is_a_question(stage):
    await stage.hears(ADMIN, "/refresh dhan", at=AWAY)
    await stage.hears(ADMIN, "/refresh all", at=AWAY)
    await stage.hears(ADMIN, "/pause dhan", at=AWAY)
    await stage.hears(ADMIN, "/resume dhan", at=AWAY)
    await stage.hears(ADMIN, "/totp dhan", at=AWAY)
    await stage.hears(ADMIN, "/refresh dhan value", at=AWAY)

    assert stage.tokens.calls == []
    assert all("14 min ago" in said for said in stage.telegram.texts())
    assert all("value" not in said for said in stage.telegram.texts())


async def test_the_question_about_a_late_command_can_be_answered(stage):
    await stage.hears(ADMIN, "/pause dhan", at=AWAY)
    await stage.press(ADMIN, stage.telegram.buttons()[0]["callback_data"])

    assert stage.tokens.calls == [("pause", "dhan")]


async def test_reading_and_locking_are_obeyed_however_late(stage):
    await stage.hears(ADMIN, "/status", at=AWAY)
    await stage.hears(ADMIN, "/lock", at=AWAY)

    assert "dhan" in stage.telegram.texts()[0]
    assert stage.tokens.calls == [("lock",)]


async def test_all_leaves_out_what_needs_nothing_and_tells_of_each_of_the_others():
    people = {"a": MINE, "b": MINE, "c": MINE, "d": MINE}
    async with a_stage(people) as stage:
        stage.tokens.until["a"] = NOW + timedelta(hours=20)
        granted = Refreshed("b", NOW + timedelta(hours=24), "login", 1.0, True)
        stage.tokens.outcome = {"b": granted, "c": CONSENT, "d": LoginRejected("PIN <refused>")}
        stage.tokens.statuses["d"] = status_of("d", held_back="PIN <refused>")
        await stage.hears(ADMIN, "/refresh all")

    assert {call[1] for call in stage.tokens.done("refresh")} == {"b", "c", "d"}
    [summary] = stage.telegram.of("editMessageText")
    assert "left out" in summary["text"].splitlines()[0]
    assert "PIN &lt;refused&gt;" in summary["text"]
    assert "Take the risk: try d once" in summary["reply_markup"]
    asked = stage.telegram.of("sendMessage")[-1]
    assert json.loads(asked["reply_markup"])["inline_keyboard"][0][0]["url"] == CONSENT.url
    assert stage.tokens.done("asked")[0][1] == "c"


async def test_a_surprise_in_one_account_does_not_hide_the_others():
    async with a_stage({"a": MINE, "b": MINE}) as stage:
        stage.tokens.outcome = {"a": ValueError("s3cret")}
        await stage.hears(ADMIN, "/refresh all")

    assert "<b>b</b>: new token" in stage.telegram.last()
    assert "s3cret" not in str(stage.telegram.sent)


async def test_a_value_leaves_the_chat_before_it_is_used(stage):
    await stage.hears(ADMIN, "/refresh dhan https://x.test/?tokenId=abc")

    assert stage.telegram.sent[0] == ("deleteMessage", {"chat_id": str(ADMIN), "message_id": "77"})
    assert stage.tokens.done("answer") == [("answer", "dhan", "https://x.test/?tokenId=abc", "admin")]


@pytest.mark.parametrize("typed", ["/refresh dhnn value", "/refresh s3cret", "/refresh all s3cret"])
async def test_a_value_without_a_known_account_is_deleted_and_not_repeated(stage, typed):
    await stage.hears(ADMIN, typed)

    assert stage.telegram.sent[0][0] == "deleteMessage"
    assert stage.tokens.calls == []
    assert "there is no such account" in stage.telegram.last()
    assert "s3cret" not in stage.telegram.last()


async def test_a_progress_message_that_was_deleted_is_no_reason_to_be_silent(stage):
    stage.telegram.refuses["editMessageText"] = 400, "Bad Request: message to edit not found"

    await stage.hears(ADMIN, "/refresh dhan")

    assert "new token" in stage.telegram.of("sendMessage")[-1]["text"]


async def test_an_edit_that_changes_nothing_is_no_failure(stage):
    stage.telegram.refuses["editMessageText"] = 400, "Bad Request: message is not modified"

    await stage.hears(ADMIN, "/refresh dhan")

    assert len(stage.telegram.of("sendMessage")) == 1


async def test_a_reply_telegram_did_not_take_is_not_sent_again(stage):
    stage.telegram.refuses["sendMessage"] = 502, "Bad Gateway"

    await stage.hears(ADMIN, "/status")

    assert len(stage.telegram.sent) == 1


async def test_an_edit_that_timed_out_goes_once_more_and_a_message_does_not(stage):
    stage.telegram.stumbles = {"editMessageText": TimedOut()}
    await stage.hears(ADMIN, "/refresh dhan")
    assert [name for name, _ in stage.telegram.sent] == ["sendMessage", "editMessageText", "editMessageText"]

    stage.telegram.stumbles = {"sendMessage": TimedOut()}
    await stage.hears(ADMIN, "/status")
    assert len(stage.telegram.of("sendMessage")) == 2


async def test_figures_that_do_not_fit_into_one_message_go_on_in_the_next(stage):
    many = [Holding(f"SYMBOL{number}", "NSE", 1, None, None, None) for number in range(200)]
    stage.tokens.figures = {"dhan": Portfolio("dhan", "Dhan", Funds(None, None, None), many, [])}

    await stage.hears(ADMIN, "/account dhan")

    said = stage.telegram.texts()[1:]
    assert len(said) > 1
    assert all(f"SYMBOL{number} " in "".join(map(plain, said)) for number in range(200))
    assert all(units(part) <= LIMIT for part in said)


async def test_logging_out_is_confirmed_and_honest(stage):
    await stage.hears(ADMIN, "/logout dhan")
    assert stage.tokens.calls == []

    await stage.press(ADMIN, stage.telegram.buttons()[0]["callback_data"])

    assert stage.tokens.calls == [("logout", "dhan")]
    assert "lives on at the broker until 17:45" in stage.telegram.last()


async def test_a_word_too_many_is_said(stage):
    await stage.hears(ADMIN, "/pause dhan please")

    assert "a word too many" in stage.telegram.last()
    assert stage.tokens.calls == []


async def test_help_lists_only_what_this_chat_may_do(stage):
    await stage.hears(ADMIN, "/help")
    await stage.hears(VIEWER, "/help")
    await stage.hears(ADMIN, "/help", chat=-500)

    admin, viewer, group = stage.telegram.texts()
    assert "/refresh [account|all]" in admin
    assert "/refresh" not in viewer
    assert "/account" in viewer
    assert "/account" not in group


async def test_where_the_bot_has_a_door_a_tap_is_enough_and_pasting_is_the_second_way():
    async with a_stage(doors={"dhan": text.Door()}) as stage:
        stage.tokens.outcome = CONSENT
        await stage.hears(ADMIN, "/refresh dhan")
        by_link = plain(stage.telegram.last())
        stage.tokens.outcome = Consent(None, "the six digits of your authenticator app")
        await stage.hears(ADMIN, "/refresh dhan")
        by_code = plain(stage.telegram.last())

    assert "the page you land on says when it is done" in by_link
    assert "No page? Tap “Refresh dhan” for a fresh link, or send me the address you land on" in by_link
    assert "This works until 08:55" in by_link
    assert "Send me the six digits" in by_code
