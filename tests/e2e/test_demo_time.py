"""The demo beyond the chat: however far a visitor goes in time, the bot has done what it does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from bot.demo import furnished, serving
from bot.demo_accounts import ADMIN
from bot.sandbox import Sandbox
from brokers import IST
from tests.waiting import PATIENCE

MONDAY = datetime(2026, 11, 16, tzinfo=IST)


@pytest.fixture
def demo() -> Iterator[Sandbox]:
    with furnished(door=True) as (sandbox, folder), serving(sandbox, folder):
        sandbox.telegram.wait_calls("getUpdates", 1, PATIENCE)
        yield sandbox


def goes_to(demo: Sandbox, hour: int, minute: int = 0) -> None:
    demo.pass_until(MONDAY.replace(hour=hour, minute=minute, second=1).timestamp())


def says(demo: Sandbox, text: str, expects: str) -> str:
    mark = demo.telegram.mark()
    demo.telegram.say(ADMIN, text)
    return demo.telegram.wait_for(ADMIN, expects, after=mark, timeout=PATIENCE).text


def told(demo: Sandbox) -> list[tuple[str, str]]:
    """When the bot wrote what, the first line of it."""
    sent = [event for event in demo.telegram.events(0) if event.chat == ADMIN and event.what == "sent"]
    return [(f"{datetime.fromtimestamp(event.at, IST):%H:%M}", event.text.partition("\n")[0]) for event in sent]


def test_a_broker_that_is_down_for_an_hour_of_trading_is_told_of_and_so_is_its_return(demo: Sandbox) -> None:
    goes_to(demo, 10)
    demo.dhan.down()
    goes_to(demo, 11)
    demo.dhan.up()
    goes_to(demo, 12)

    found = [(at, line) for at, line in told(demo) if line.startswith("📡 dhan")]

    assert [at.partition(":")[0] for at, _ in found] == ["10", "11"]
    assert "the broker answers again" in found[1][1]


@pytest.mark.long
def test_a_broker_that_hangs_does_not_hold_the_time_up(demo: Sandbox) -> None:
    goes_to(demo, 10)
    demo.dhan.hang(times=None)
    goes_to(demo, 11)
    demo.dhan.heal()

    assert demo.clock.now().astimezone(IST).hour == 11


def test_in_a_night_that_is_passed_over_everything_comes_at_its_hour_and_nothing_late(demo: Sandbox) -> None:
    says(demo, "/refresh kotak", "new token")
    goes_to(demo, 8, 56)
    texts = [event.text for event in demo.telegram.events(0) if event.chat == ADMIN]
    times = [at for at, line in told(demo) if "🔑 zerodha" in line]

    assert [at for at, line in told(demo) if line.startswith("⏰ kotak")] == ["22:00"]
    assert times[:2] == ["08:15", "08:25"]
    assert [text for text in texts if "late" in text] == []


def test_after_an_hour_telegram_was_heard_of_just_now(demo: Sandbox) -> None:
    goes_to(demo, 9)
    goes_to(demo, 10)

    assert "⚠" not in says(demo, "/start", "Telegram")


def test_a_lock_is_ended_at_the_machine(demo: Sandbox) -> None:
    says(demo, "/lock", "Locked")
    mark = demo.telegram.mark()

    assert demo.unlock()
    assert demo.telegram.wait_for(ADMIN, "unlocked", after=mark, timeout=PATIENCE)
    assert not demo.unlock()


def test_a_moment_gone_by_is_not_gone_back_to(demo: Sandbox) -> None:
    goes_to(demo, 10)
    goes_to(demo, 9)

    assert demo.clock.now().astimezone(IST).hour == 10
