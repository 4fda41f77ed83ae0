"""What the admin sends that is no command, and the codes the bot shows."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from telegram.error import BadRequest

from brokers import CodeRejected, ConsentRejected, KunjiError
from handlers.tokens import OpenQuestion
from tests.unit.handlers.markup import plain
from tests.unit.handlers.stage import ADMIN, NOW, VIEWER, a_stage, message_from, status_of

PASTED = "https://lands.test/?tokenId=s3cret"
DHAN = OpenQuestion("dhan", "the address you land on", 500, ADMIN)
WIFE = OpenQuestion("dhan-wife", "the address you land on", 501, ADMIN)
FOREIGN = OpenQuestion("hidden", "the address you land on", 502, ADMIN)


async def test_an_answer_leaves_the_chat_and_reaches_the_one_broker_it_fits(stage):
    stage.tokens.waiting, stage.tokens.fits = [DHAN, WIFE], {"dhan": "a code was expected"}

    await stage.hears(ADMIN, PASTED)

    assert stage.telegram.sent[0] == ("deleteMessage", {"chat_id": str(ADMIN), "message_id": "77"})
    assert stage.tokens.done("answer") == [("answer", "dhan-wife", PASTED, "admin")]
    assert "s3cret" not in str(stage.telegram.sent)


async def test_a_reply_is_for_the_account_that_asked(stage):
    stage.tokens.waiting = [DHAN, WIFE]

    await stage.hears(ADMIN, "123456", reply_to_message=message_from(42, "log in", chat=ADMIN, number=501))

    assert stage.tokens.calls == [
        ("accepts", "dhan-wife"),
        ("accepts", "dhan-wife"),
        ("answer", "dhan-wife", "123456", "admin"),
    ]


async def test_a_reply_that_does_not_fit_goes_nowhere_else(stage):
    stage.tokens.waiting, stage.tokens.fits = [DHAN, WIFE], {"dhan": "the address of the login page itself was sent"}

    await stage.hears(ADMIN, PASTED, reply_to_message=message_from(42, "log in", chat=ADMIN, number=500))

    assert stage.tokens.done("answer") == []
    assert "the address of the login page itself was sent" in stage.telegram.last()


async def test_where_two_fit_the_admin_decides(stage):
    stage.tokens.waiting = [DHAN, WIFE]

    await stage.hears(ADMIN, PASTED)
    first, second = stage.telegram.buttons()
    assert stage.tokens.done("answer") == []
    await stage.press(ADMIN, second["callback_data"])
    await stage.press(ADMIN, first["callback_data"])

    assert stage.tokens.done("answer") == [("answer", "dhan-wife", PASTED, "admin")]
    assert "no longer have" in stage.telegram.last()


async def test_the_buttons_of_an_earlier_value_do_not_pass_on_a_later_one(stage):
    stage.tokens.waiting = [DHAN, WIFE]

    await stage.hears(ADMIN, PASTED)
    early = stage.telegram.buttons()[0]["callback_data"]
    marks = {early.rsplit(":", 1)[1]}
    while len(marks) < 2:  # a mark has one byte, so it may come again
        await stage.hears(ADMIN, "another value")
        marks.add(stage.telegram.buttons()[0]["callback_data"].rsplit(":", 1)[1])
    await stage.press(ADMIN, early)

    assert stage.tokens.done("answer") == []


async def test_a_value_is_not_kept_for_long(stage):
    stage.tokens.waiting = [DHAN, WIFE]
    await stage.hears(ADMIN, PASTED)
    data = stage.telegram.buttons()[0]["callback_data"]

    stage.time[0] += timedelta(minutes=3)
    await stage.press(ADMIN, data)

    assert stage.tokens.done("answer") == []


@pytest.mark.parametrize("text", ["good morning", "x" * 5000, "😀🔑", "123456"])
async def test_with_nothing_open_there_is_one_sentence(stage, text):
    await stage.hears(ADMIN, text)

    assert stage.telegram.sent[0][0] == "deleteMessage"
    assert len(stage.telegram.texts()) == 1
    assert "No login waits for an answer" in stage.telegram.last()


@pytest.mark.parametrize("text", ["x" * 5000, "😀🔑"])
async def test_nonsense_for_an_open_login_gets_one_sentence(stage, text):
    stage.tokens.waiting, stage.tokens.fits = [DHAN], {"dhan": "that is no address"}

    await stage.hears(ADMIN, text)

    assert len(stage.telegram.texts()) == 1
    assert stage.tokens.done("answer") == []


async def test_logins_of_other_people_are_not_answered(stage):
    stage.tokens.waiting = [FOREIGN]

    await stage.hears(ADMIN, PASTED)

    assert stage.tokens.calls == []


async def test_a_viewers_words_are_no_answer(stage):
    stage.tokens.waiting = [DHAN]

    await stage.hears(VIEWER, PASTED)

    assert stage.tokens.calls == []


async def test_while_somebody_else_reads_the_messages_nothing_is_taken(stage):
    stage.tokens.waiting, stage.tokens.has_rival = [DHAN], True

    await stage.hears(ADMIN, PASTED)
    await stage.hears(ADMIN, f"/refresh dhan {PASTED}")
    await stage.hears(ADMIN, "/totp dhan")

    assert stage.tokens.calls == []
    assert len(stage.telegram.texts()) == 3
    assert all("Another program reads" in said for said in stage.telegram.texts())
    assert len(stage.telegram.of("deleteMessage")) == 2


async def test_a_value_that_waited_for_a_choice_is_not_passed_on_once_somebody_else_reads_the_messages(stage):
    stage.tokens.waiting = [DHAN, WIFE]
    await stage.hears(ADMIN, PASTED)
    stage.tokens.has_rival = True

    await stage.press(ADMIN, stage.telegram.buttons()[0]["callback_data"])

    assert stage.tokens.done("answer") == []
    assert "Another program reads" in stage.telegram.last()


async def test_a_locked_bot_takes_no_answer(stage):
    stage.tokens.waiting, stage.tokens.is_locked = [DHAN], True

    await stage.hears(ADMIN, PASTED)

    assert stage.tokens.calls == []
    assert "kunji unlock" in stage.telegram.last()


async def test_where_it_cannot_be_read_whether_the_bot_is_locked_no_answer_is_taken(stage):
    stage.tokens.waiting, stage.tokens.is_locked = [DHAN], KunjiError("the store is damaged")
    stage.telegram.refuses["deleteMessage"] = 400, "Bad Request: message can't be deleted"

    await stage.hears(ADMIN, PASTED)

    assert stage.tokens.calls == []
    assert "the store is damaged" in stage.telegram.last()
    assert "delete it yourself" in stage.telegram.last()


async def test_a_message_that_cannot_be_deleted_is_said_to_be_there(stage):
    stage.tokens.waiting = [DHAN]
    stage.telegram.refuses["deleteMessage"] = 400, "Bad Request: message can't be deleted"

    await stage.hears(ADMIN, PASTED)

    assert stage.tokens.done("answer")
    assert "delete it yourself" in stage.telegram.last()


async def test_a_failed_exchange_says_what_to_do(stage):
    stage.tokens.waiting, stage.tokens.exchanged = [DHAN], ConsentRejected("this address was used before")

    await stage.hears(ADMIN, PASTED)

    assert "this address was used before" in stage.telegram.last()
    assert "Send /refresh to begin this login again." in stage.telegram.last()


async def test_a_picture_gets_one_sentence_and_a_service_message_none(stage):
    await stage.hears(ADMIN, None, photo=[{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}])
    await stage.hears(ADMIN, None, delete_chat_photo=True)

    assert len(stage.telegram.texts()) == 1


async def test_a_code_is_hidden_protected_and_gone_when_it_is_over(stage):
    await stage.hears(ADMIN, "/totp dhan")  # the fake's code is over at once
    shown = stage.telegram.of("sendMessage")[0]
    for _ in range(20):
        await asyncio.sleep(0)
        if stage.telegram.of("deleteMessage"):
            break

    assert "<tg-spoiler><code>123456</code></tg-spoiler>" in shown["text"]
    assert shown["protect_content"] == "true"
    assert '"copy_text": {"text": "123456"}' in shown["reply_markup"]
    assert stage.telegram.of("deleteMessage")


async def test_codes_can_be_kept_out_of_the_chat():
    async with a_stage(totp_in_chat=False) as stage:
        await stage.hears(ADMIN, "/totp dhan")

    assert stage.tokens.calls == []
    assert "kunji totp" in stage.telegram.last()


async def test_after_a_pasted_answer_the_message_that_asked_says_so_and_has_no_button(stage):
    stage.tokens.waiting = [DHAN, WIFE]
    stage.tokens.fits["dhan-wife"] = "not mine"

    await stage.hears(ADMIN, PASTED)

    [settled] = [one for one in stage.telegram.of("editMessageText") if int(one["message_id"]) == DHAN.message]
    assert "you logged in" in settled["text"]
    assert "reply_markup" not in settled
    assert not [one for one in stage.telegram.of("editMessageText") if int(one["message_id"]) == WIFE.message]
    assert "new token" in stage.telegram.last()


async def test_after_a_pasted_answer_that_was_refused_the_message_that_asked_stays(stage):
    stage.tokens.waiting = [DHAN]
    stage.tokens.exchanged = ConsentRejected("the code was used")

    await stage.hears(ADMIN, PASTED)

    assert not [one for one in stage.telegram.of("editMessageText") if int(one["message_id"]) == DHAN.message]


async def test_a_message_that_asked_and_is_gone_changes_nothing(stage):
    stage.tokens.waiting = [DHAN]
    stage.telegram.stumbles["editMessageText"] = BadRequest("Message to edit not found")

    await stage.hears(ADMIN, PASTED)

    assert "new token" in stage.telegram.last()


async def test_after_a_refused_code_the_next_one_is_asked_for(stage):
    stage.tokens.waiting = [DHAN]
    stage.tokens.exchanged = CodeRejected("the code was refused", hint="did your app still show it?")

    await stage.hears(ADMIN, "123456")

    said = plain(stage.telegram.last())
    assert said.startswith("❌ dhan: the code was refused\n→ did your app still show it?")
    assert said.endswith(
        "Send the next six digits that your app shows. If they are refused, too, I stop, so that nothing is locked."
    )
    assert stage.telegram.buttons() == []


@pytest.mark.parametrize("error", [CodeRejected("the code was refused"), KunjiError("no further login is tried")])
async def test_once_codes_are_held_back_the_risk_and_its_button_come_with_the_sentence(stage, error):
    stage.tokens.waiting, stage.tokens.exchanged = [DHAN], error
    stage.tokens.statuses["dhan"] = status_of("dhan", held_back="the code was refused")

    await stage.hears(ADMIN, "123456")

    said = plain(stage.telegram.last())
    assert "may lock the account" in said
    assert "next six digits" not in said
    assert ("What you sent was not passed on" in said) is not isinstance(error, CodeRejected)
    await stage.press(ADMIN, stage.telegram.buttons()[0]["callback_data"])
    assert stage.tokens.done("refresh") == [("refresh", "dhan", "admin", False, True)]


async def test_an_answer_that_fails_says_that_the_token_there_is_stays_good(stage):
    stage.tokens.waiting, stage.tokens.exchanged = [DHAN], ConsentRejected("that was used before")
    stage.tokens.statuses["dhan"] = status_of("dhan", expires_at=NOW + timedelta(hours=20))

    await stage.hears(ADMIN, PASTED)

    assert "The token it has stays good until 04:45 tomorrow (in 20 h)." in plain(stage.telegram.last())
