"""A trader with an account at each broker: the night and the morning as the phone tells them, and two open logins."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.demo_accounts import approve, enrol
from brokers import IST
from tests.e2e.house import ADMIN, WIFE, House, house

MONDAY_9AM = datetime(2026, 11, 16, 9, 0, tzinfo=IST)


def furnish(home: House) -> None:
    for name, config in enrol(home.sandbox).items():
        home.write(f"{name}_config.json", config)
    home.start()


def link_in(home: House, after: int) -> str:
    shown = home.sees("log in", after=after)
    return next(button.url for row in shown.buttons for button in row if button.url)


def log_in_at_zerodha(home: House) -> None:
    mark = home.sandbox.telegram.mark()
    home.sandbox.telegram.say(ADMIN, "/refresh zerodha")
    link = link_in(home, mark)
    mark = home.sandbox.telegram.mark()
    home.sandbox.telegram.say(ADMIN, approve(home.sandbox, link))
    home.sees("zerodha: new token", after=mark)


def test_the_morning_of_four_brokers_makes_one_sound_and_asks_once(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY_9AM) as home:
        furnish(home)
        for name in ("angelone", "dhan", "kotak"):
            home.sees(f"{name}: refreshed by itself")
        log_in_at_zerodha(home)
        evening = MONDAY_9AM + timedelta(hours=7)
        mark = home.sandbox.telegram.mark()

        home.at(evening)
        for hour, minute, expected in (
            (22, 1, "angelone, kotak"),
            (28, 1, "zerodha"),
            (30, 1, "zerodha"),
            (32, 15, "please log in"),
        ):
            before = home.sandbox.telegram.mark()
            home.at(MONDAY_9AM.replace(hour=0) + timedelta(hours=hour, minutes=minute))
            home.sees(expected, after=before)
        log_in_at_zerodha(home)
        for hour, minute, expected in ((32, 45, "kotak: refreshed by itself"), (32, 55, "Ready for the market")):
            before = home.sandbox.telegram.mark()
            home.at(MONDAY_9AM.replace(hour=0) + timedelta(hours=hour, minutes=minute, seconds=1))
            home.sees(expected, after=before)

        answers = ("/refresh", "zerodha: new token", "Finishing", "Refreshing", "wants you to log in")
        by_itself = [
            event
            for event in home.sandbox.telegram.events(mark)
            if event.what == "sent" and event.chat == ADMIN and not any(part in event.text for part in answers)
        ]
        loud = [event.text for event in by_itself if not event.silent]
        assert len(loud) == 1, loud
        assert "please log in" in loud[0]
        assert sum("please log in" in event.text for event in by_itself) == 1


@pytest.mark.long
def test_two_open_logins_are_answered_in_any_order_and_no_value_goes_astray(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY_9AM + timedelta(hours=8)) as home:
        home.assisted()
        furnish(home)
        links = {}
        for name in ("zerodha", "dhan-wife"):
            mark = home.sandbox.telegram.mark()
            home.sandbox.telegram.say(ADMIN, f"/refresh {name}")
            links[name] = link_in(home, mark)
        dhans = home.sandbox.dhan.approve(home.sandbox.dhan.consents(WIFE)[-1])

        home.says(dhans, "dhan-wife: new token")
        home.says(approve(home.sandbox, links["zerodha"]), "zerodha: new token")

        assert home.sandbox.dhan.calls("consumeApp-consent") == 1
        assert home.sandbox.brokers["zerodha"].calls("session") == 1
        assert home.token("dhan-wife") == home.sandbox.dhan.token(WIFE)
