"""A trader with an account at Zerodha: the link of the morning, or the page's own calls for who asked for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.zerodha import LANDING, Zerodha
from tests.e2e.house import ADMIN, MONDAY, House, house
from tests.e2e.leaks import Hunt

CLIENT, WIFE = "AB1234", "XY9876"
PASSWORD, SECRET = "correct-horse-battery", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
APP = {"api_key": "samplekey0000001", "api_secret": "samplesecret00000000000000000001"}
BY_ITSELF = {"login": "unofficial", "password": PASSWORD, "totp_secret": SECRET, "redirect_url": LANDING}


def furnish(home: House, **more: Any) -> Zerodha:
    """Two users, an app, and the account of one of them in the config folder."""
    zerodha = home.sandbox.brokers["zerodha"]
    assert isinstance(zerodha, Zerodha)
    zerodha.add_client(CLIENT, PASSWORD, SECRET)
    zerodha.add_client(WIFE, "another", SECRET)
    zerodha.add_app(APP["api_key"], APP["api_secret"])
    home.write("zerodha_config.json", {"client_id": CLIENT.lower()} | APP | more)
    home.start()
    return zerodha


def link_in(shown: Any) -> str:
    (url,) = {button.url for row in shown.buttons for button in row if button.url}
    return str(url)


def test_the_link_is_answered_by_the_pasted_address_and_the_account_shows_its_figures(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        zerodha = furnish(home)

        asked = home.says("/refresh", "log in")
        landed = zerodha.approve(link_in(asked), CLIENT)
        pasted = home.sandbox.telegram.say(ADMIN, landed)
        home.sees("new token", after=asked.event)
        home.sandbox.telegram.wait_gone(ADMIN, pasted)
        shown = home.says("/account", "SBIN")

        assert landed.startswith(LANDING)
        assert home.token("zerodha") == zerodha.token(CLIENT)
        for figure in ("54,210.35", "27,220.00", "NIFTY26NOVFUT", "1,406.25"):
            assert figure in shown.text


def test_the_login_of_another_user_in_the_browser_is_refused_and_not_kept(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        zerodha = furnish(home)

        asked = home.says("/refresh", "log in")
        home.sandbox.telegram.say(ADMIN, zerodha.approve(link_in(asked), WIFE))
        home.sees("another client", after=asked.event)

        assert home.token("zerodha") is None


@pytest.mark.long
def test_who_asked_for_it_is_logged_in_by_itself_in_the_morning_and_from_the_chat(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        zerodha = furnish(home, **BY_ITSELF)

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        home.sees("refreshed by itself")
        home.at(MONDAY.replace(hour=8, minute=55, second=1))
        home.sees("Ready for the market")
        assert home.token("zerodha") == zerodha.token(CLIENT)
        home.at(MONDAY.replace(day=17, hour=6, minute=0, second=1))
        home.sees("the token expired")
        home.says("/refresh zerodha", "new token")
        home.says("/account", "54,210.35")

        assert home.token("zerodha") == zerodha.token(CLIENT)
        assert zerodha.attempts(CLIENT) == {"granted": 2, "refused": 0}


@pytest.mark.long
def test_a_wrong_password_is_sent_once_and_a_wrong_code_twice_whatever_the_days_bring(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        zerodha = furnish(home, **BY_ITSELF)
        zerodha.change(CLIENT, totp_secret="KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU")

        home.at(MONDAY.replace(hour=8, minute=45, second=1))
        home.sees("refused")
        for _ in range(2):
            assert home.end() == 0
            home.sandbox.clock.advance(86_400)
            home.start()
            home.says("/refresh zerodha", "refused")
        assert zerodha.attempts(CLIENT)["refused"] == 2

        assert home.end() == 0
        zerodha.change(CLIENT, password="changed")
        home.write("zerodha_config.json", {"client_id": CLIENT} | APP | BY_ITSELF | {"password": "mistyped"})
        home.start()
        home.says("/refresh zerodha", "refused client_id and password")
        home.says("/refresh zerodha", "no further login")

        assert zerodha.attempts(CLIENT)["refused"] == 3


def test_a_user_who_has_not_allowed_the_app_is_told_once_what_to_do(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        zerodha = furnish(home, **BY_ITSELF)
        zerodha.cancel_consent(CLIENT, APP["api_key"])

        home.says("/refresh zerodha", "allow it there")

        assert zerodha.calls("finish") == 0
        assert home.token("zerodha") is None


def test_a_token_is_ended_at_zerodha(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        zerodha = furnish(home, **BY_ITSELF)
        home.says("/refresh zerodha", "new token")

        asked = home.says("/logout zerodha", "zerodha")
        home.sandbox.telegram.press(ADMIN, asked.id, "Yes, log out zerodha")
        zerodha.wait_calls("session", 2)

        assert zerodha.calls("session", "DELETE") == 1
        assert zerodha.token(CLIENT) is None


@pytest.mark.long
def test_nothing_secret_is_left_where_others_read(tmp_path: Path) -> None:
    with house(tmp_path) as home, Hunt(home) as hunt:
        home.log_level = "debug"
        zerodha = furnish(home, **BY_ITSELF)
        home.says("/refresh zerodha", "new token")
        zerodha.fail("session", "error_token_exception")
        hunt.run("refresh", "zerodha", "--force")

        assert hunt.found() == []
