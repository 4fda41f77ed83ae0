"""A trader with an account at Angel One: the login of the morning, the six digits in the chat, and the figures."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.angelone import AngelOne
from tests.e2e.house import ADMIN, MONDAY, House, house
from tests.e2e.leaks import Hunt

CLIENT, PIN = "T100042", "4821"
SECRET, KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "key-7f3a91-of-the-app"


def angel_of(home: House) -> AngelOne:
    found = home.sandbox.brokers["angelone"]
    assert isinstance(found, AngelOne)
    return found


def furnish(home: House, **more: Any) -> AngelOne:
    """A client, and its account in the config folder; without a TOTP secret unless `more` has one."""
    angel = angel_of(home)
    angel.add_client(CLIENT, PIN, SECRET, KEY)
    home.write("angelone_config.json", {"client_id": CLIENT, "api_key": KEY, "pin": PIN} | more)
    home.start()
    return angel


def test_an_account_with_a_totp_secret_logs_in_by_itself_and_shows_its_figures(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        angel = furnish(home, totp_secret=SECRET)

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        home.sees("refreshed by itself")
        home.at(MONDAY.replace(hour=8, minute=55, second=1))
        home.sees("Ready for the market")
        shown = home.says("/account", "TATASTEEL-EQ")

        assert home.token("angelone") == angel.token(CLIENT)
        assert angel.attempts(CLIENT) == {"granted": 1, "refused": 0}
        for figure in ("2,48,310.55", "93,407.50", "RELIANCE-EQ", "17.55"):
            assert figure in shown.text
        assert angel.calls("generateTokens") == 0


@pytest.mark.long
def test_a_token_that_lives_is_renewed_without_a_code(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        angel = furnish(home)
        asked = home.says("/refresh", "six digits")
        home.sandbox.telegram.say(ADMIN, angel.code(CLIENT))
        first = home.sees("new token", after=asked.event)
        before = home.token("angelone")

        question = home.says("/refresh", "Refresh all the same?")
        home.sandbox.telegram.press(ADMIN, question.id, 0)
        home.sees("new token", after=first.event)

        assert home.token("angelone") == angel.token(CLIENT) != before
        assert (angel.calls("loginByPassword"), angel.calls("generateTokens")) == (1, 1)


@pytest.mark.long
def test_the_six_digits_are_asked_for_and_leave_the_chat(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        angel = furnish(home)

        asked = home.says("/refresh", "six digits")
        typed = home.sandbox.telegram.say(ADMIN, angel.code(CLIENT))
        home.sees("new token", after=asked.event)

        home.sandbox.telegram.wait_gone(ADMIN, typed)
        assert home.token("angelone") == angel.token(CLIENT)
        home.says("/account", "TATASTEEL-EQ")


@pytest.mark.long
def test_the_six_digits_may_come_with_the_command(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        angel = furnish(home)

        mark = home.sandbox.telegram.mark()
        typed = home.sandbox.telegram.say(ADMIN, f"/refresh angelone {angel.code(CLIENT)}")
        home.sees("new token", after=mark)

        home.sandbox.telegram.wait_gone(ADMIN, typed)
        assert home.token("angelone") == angel.token(CLIENT)


@pytest.mark.long
def test_after_two_refused_codes_no_third_is_passed_on_until_the_button_below_it_is_tapped(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        angel = furnish(home)
        shown = home.says("/refresh", "six digits")
        codes = (
            ("111111", "Send the next six digits"),
            ("222222", "may lock the account"),
            ("333333", "not passed on"),
        )
        for number, (code, expected) in enumerate(codes, 1):
            home.at(MONDAY + timedelta(minutes=number))
            home.sandbox.telegram.say(ADMIN, code)
            shown = home.sees(expected, after=shown.event)

        home.sandbox.telegram.press(ADMIN, shown.id, 0)
        asked = home.sees("Send me the six digits", after=shown.event)
        home.sandbox.telegram.say(ADMIN, angel.code(CLIENT))
        home.sees("new token", after=asked.event)

        assert angel.attempts(CLIENT) == {"granted": 1, "refused": 2}


@pytest.mark.long
def test_a_refused_pin_is_told_and_not_sent_again(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        angel = furnish(home, totp_secret=SECRET)
        angel.change(CLIENT, pin="1111")

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        home.sees("refused client_id and PIN")
        home.sandbox.clock.advance(1800)
        home.says("/refresh", "refused")

        assert angel.attempts(CLIENT) == {"granted": 0, "refused": 1}


@pytest.mark.long
def test_a_token_that_died_at_mid_day_is_noticed_and_replaced(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY.replace(hour=8, minute=46)) as home:
        angel = furnish(home, totp_secret=SECRET)
        home.sees("refreshed by itself")
        angel.kill_token(CLIENT)

        home.at(MONDAY.replace(hour=9, minute=31))
        home.sees("another program")

        assert home.token("angelone") == angel.token(CLIENT)


@pytest.mark.long
def test_a_logout_ends_the_token_at_the_broker_and_nothing_secret_is_left_where_others_read(tmp_path: Path) -> None:
    with house(tmp_path) as home, Hunt(home) as hunt:
        home.log_level = "debug"
        angel = furnish(home, totp_secret=SECRET)
        home.says("/refresh", "new token")
        hunt.learn()

        question = home.says("/logout angelone", "angelone")
        home.sandbox.telegram.press(ADMIN, question.id, 0)
        home.sees("dead at the broker", after=question.event)

        assert angel.token(CLIENT) is None
        assert home.token("angelone") is None
        assert hunt.found() == []
