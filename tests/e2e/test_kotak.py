"""A trader with an account at Kotak Neo: the login of the morning, the six digits in the chat, and the figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.kotak import Kotak
from tests.e2e.house import ADMIN, MONDAY, House, house
from tests.e2e.leaks import Hunt

CLIENT, MOBILE, MPIN = "ZT4K9", "+919000000042", "730251"
SECRET, KEY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "1f6a0c52-9b1d-4f0e-8a77-5c2d9e3b4a60"


def kotak_of(home: House) -> Kotak:
    found = home.sandbox.brokers["kotak"]
    assert isinstance(found, Kotak)
    return found


def furnish(home: House, **more: Any) -> Kotak:
    """A client, and its account in the config folder; without a TOTP secret unless `more` has one."""
    kotak = kotak_of(home)
    kotak.add_client(CLIENT, MOBILE, MPIN, SECRET, KEY)
    basics = {"client_id": CLIENT, "mobile_number": MOBILE, "mpin": MPIN, "consumer_key": KEY}
    home.write("kotak_config.json", basics | more)
    home.start()
    return kotak


def test_an_account_with_a_totp_secret_logs_in_by_itself_and_shows_its_figures(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        kotak = furnish(home, totp_secret=SECRET)

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        home.sees("refreshed by itself")
        home.at(MONDAY.replace(hour=8, minute=55, second=1))
        home.sees("Ready for the market")
        shown = home.says("/account", "ITBEES")
        chart = home.says("/account chart", "cash available ₹87,640.70")

        assert chart.picture is not None
        assert home.token("kotak") == kotak.token(CLIENT)
        assert kotak.attempts(CLIENT) == {"granted": 1, "refused": 0}
        for figure in ("87,640.70", "15,270.72", "TCS26NOVFUT", "450.50"):
            assert figure in shown.text


@pytest.mark.long
def test_the_six_digits_are_asked_for_and_leave_the_chat(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        kotak = furnish(home)

        asked = home.says("/refresh", "six digits")
        typed = home.sandbox.telegram.say(ADMIN, kotak.code(CLIENT))
        home.sees("new token", after=asked.event)

        home.sandbox.telegram.wait_gone(ADMIN, typed)
        assert home.token("kotak") == kotak.token(CLIENT)
        home.says("/account", "87,640.70")


@pytest.mark.long
def test_the_six_digits_may_come_with_the_command(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        kotak = furnish(home)

        mark = home.sandbox.telegram.mark()
        typed = home.sandbox.telegram.say(ADMIN, f"/refresh kotak {kotak.code(CLIENT)}")
        home.sees("new token", after=mark)

        home.sandbox.telegram.wait_gone(ADMIN, typed)
        assert home.token("kotak") == kotak.token(CLIENT)


@pytest.mark.long
@pytest.mark.parametrize("wrong", ["mpin", "code"])
def test_what_was_refused_is_told_and_not_sent_again(tmp_path: Path, wrong: str) -> None:
    with house(tmp_path) as home:
        kotak = furnish(home)
        if wrong == "mpin":
            kotak.change(CLIENT, mpin="111111")

        asked = home.says("/refresh", "six digits")
        home.sandbox.telegram.say(ADMIN, kotak.code(CLIENT) if wrong == "mpin" else "000000")
        home.sees("refused the MPIN" if wrong == "mpin" else "refused the TOTP code", after=asked.event)

        assert kotak.attempts(CLIENT) == {"granted": 0, "refused": 1}


@pytest.mark.long
def test_a_session_taken_over_is_noticed_and_replaced(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY.replace(hour=8, minute=46)) as home:
        kotak = furnish(home, totp_secret=SECRET)
        home.sees("refreshed by itself")
        kotak.rules(max_sessions=1)
        kotak.login_elsewhere(CLIENT)

        home.at(MONDAY.replace(hour=9, minute=31))
        home.sees("another program")

        assert home.token("kotak") == kotak.token(CLIENT)


@pytest.mark.long
def test_nothing_secret_is_left_where_others_read(tmp_path: Path) -> None:
    with house(tmp_path) as home, Hunt(home) as hunt:
        home.log_level = "debug"
        furnish(home, totp_secret=SECRET)

        home.says("/refresh", "new token")
        home.says("/account", "ITBEES")

        assert hunt.found() == []
