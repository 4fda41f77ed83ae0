"""One tap: the link in the chat is opened in a real browser, the login page is filled in, and the bot knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.sandbox.telegram.screen import Shown
from bot.sandbox.zerodha import Zerodha
from tests.e2e.browser import Browser, browser, free_port, needs_chromium
from tests.e2e.house import ADMIN, API, WIFE, House, house
from tests.e2e.leaks import Hunt

pytestmark = needs_chromium

PIN = "551204"
USER, OTHER, PASSWORD, SECRET = "AB1234", "XY9876", "correct-horse-battery", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHERS_SECRET = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
APPS = {
    "zerodha": ("samplekey0000001", "samplesecret00000001"),
    "zerodha-two": ("samplekey0000002", "samplesecret00000002"),
}


@dataclass
class Phone:
    home: House
    browser: Browser

    @property
    def kite(self) -> Zerodha:
        zerodha = self.home.sandbox.brokers["zerodha"]
        assert isinstance(zerodha, Zerodha)
        return zerodha

    def asks(self, account: str) -> Shown:
        """The message with the link."""
        return self.home.says(f"/refresh {account}", f"{account}: the broker wants you")

    def taps(self, asked: Shown) -> None:
        self.browser.opens(str(asked.button("Open the login page").url))

    def logs_in_at_kite(self, user: str = USER) -> None:
        self.browser.fills_in(user_id=user, password=PASSWORD, twofa_value=self.kite.code(user))

    def logs_in_at_dhan(self) -> None:
        self.browser.fills_in(pin=PIN, totp=self.home.sandbox.dhan.code(WIFE))

    def sees_instead(self, asked: Shown, text: str) -> Shown:
        """The message that asked, once it says this."""
        return self.home.sandbox.telegram.wait_for(ADMIN, text, after=asked.event, where=lambda one: one.id == asked.id)


@contextmanager
def a_phone(tmp_path: Path) -> Iterator[Phone]:
    """A family with an account at Dhan and two at Zerodha, and a bot with a door whose addresses the brokers know."""
    with house(tmp_path) as home:
        door = f"127.0.0.1:{free_port()}"
        home.bot_wide(listen=door, public_url=f"http://{door}")
        home.assisted()
        for account, (key, secret) in APPS.items():
            user = USER if account == "zerodha" else OTHER
            home.write(f"{account}_config.json", {"client_id": user, "api_key": key, "api_secret": secret})
        enrol(home)
        home.start()
        with browser() as found:
            yield Phone(home, found)


def enrol(home: House) -> None:
    """At the brokers, with the redirect addresses that the bot says are to be entered there."""
    told = home.run("addresses").stdout
    places = {place.split("/")[4]: place for place in re.findall(r"redirect address  (\S+)", told)}
    home.sandbox.dhan.change(WIFE, redirect_url=places["dhan-wife"])
    zerodha = home.sandbox.brokers["zerodha"]
    assert isinstance(zerodha, Zerodha)
    for account, app in APPS.items():
        zerodha.add_app(*app, places[account])
    zerodha.add_client(USER, PASSWORD, SECRET)
    zerodha.add_client(OTHER, PASSWORD, OTHERS_SECRET)


def test_a_login_at_dhan_is_one_tap_and_the_page_and_the_chat_say_that_it_is_done(tmp_path: Path) -> None:
    with a_phone(tmp_path) as phone:
        asked = phone.asks("dhan-wife")
        phone.taps(asked)
        phone.logs_in_at_dhan()
        read = phone.browser.reads("You can close this page")
        there = phone.sees_instead(asked, "you logged in")
        told = phone.home.sees("new token", after=there.event)

        assert "dhan-wife: new token, good until" in read
        assert there.buttons == told.buttons == ()
        assert phone.home.token("dhan-wife") == phone.home.sandbox.dhan.token(WIFE)
        assert API["api_secret"] not in read
        assert not phone.browser.overflows()


@pytest.mark.long
def test_a_login_at_zerodha_is_one_tap_and_opening_the_page_again_does_no_harm(tmp_path: Path) -> None:
    with a_phone(tmp_path) as phone:
        asked = phone.asks("zerodha")
        phone.taps(asked)
        phone.logs_in_at_kite()
        phone.browser.reads("zerodha: new token")
        there = phone.sees_instead(asked, "you logged in")
        told = phone.home.sees("new token", after=there.event)
        token = phone.home.token("zerodha")
        phone.browser.reloads()
        again = phone.browser.reads("already")

        assert there.buttons == told.buttons == ()
        assert token == phone.kite.token(USER)
        assert "zerodha: it was refreshed a moment ago already" in again
        assert phone.kite.calls("session") == 1
        assert phone.home.token("zerodha") == token


@pytest.mark.long
def test_the_login_of_another_client_is_refused_on_the_page_and_in_the_chat(tmp_path: Path) -> None:
    with a_phone(tmp_path) as phone:
        asked = phone.asks("zerodha")
        phone.taps(asked)
        phone.logs_in_at_kite(OTHER)
        read = phone.browser.reads("another client")
        there = phone.sees_instead(asked, "did not end in a token")
        told = phone.home.sees("another client", after=there.event)

        assert "nothing was kept" in read
        assert there.buttons == ()
        assert told.button("Refresh zerodha")
        assert phone.home.token("zerodha") is None


@pytest.mark.long
def test_the_state_of_one_account_opens_nothing_at_another_ones_address(tmp_path: Path) -> None:
    with a_phone(tmp_path) as phone:
        phone.asks("zerodha-two")
        phone.taps(phone.asks("zerodha"))
        elsewhere = phone.kite.approve(phone.browser.address, USER).replace(
            "/callback/zerodha?", "/callback/zerodha-two?"
        )
        phone.browser.opens(elsewhere)
        read = phone.browser.reads("There is nothing here")

        assert "zerodha" not in read
        assert phone.kite.calls("session") == 0
        assert phone.home.token("zerodha-two") is None


@pytest.mark.long
def test_what_was_pasted_ends_the_login_in_the_chat_and_at_the_door(tmp_path: Path) -> None:
    with a_phone(tmp_path) as phone:
        asked = phone.asks("zerodha")
        landed = phone.kite.approve(str(asked.button("Open the login page").url), USER)
        phone.home.says(landed, "zerodha: new token")
        told = phone.sees_instead(asked, "you logged in")
        phone.browser.opens(landed)

        assert "log in within 10" in asked.text
        assert "or send me the address you land on" in asked.text
        assert told.buttons == ()
        assert "There is nothing here" in phone.browser.reads("close this page")
        assert phone.kite.calls("session") == 1


@pytest.mark.long
def test_the_page_is_dark_where_the_phone_is_and_the_browser_finds_no_fault_with_it(tmp_path: Path) -> None:
    with a_phone(tmp_path) as phone:
        phone.taps(phone.asks("dhan-wife"))
        phone.logs_in_at_dhan()
        phone.browser.reads("new token")
        colours = {}
        for scheme in ("light", "dark"):
            phone.browser.prefers(scheme)
            colours[scheme] = phone.browser.style("color")

        assert colours == {"light": "rgb(0, 0, 0)", "dark": "rgb(255, 255, 255)"}
        assert [one for one in phone.browser.complaints() if "/callback/" in one] == []


@pytest.mark.long
def test_a_login_through_the_door_leaves_no_secret_where_others_read(tmp_path: Path) -> None:
    with a_phone(tmp_path) as phone, Hunt(phone.home) as hunt:
        phone.taps(phone.asks("zerodha"))
        phone.logs_in_at_kite()
        phone.browser.reads("new token")
        hunt.know("redirect", phone.browser.address.partition("?")[2])
        hunt.learn()

        assert hunt.found() == []
