from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest
from telegram import Update

from bot.polling import ALLOWED_UPDATES, Rival
from tests.unit.polling.live import NOON, QUICK, running
from tests.unit.polling.stand_in import HALF, HANG, TOKEN, StandIn, good, html, message, reply, status
from tests.waiting import until

CONFLICT = status(409, "Conflict: terminated by other getUpdates request")

FAULTS = {
    "401": [status(401, "Unauthorized")] * 3,
    "404": [status(404, "Not Found")] * 3,
    "one 409": [CONFLICT],
    "429": [status(429, "Too Many Requests: retry after 1", retry_after=1)],
    "403": [status(403, "Forbidden")],
    "500": [status(500, "Internal Server Error")] * 3,
    "502 in HTML": [html()] * 3,
    "200 in HTML": [html(200)],
    "half a body": [HALF] * 3,
    "a list": [reply(200, b"[]")],
    "a number": [reply(500, b"1")],
    "no result": [reply(200, b'{"ok": true}')],
    "a result that is no list": [good(5)],
    "updates that are none": [good(["x", 7, None, {"update_id": "1"}])],
    "nothing for too long": [HANG],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
async def test_the_bot_comes_back_by_itself_from(faults: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    async with StandIn() as api, running(api, replace(QUICK, poll=0, reply=0.3, most_flood=0.05)) as bot:
        await until(bot.poller.reached.is_set)
        api.fail("getUpdates", *faults)
        api.say(message(5, "/status"))
        await until(lambda: bot.seen)

    assert bot.seen == [5]
    assert TOKEN not in caplog.text
    assert "Bad Gateway" not in caplog.text


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
async def test_the_bot_starts_by_itself_after(faults: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    async with StandIn() as api:
        api.fail("getMe", *faults)
        api.say(message(5))
        async with running(api, replace(QUICK, poll=0, reply=0.3, most_flood=0.05)) as bot:
            await until(lambda: bot.seen)

    assert bot.seen == [5]
    assert TOKEN not in caplog.text


async def test_a_telegram_that_is_away_at_start_is_waited_for() -> None:
    api = StandIn()
    await api.up()
    await api.down()
    api.say(message(5))
    async with running(api) as bot:
        await asyncio.sleep(0.1)
        assert not bot.poller.reached.is_set()
        assert bot.poller.last_good is None
        await api.up()
        await until(lambda: bot.seen)
    await api.down()

    assert bot.seen == [5]
    assert bot.poller.last_good == NOON


async def test_a_telegram_that_goes_away_is_waited_for() -> None:
    api = StandIn()
    await api.up()
    async with running(api) as bot:
        await until(bot.poller.reached.is_set)
        await api.down()
        await asyncio.sleep(0.1)
        api.say(message(5))
        await api.up()
        await until(lambda: bot.seen)
    await api.down()

    assert bot.seen == [5]


async def test_a_refused_token_is_said_loudly_and_once(caplog: pytest.LogCaptureFixture) -> None:
    async with StandIn() as api:
        api.always["getMe"] = status(401, "Unauthorized")
        async with running(api) as bot:
            await until(lambda: api.count("getMe") > 3)
            assert bot.poller.refused_since is not None
            del api.always["getMe"]
            await until(lambda: bot.poller.refused_since is None)

    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "telegram_bot_token" in errors[0]


async def test_an_update_that_cannot_be_parsed_loses_none_of_the_others(caplog: pytest.LogCaptureFixture) -> None:
    poison: dict[str, Any] = {"update_id": 6, "message": {"message_id": "my PIN is 4711"}}
    async with StandIn() as api, running(api) as bot:
        await until(bot.poller.reached.is_set)
        api.say(message(5, "a"), poison, message(7, "b"), {"nonsense": 1}, message(8, "c"))
        await until(lambda: 8 in bot.seen)
        api.say(message(9, "d"))
        await until(lambda: 9 in bot.seen)

    assert bot.seen == [5, 6, 7, 8, 9]
    assert bot.texts == ["a", None, "b", "c", "d"]
    assert "update 6" in caplog.text
    assert "4711" not in caplog.text


async def test_only_the_kinds_of_updates_that_are_used_are_asked_for() -> None:
    async with StandIn() as api, running(api):
        await until(lambda: api.count("getUpdates"))

    asked = next(fields for name, fields in api.calls if name == "getUpdates")
    assert asked["allowed_updates"] == str(list(ALLOWED_UPDATES)).replace("'", '"')


async def test_what_arrived_is_confirmed_at_the_stop() -> None:
    async with StandIn() as api:
        async with running(api) as bot:
            api.say(message(5))
            await until(lambda: bot.seen)
        async with running(api) as next_bot:
            await until(lambda: next_bot.poller.last_good)
            api.say(message(6))
            await until(lambda: next_bot.seen)

    assert next_bot.seen == [6]


# Somebody else with the same token.


async def test_a_second_poller_is_told_once_and_its_end_too() -> None:
    async with StandIn() as api, running(api) as bot:
        await until(bot.poller.reached.is_set)
        api.fail("getUpdates", *[CONFLICT] * 6)
        api.say(message(5))
        await until(lambda: bot.rivals)
        assert bot.poller.rival is Rival.POLLER
        await until(lambda: None in bot.rivals)

    assert bot.seen == [5]
    assert bot.rivals == [Rival.POLLER, None]
    assert bot.poller.conflicts == 6


async def test_a_single_conflict_is_no_rival() -> None:
    async with StandIn() as api:
        api.fail("getUpdates", CONFLICT)
        api.say(message(5))
        async with running(api) as bot:
            await until(lambda: bot.seen)

    assert bot.rivals == []


async def test_a_foreign_webhook_is_removed_and_told() -> None:
    async with StandIn() as api:
        api.webhook = "https://thief.example/hook"
        api.say(message(5))
        async with running(api) as bot:
            await until(lambda: bot.seen)

    assert bot.rivals[0] is Rival.WEBHOOK
    assert bot.seen == [5]
    assert ("deleteWebhook", {"drop_pending_updates": "false"}) in api.calls


async def test_a_failure_to_tell_of_a_rival_does_not_end_the_fetching() -> None:
    def broken(_: object) -> None:
        raise OSError("the disk is full")

    async with StandIn() as api, running(api, on_rival=broken) as bot:
        api.fail("getUpdates", *[CONFLICT] * 3)
        api.say(message(5))
        await until(lambda: bot.seen)

    assert bot.seen == [5]


# Order.


async def test_a_command_that_was_answered_and_works_on_does_not_hold_up_its_user() -> None:
    never = asyncio.Event()

    async def log_in(update: Update, _: object) -> None:
        if update.message and update.message.text == "/refresh":
            await update.message.reply_text("logging in …")
            await never.wait()

    async with StandIn() as api, running(api, handler=log_in) as bot:
        api.say(message(5, "/refresh"), message(6, "/refresh"), message(7, "/status"))
        await until(lambda: bot.seen == [5, 6, 7])

    assert api.count("sendMessage") == 2


async def test_a_flood_limit_of_one_chat_holds_up_no_other() -> None:
    async with StandIn() as api, running(api) as bot:
        await until(bot.poller.reached.is_set)
        api.fail("sendMessage", status(429, "Too Many Requests: retry after 30", retry_after=30))
        flooded = asyncio.create_task(bot.poller.application.bot.send_message(-100, "to the group"))
        await until(lambda: api.count("sendMessage") == 1)

        await bot.poller.application.bot.send_message(7, "to the admin")

        assert not flooded.done()
        flooded.cancel()


# Stopping.


async def test_the_bot_stops_while_telegram_hangs() -> None:
    async with StandIn() as api, running(api) as bot:
        await until(bot.poller.reached.is_set)
        api.always["getUpdates"] = HANG
        api.say(message(5))

    assert not bot.poller.application.running


async def test_the_bot_stops_while_telegram_has_never_answered() -> None:
    async with StandIn() as api:
        api.always["getMe"] = HANG
        async with running(api) as bot:
            await until(lambda: api.calls)

    assert not bot.poller.application.running


async def test_a_command_that_hangs_does_not_hold_up_the_stop() -> None:
    ended: list[str] = []

    async def hang(*_: object) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cut off")

    async with StandIn() as api, running(api, handler=hang) as bot:
        api.say(message(5), message(6), message(7, user=8))
        await until(lambda: len(bot.seen) == 2)

    assert ended == ["cut off", "cut off"]


async def test_a_command_that_is_nearly_done_may_finish_at_the_stop() -> None:
    ended: list[str] = []

    async def work(*_: object) -> None:
        await asyncio.sleep(0.05)
        ended.append("finished")

    async with StandIn() as api, running(api, handler=work) as bot:
        api.say(message(5))
        await until(lambda: bot.seen)

    assert ended == ["finished"]
