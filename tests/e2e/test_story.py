"""The story: a trader, a phone, a bot in a process of its own, a broker, and what goes wrong between them."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.house import ADMIN, CLIENT, LANDING, MONDAY, STRANGER, SUNDAY, VIEWER, WIFE, House, house


def test_the_morning_login_comes_by_itself_and_is_proved(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        home.auto()
        home.start()

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        alert = home.sees("refreshed by itself")
        home.at(MONDAY.replace(hour=8, minute=55, second=1))
        proof = home.sees("Ready for the market")

        assert alert.silent
        assert "dhan" in proof.text
        assert home.sandbox.dhan.attempts(CLIENT) == {"granted": 1, "refused": 0}
        assert home.token("dhan") == home.sandbox.dhan.token(CLIENT)


def test_a_consent_is_answered_by_the_pasted_address_which_leaves_the_chat(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.assisted()
        home.start()

        asked = home.says("/refresh", "log in")
        landed = home.sandbox.dhan.approve(home.sandbox.dhan.consents(WIFE)[-1])
        pasted = home.sandbox.telegram.say(ADMIN, landed)
        home.sees("new token", after=asked.event)

        home.sandbox.telegram.wait_gone(ADMIN, pasted)
        assert landed.startswith(LANDING)
        assert home.token("dhan-wife") == home.sandbox.dhan.token(WIFE)


@pytest.mark.long
def test_a_stranger_gets_no_reply_and_reaches_no_broker(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.auto()
        home.start()

        for text in ("/start", "/refresh dhan", "/totp", "hello"):
            home.sandbox.telegram.say(STRANGER, text, user=STRANGER)
        home.sees("not listed")
        home.says("/status", "dhan")

        assert home.texts(STRANGER) == []
        assert home.sandbox.dhan.calls() == 0
        assert sum("not listed" in text for text in home.texts()) == 1


def test_a_viewer_may_look_and_not_refresh(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.auto()
        home.start()

        seen = home.says("/status", "dhan", chat=VIEWER)
        home.says("/refresh dhan", "admin", chat=VIEWER)

        assert all("Refresh" not in button.label for row in seen.buttons for button in row)
        assert home.sandbox.dhan.calls("generateAccessToken") == 0


def warnings(home: House) -> int:
    return sum("expires at" in text and "⏰" in text for text in home.texts())


@pytest.mark.long
def test_a_restart_between_warning_and_expiry_forgets_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.auto()
        home.start()
        home.says("/refresh dhan", "new token")

        home.at(SUNDAY + timedelta(hours=22, minutes=1))
        home.sees("⏰")
        assert home.end() == 0
        home.start()
        home.says("/status", "good until")
        assert warnings(home) == 1
        home.at(SUNDAY + timedelta(hours=22, minutes=46))

        home.sees("refreshed by itself")
        assert warnings(home) == 1


@pytest.mark.long
def test_a_warning_due_while_the_bot_was_down_comes_at_its_start(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.auto()
        home.start()
        home.says("/refresh dhan", "new token")
        assert home.end() == 0

        home.at(SUNDAY + timedelta(hours=22, minutes=30))
        home.start()

        home.sees("⏰")


@pytest.mark.long
def test_telegram_away_for_hours_loses_no_alert_and_says_how_late_it_is(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.assisted()
        home.start()
        asked = home.says("/refresh", "log in")
        home.sandbox.telegram.say(ADMIN, home.sandbox.dhan.approve(home.sandbox.dhan.consents(WIFE)[-1]))
        home.sees("new token", after=asked.event)
        home.sandbox.telegram.down()
        home.at(SUNDAY + timedelta(hours=22, minutes=1))
        home.process_settles()
        home.sandbox.clock.advance(3600)
        home.sandbox.telegram.up()

        late = home.sees("⏰", timeout=60)
        assert "late" in late.text
        home.says("/status", "dhan-wife", timeout=60)


def test_telegram_away_at_the_start_is_waited_for(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.auto()
        home.sandbox.telegram.down()
        home.start(wait=False)
        home.process_settles()

        home.sandbox.telegram.up()

        home.says("/status", "dhan", timeout=60)


@pytest.mark.long
def test_sigterm_in_the_middle_of_a_login_ends_it_cleanly(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.auto()
        home.start()
        home.sandbox.dhan.hang("generateAccessToken")
        home.sandbox.telegram.say(ADMIN, "/refresh dhan")
        home.sandbox.dhan.wait_calls("generateAccessToken", 1)

        assert home.end(within=7.0) == 0

        home.sandbox.dhan.heal()
        home.start()
        home.says("/refresh dhan", "allows the next login in")
        home.sandbox.clock.advance(131)
        home.says("/refresh dhan", "new token")
        assert home.sandbox.dhan.calls("generateAccessToken") == 2


def test_a_killed_bot_comes_back_with_its_token(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.auto()
        home.start()
        home.says("/refresh dhan", "new token")

        home.end(signal.SIGKILL)
        token = home.token("dhan")
        home.start()

        assert token == home.sandbox.dhan.token(CLIENT)
        home.says("/status", "good until")
        assert home.sandbox.dhan.calls("generateAccessToken") == 1


@pytest.mark.long
def test_a_wrong_pin_is_sent_once_and_then_only_by_force(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        home.auto(pin="111111")
        home.start()

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        home.sees("refused")
        for _ in range(3):
            assert home.end() == 0
            home.sandbox.clock.advance(1800)
            home.start()
            home.says("/refresh dhan", "refused")

        assert home.sandbox.dhan.attempts(CLIENT) == {"granted": 0, "refused": 1}


@pytest.mark.parametrize(
    "trouble", ["401", *(pytest.param(trouble, marks=pytest.mark.long) for trouble in ("poison", "reset", "html"))]
)
def test_the_bot_does_not_go_deaf(tmp_path: Path, trouble: str) -> None:
    with house(tmp_path) as home:
        home.auto()
        home.start()
        telegram = home.sandbox.telegram

        match trouble:
            case "401":
                telegram.fail("getUpdates", 401, times=2)
            case "poison":
                telegram.poison()
            case "reset":
                telegram.reset("getUpdates", times=2)
            case "html":
                telegram.bad_gateway("getUpdates", times=2)
        telegram.say(ADMIN, "/help")

        assert home.sees("/status", timeout=30)
        assert home.says("/status", "dhan", timeout=30)


def test_status_is_answered_while_the_broker_hangs(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        home.auto()
        home.start()
        home.sandbox.dhan.hang("generateAccessToken")
        home.sandbox.telegram.say(ADMIN, "/refresh dhan")
        home.sandbox.dhan.wait_calls("generateAccessToken", 1)

        assert home.says("/status", "dhan", chat=VIEWER, timeout=5)
