"""Where the program's time comes from."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import ClockError, RemoteClock, open_clock
from bot.sandbox import Sandbox
from brokers import SystemClock, is_loopback


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def clock(sandbox: Sandbox) -> Iterator[RemoteClock]:
    clock = open_clock(sandbox.clock_url)
    assert isinstance(clock, RemoteClock)
    yield clock
    clock.close()


def heard(sandbox: Sandbox, clock: RemoteClock) -> None:
    """Until the program's clock knows what the sandbox's knows."""
    for _ in range(2000):
        if clock._state["version"] == sandbox.clock.state()["version"]:
            return
        time.sleep(0.001)
    raise AssertionError("the change was not heard of")


def test_without_an_address_the_machines_own_clock_is_used() -> None:
    assert isinstance(open_clock(None), SystemClock)


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8081", "http://localhost/x", "http://[::1]:80", "https://127.3.2.1", "HTTP://127.0.0.1"],
)
def test_an_address_on_this_machine_is_loopback(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:8081",
        "http://",
        "http://10.0.0.1",
        "http://api.dhan.co",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://127.0.0.1@example.com",
        "http://user@127.0.0.1",
        "http://example.com\\@127.0.0.1",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://127.0.0.1 .example.com",
        "http://[::1",
        "ftp://127.0.0.1",
        "file:///etc/hostname",
    ],
)
def test_an_address_that_could_lead_elsewhere_is_not(address: str) -> None:
    assert not is_loopback(address)


@pytest.mark.parametrize("address", ["http://example.com:1", "https://127.0.0.1:1", "127.0.0.1:1"])
def test_a_clock_elsewhere_is_refused(address: str) -> None:
    with pytest.raises(ClockError, match="on this machine"):
        open_clock(address)


def test_a_clock_that_does_not_answer_is_refused() -> None:
    with Sandbox() as gone:
        address = gone.clock_url

    with pytest.raises(ClockError, match="no sandbox clock"):
        open_clock(address)


def test_what_answers_but_is_no_clock_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ClockError, match="no sandbox clock"):
        open_clock(sandbox.telegram_url)


def test_it_shows_the_sandboxs_time(sandbox: Sandbox, clock: RemoteClock) -> None:
    sandbox.clock.set(datetime(2030, 1, 1, tzinfo=UTC))
    heard(sandbox, clock)

    assert abs(clock.now() - sandbox.clock.now()) < timedelta(seconds=1)
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() == pytest.approx(sandbox.clock.monotonic(), abs=1)


def test_setting_the_wall_clock_leaves_monotonic_time_alone(sandbox: Sandbox, clock: RemoteClock) -> None:
    before = clock.monotonic()

    sandbox.clock.jump(-86_400)
    heard(sandbox, clock)

    assert 0 <= clock.monotonic() - before < 60


def test_frozen_time_stands(sandbox: Sandbox, clock: RemoteClock) -> None:
    sandbox.clock.freeze()
    heard(sandbox, clock)

    assert clock.now() == clock.now() == sandbox.clock.now()
    assert clock.monotonic() == clock.monotonic()


def test_a_sleeper_wakes_when_time_is_moved_past_its_end(sandbox: Sandbox, clock: RemoteClock) -> None:
    sleeper = threading.Thread(target=clock.sleep, args=(3600,))
    sleeper.start()

    sandbox.clock.advance(3600)

    sleeper.join(5)
    assert not sleeper.is_alive()


def test_skipped_sleeps_return_with_their_time_gone(sandbox: Sandbox, clock: RemoteClock) -> None:
    sandbox.clock.skip()
    heard(sandbox, clock)
    before = clock.monotonic()

    clock.sleep(125)

    assert clock.monotonic() - before >= 125
    assert sandbox.clock.monotonic() - before >= 125


@pytest.mark.parametrize("seconds", [0, -5])
def test_no_time_to_sleep_is_no_sleep(clock: RemoteClock, seconds: float) -> None:
    clock.sleep(seconds)


def test_a_sandbox_that_went_away_leaves_a_clock_that_runs(clock: RemoteClock, sandbox: Sandbox) -> None:
    sandbox.clock.skip()
    heard(sandbox, clock)
    sandbox.stop()

    clock.sleep(0.01)

    assert clock.now() > datetime(2026, 1, 1, tzinfo=UTC)
