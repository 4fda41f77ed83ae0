"""A Telegram that is away, slow, rude, or somebody else's: every alert arrives, in order, with its age, once."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox import Telegram
from bot.store import open_store
from tests.e2e.house import ADMIN, CLIENT, MONDAY, SUNDAY, VIEWER, House, house
from tests.waiting import eventually

REPEAT = "possibly a repeat"
LOGIN = "generateAccessToken"

AWAY: dict[str, Callable[[Telegram], None]] = {
    "refuses": lambda telegram: telegram.down(),
    "resets": lambda telegram: telegram.down("reset"),
    "answers 502": lambda telegram: telegram.bad_gateway(times=None),
    "answers 401": lambda telegram: telegram.fail(status=401, times=None),
    "hangs": lambda telegram: telegram.hang(times=None),
}


def is_back(telegram: Telegram) -> None:
    telegram.up()
    telegram.heal()


def waiting(home: House) -> set[str]:
    """The kinds of alerts that Telegram has not taken yet."""
    with closing(open_store(home.folder, environment={})) as store:
        return {alert.kind for _, item in store.queued() for alert in item.alerts}


def a_morning(home: House) -> None:
    """Somebody is asked to log in, a login comes by itself, the accounts are proved; then it is a quarter to three."""
    for minute, kind in ((15, "ask"), (45, "refreshed"), (55, "proof")):
        home.at(MONDAY.replace(hour=8, minute=minute, second=1))
        eventually(lambda kind=kind: kind in waiting(home))  # type: ignore[misc]
    home.at(MONDAY.replace(hour=14, minute=45))


def alerts_of_the_morning(home: House) -> list[str]:
    kinds = ("please log in", "refreshed by itself", "Ready for the market", "Not ready")
    return [text for text in home.texts() if any(kind in text for kind in kinds)]


@pytest.mark.long
@pytest.mark.parametrize("at_the_start", [False, True], ids=["in between", "at the start"])
@pytest.mark.parametrize("how", AWAY)
def test_what_happened_while_telegram_was_away_is_told_in_order_with_its_age_and_once(
    tmp_path: Path, how: str, at_the_start: bool
) -> None:
    with house(tmp_path, MONDAY) as home:
        home.auto()
        home.assisted()
        telegram = home.sandbox.telegram
        if at_the_start:
            AWAY[how](telegram)
            home.start(wait=False)
        else:
            home.start()
            home.says("/status", "dhan")
            AWAY[how](telegram)
        a_morning(home)
        is_back(telegram)

        home.sees("Not ready", timeout=60)
        home.says("/status", "dhan", timeout=60)

        login, proof = told = alerts_of_the_morning(home)  # the proof asks, too, so what asked before it is not sent
        assert "refreshed by itself" in login
        assert "Not ready: 1 of 2" in proof
        assert all("late" in text for text in told)


@pytest.mark.long
@pytest.mark.parametrize("how", ["answers 500", "answers a page", "resets", "asks for a second", "answers 401"])
def test_an_alert_that_telegram_did_not_take_arrives_once(tmp_path: Path, how: str) -> None:
    with house(tmp_path, MONDAY) as home:
        home.auto()
        home.start()
        home.says("/status", "dhan")
        telegram = home.sandbox.telegram
        match how:
            case "answers 500":
                telegram.fail("sendMessage", 500, times=2)
            case "answers a page":
                telegram.bad_gateway("sendMessage", times=2)
            case "resets":
                telegram.reset("sendMessage", times=2)
            case "asks for a second":
                telegram.flood("sendMessage", retry_after=1)
            case "answers 401":
                telegram.fail("sendMessage", 401, times=2)

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        home.sees("refreshed by itself", timeout=30)
        home.at(MONDAY.replace(hour=8, minute=55, second=1))
        home.sees("Ready for the market", timeout=30)

        assert len(alerts_of_the_morning(home)) == 2


@pytest.mark.long
@pytest.mark.parametrize("how", ["cut", "lose"])
def test_an_alert_whose_answer_was_lost_may_come_again_and_then_says_so(tmp_path: Path, how: str) -> None:
    with house(tmp_path, MONDAY) as home:
        home.auto()
        home.start()
        home.says("/status", "dhan")
        getattr(home.sandbox.telegram, how)("sendMessage")

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        home.sees("refreshed by itself")
        home.at(MONDAY.replace(hour=8, minute=55, second=1))
        home.sees("Ready for the market", timeout=30)

        first, *more, _proof = alerts_of_the_morning(home)
        assert REPEAT not in first
        assert len(more) <= 1
        assert all(REPEAT in text for text in more)


@pytest.mark.long
def test_a_telegram_that_takes_messages_in_and_never_answers_loses_no_alert(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        home.auto()
        home.start()
        home.says("/status", "dhan")
        telegram = home.sandbox.telegram
        sent = telegram.calls("sendMessage")
        telegram.hang("sendMessage", times=2)

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        telegram.wait_calls("sendMessage", sent + 2, 40)
        home.at(MONDAY.replace(hour=8, minute=55, second=1))
        home.sees("Ready for the market", timeout=40)

        login, _proof = alerts_of_the_morning(home)
        assert "refreshed by itself" in login


@pytest.mark.long
def test_a_flood_wait_of_thirty_five_seconds_holds_up_one_chat_and_loses_nothing(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        home.auto()
        home.start()
        home.says("/status", "dhan")
        home.sandbox.telegram.flood("sendMessage", retry_after=35)

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        home.sandbox.dhan.wait_calls(LOGIN, 1, 15)
        home.sandbox.telegram.wait_calls("sendMessage", 2, 15)
        home.says("/status", "dhan", chat=VIEWER)
        home.at(MONDAY.replace(hour=8, minute=55, second=1))

        home.sees("Ready for the market", timeout=60)
        login, proof = alerts_of_the_morning(home)
        assert "refreshed by itself" in login
        assert "Ready for the market" in proof


def test_commands_typed_while_the_bot_was_away_are_answered_and_a_refresh_is_asked_about(tmp_path: Path) -> None:
    with house(tmp_path, SUNDAY) as home:
        home.auto()
        home.sandbox.telegram.say(ADMIN, "/refresh dhan")
        home.sandbox.telegram.say(ADMIN, "/status")
        home.sandbox.clock.advance(180)
        home.start()

        asked = home.sees("ago")
        home.sees("no token")
        assert home.sandbox.dhan.calls(LOGIN) == 0

        home.sandbox.telegram.press(ADMIN, asked.id, 0)
        home.sees("new token")
        assert home.sandbox.dhan.attempts(CLIENT) == {"granted": 1, "refused": 0}


@pytest.mark.long
def test_a_refresh_typed_a_minute_ago_is_obeyed(tmp_path: Path) -> None:
    with house(tmp_path, SUNDAY) as home:
        home.auto()
        home.sandbox.telegram.say(ADMIN, "/refresh dhan")
        home.sandbox.clock.advance(60)
        home.start()

        home.sees("new token")


def poll_as_somebody_else(home: House) -> None:
    telegram = home.sandbox.telegram
    request = urllib.request.Request(
        f"{home.sandbox.telegram_url}/bot{telegram.token}/getUpdates",
        json.dumps({"timeout": 0}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert json.load(reply)["ok"]


@pytest.mark.long
def test_a_second_poller_is_told_of_once_and_commands_are_still_answered(tmp_path: Path) -> None:
    with house(tmp_path, SUNDAY) as home:
        home.auto()
        home.start()
        telegram = home.sandbox.telegram
        for _ in range(4):
            polls = telegram.calls("getUpdates")
            poll_as_somebody_else(home)
            telegram.wait_calls("getUpdates", polls + 2, 15)

        home.sees("Another program reads")
        home.says("/status", "dhan", timeout=30)

        assert sum("Another program" in text for text in home.texts()) == 1


@pytest.mark.long
def test_a_foreign_webhook_is_removed_and_told_of(tmp_path: Path) -> None:
    with house(tmp_path, SUNDAY) as home:
        home.auto()
        home.start()
        home.sandbox.telegram.set_webhook("https://stranger.example/hook")

        home.sees("Another program has a webhook", timeout=30)
        home.says("/status", "dhan", timeout=30)


@pytest.mark.long
def test_poison_among_commands_keeps_none_of_them_from_being_answered_once(tmp_path: Path) -> None:
    with house(tmp_path, SUNDAY) as home:
        home.auto()
        telegram = home.sandbox.telegram
        for text in ("/status", "/help", "/history"):
            telegram.poison()
            telegram.say(ADMIN, text)
        telegram.inject({"message": "not even an object"})
        telegram.inject({"unheard_of": {"id": 1}})
        home.start()

        telegram.say(ADMIN, "/status")

        eventually(lambda: sum("no token" in text for text in home.texts()) == 2)
        assert telegram.waiting_updates() <= 1


@pytest.mark.long
def test_telegram_away_over_a_restart_loses_nothing(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        home.auto()
        home.start()
        home.sandbox.telegram.down()
        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        home.sandbox.dhan.wait_calls("profile", 1, 15)
        home.process_settles()
        assert home.end() == 0
        home.start(wait=False)
        home.process_settles()
        home.sandbox.clock.advance(timedelta(minutes=5).total_seconds())
        home.sandbox.telegram.up()

        late = home.sees("refreshed by itself", timeout=60)

        assert "late" in late.text
        assert len(alerts_of_the_morning(home)) == 1
