"""Updates that Telegram brings: taken once, in order, and only while somebody is there to work on them."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from telegram import Update
from telegram.ext import TypeHandler

from bot.polling import ALLOWED_UPDATES, Hook, Rival, Turn, Webhook
from tests.unit.polling.live import NOON, QUICK, Bot, application, running
from tests.unit.polling.stand_in import StandIn, good, html, message, status
from tests.unit.polling.test_turn import Shift
from tests.waiting import until

HOOK = Hook.derived(lambda purpose: hmac.digest(b"key", purpose.encode(), "sha256"))
URL = "https://kunji.example"
OURS = HOOK.address(URL)
REFUSED = status(400, "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
LOOKS = replace(QUICK, look=0.02)


class Hooked(Bot):
    poller: Webhook  # type: ignore[assignment]

    def brings(self, *updates: object) -> list[bool]:
        return [self.poller.take(update) for update in updates]


@asynccontextmanager
async def hooked(api: StandIn, *, set_already: bool = True, turn: Turn | None = None) -> AsyncIterator[Hooked]:
    """A bot that runs until the block ends. With `set_already` it begins once the webhook is set."""
    app, rivals = application(api), list[Rival | None]()
    line = Webhook(app, now=lambda: NOON, on_rival=rivals.append, turn=turn, waits=LOOKS, hook=HOOK, public_url=URL)
    bot = Hooked(line, rivals)  # type: ignore[arg-type]

    async def note(update: Update, _: object) -> None:
        bot.seen.append(update.update_id)

    app.add_handler(TypeHandler(Update, note))
    task = asyncio.create_task(line.run(bot.stop))
    try:
        if set_already:
            await until(lambda: api.webhook == OURS)
        yield bot
    finally:
        bot.stop.set()
        async with asyncio.timeout(5):
            await task


async def test_telegram_is_told_where_to_and_by_which_secret() -> None:
    async with StandIn() as api, hooked(api):
        pass

    asked = next(fields for name, fields in api.calls if name == "setWebhook")
    assert asked == {
        "url": OURS,
        "max_connections": "1",
        "allowed_updates": json.dumps(list(ALLOWED_UPDATES)),
        "drop_pending_updates": "false",
        "secret_token": HOOK.token.reveal(),
    }
    assert api.count("getUpdates") == 0


async def test_it_is_told_again_at_every_start_as_the_secret_may_be_another_one() -> None:
    async with StandIn() as api:
        async with hooked(api):
            pass
        async with hooked(api) as bot:
            await until(lambda: api.count("setWebhook") == 2)

    assert bot.rivals == []


@pytest.mark.parametrize("fault", [REFUSED, html(), status(401, "Unauthorized"), status(500, "Oops")])
async def test_setting_it_is_tried_until_it_works(fault: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with StandIn() as api:
        api.fail("setWebhook", *[fault] * 3)
        async with hooked(api) as bot:
            await until(lambda: bot.poller.last_good)

    assert api.count("setWebhook") == 4
    assert HOOK.part.reveal() not in caplog.text


async def test_what_telegram_does_not_like_about_it_is_said_in_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async with StandIn() as api:
        api.fail("setWebhook", *[REFUSED] * 3)
        async with hooked(api):
            pass

    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "https://kunji.example: Bad webhook: webhook can be set up only on ports" in errors[0]


async def test_that_telegram_cannot_reach_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    stuck = {"has_custom_certificate": False, "pending_update_count": 3, "last_error_date": 1_800_000_000}
    async with StandIn() as api, hooked(api):
        api.always["getWebhookInfo"] = good({"url": OURS, "last_error_message": "Connection refused", **stuck})
        looks = api.count("getWebhookInfo")
        await until(lambda: api.count("getWebhookInfo") > looks + 3)

    said = [record.getMessage() for record in caplog.records if "cannot bring" in record.getMessage()]
    assert said == ["Telegram cannot bring updates to https://kunji.example: Connection refused"]


async def test_updates_are_worked_on_in_the_order_in_which_they_came() -> None:
    async with StandIn() as api, hooked(api) as bot:
        assert bot.brings(*(message(number) for number in range(5, 25))) == [True] * 20
        await until(lambda: len(bot.seen) == 20)

    assert bot.seen == list(range(5, 25))
    assert bot.poller.last_good == NOON


async def test_what_comes_again_after_a_slow_answer_is_worked_on_once() -> None:
    async with StandIn() as api, hooked(api) as bot:
        assert bot.brings(message(5), message(6), message(5), message(6), message(7)) == [True] * 5
        await until(lambda: 7 in bot.seen)

    assert bot.seen == [5, 6, 7]


@pytest.mark.parametrize("poison", [5, None, "x", [], {}, {"update_id": "5"}, {"update_id": True}], ids=str)
async def test_what_is_no_update_is_dropped_and_not_brought_for_ever(poison: Any) -> None:
    async with StandIn() as api, hooked(api) as bot:
        assert bot.brings(poison, message(6)) == [True, True]
        await until(lambda: bot.seen)

    assert bot.seen == [6]


async def test_one_that_cannot_be_parsed_is_known_by_its_id_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with StandIn() as api, hooked(api) as bot:
        bot.brings({"update_id": 6, "message": {"message_id": "my PIN is 4711"}}, message(7))
        await until(lambda: 7 in bot.seen)

    assert "update 6 cannot be parsed" in caplog.text
    assert "4711" not in caplog.text


async def test_nothing_is_taken_before_the_start_and_after_the_stop() -> None:
    api = StandIn()
    await api.up()
    await api.down()
    async with hooked(api, set_already=False) as bot:
        early = bot.brings(message(5))
        await api.up()
        await until(lambda: api.webhook == OURS)
        bot.brings(message(6))
        await until(lambda: bot.seen)
    late = bot.brings(message(7))
    await api.down()

    assert (early, late) == ([False], [False])
    assert bot.seen == [6]


async def test_what_comes_when_it_is_somebody_elses_turn_is_to_be_brought_again() -> None:
    shift = Shift()
    async with StandIn() as api, hooked(api, turn=shift) as bot:
        shift.ours = None
        unsure = bot.brings(message(5))
        shift.ours = True
        sure = bot.brings(message(5))
        await until(lambda: bot.seen)

    assert (unsure, sure) == ([False], [True])


async def test_what_was_taken_right_before_the_stop_is_worked_on() -> None:
    async with StandIn() as api, hooked(api) as bot:
        bot.brings(message(5))

    assert bot.seen == [5]


# Somebody else with the same token.


@pytest.mark.parametrize(("theirs", "rival"), [("https://thief.example/hook", Rival.WEBHOOK), ("", Rival.POLLER)])
async def test_somebody_who_changes_it_is_told_of_and_it_is_set_again(theirs: str, rival: Rival) -> None:
    async with StandIn() as api, hooked(api) as bot:
        await until(lambda: bot.poller.last_good)
        api.webhook = theirs
        await until(lambda: bot.rivals == [rival, None])

    assert api.webhook == OURS


async def test_a_foreign_one_at_the_start_is_told_of() -> None:
    async with StandIn() as api:
        api.webhook = "https://thief.example/hook"
        async with hooked(api) as bot:
            await until(lambda: bot.rivals)

    assert bot.rivals[0] is Rival.WEBHOOK


@pytest.mark.parametrize("before", [HOOK.address("https://old.example"), f"{URL}/telegram/of-an-earlier-key"])
async def test_one_of_an_earlier_run_is_no_rival(before: str) -> None:
    async with StandIn() as api:
        api.webhook = before
        async with hooked(api) as bot:
            await until(lambda: bot.poller.last_good)

    assert bot.rivals == []


async def test_whoever_fetches_takes_away_his_own_webhook_of_before_without_a_word() -> None:
    async with StandIn() as api:
        api.webhook = OURS
        api.say(message(5))
        async with running(api, was_ours=HOOK.is_at) as bot:
            await until(lambda: bot.seen)

    assert (api.webhook, bot.rivals, bot.poller.conflicts) == ("", [], 0)


async def test_once_fetching_has_begun_a_webhook_with_our_address_is_somebody_elses_too() -> None:
    """Whoever has the bot token can read the address of an earlier one."""
    async with StandIn() as api, running(api, was_ours=HOOK.is_at) as bot:
        api.say(message(5))
        await until(lambda: bot.seen)
        api.webhook = HOOK.address("https://thief.example")
        await until(lambda: bot.rivals)

    assert bot.rivals[0] is Rival.WEBHOOK
