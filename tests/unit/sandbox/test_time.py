"""The sandbox's clock, from within and over HTTP."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime, timedelta

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox import Sandbox, SandboxClock
from bot.sandbox.pulse import Pulse

MORNING = datetime(2026, 11, 16, 3, 15, tzinfo=UTC)


@pytest.fixture
def clock() -> SandboxClock:
    clock = SandboxClock(Pulse(), MORNING)
    clock.freeze()
    return clock


def test_it_starts_when_it_is_told_to(clock: SandboxClock) -> None:
    assert clock.now() - MORNING < timedelta(seconds=1)


def test_advancing_moves_both_clocks(clock: SandboxClock) -> None:
    before = clock.now(), clock.monotonic()

    clock.advance(3600)

    assert clock.now() - before[0] == timedelta(hours=1)
    assert clock.monotonic() - before[1] == pytest.approx(3600)


def test_setting_the_wall_clock_back_lets_no_time_pass(clock: SandboxClock) -> None:
    before = clock.now(), clock.monotonic()

    clock.jump(-900)

    assert clock.now() - before[0] == timedelta(minutes=-15)
    assert clock.monotonic() == before[1]


def test_a_moment_to_come_is_reached_by_letting_time_pass(clock: SandboxClock) -> None:
    before = clock.now(), clock.monotonic()

    clock.set(before[0] + timedelta(hours=2))

    assert clock.monotonic() - before[1] == pytest.approx(7200)


def test_time_cannot_be_advanced_backwards(clock: SandboxClock) -> None:
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


def test_frozen_time_goes_on_from_where_it_stood(clock: SandboxClock) -> None:
    before = clock.now()

    clock.thaw()

    assert timedelta(0) <= clock.now() - before < timedelta(seconds=1)


def test_two_who_skip_the_same_sleep_move_time_once(clock: SandboxClock) -> None:
    clock.skip()
    start = clock.monotonic()

    clock.sleep(10, start)
    clock.sleep(10, start)

    assert clock.monotonic() - start == pytest.approx(10)


def test_a_sleeper_wakes_when_time_is_moved_past_its_end() -> None:
    clock = SandboxClock(Pulse())
    sleeper = threading.Thread(target=clock.sleep, args=(3600,))
    sleeper.start()

    clock.advance(3600)

    sleeper.join(5)
    assert not sleeper.is_alive()


def test_nobody_sleeps_on_when_the_sandbox_stops() -> None:
    sandbox = Sandbox()
    sleeper = threading.Thread(target=sandbox.clock.sleep, args=(3600,))
    sandbox.start()
    sleeper.start()

    sandbox.stop()

    sleeper.join(5)
    assert not sleeper.is_alive()


@given(st.lists(st.tuples(st.sampled_from(["advance", "jump", "set", "freeze", "thaw"]), st.floats(-1e6, 1e6))))
def test_monotonic_time_never_goes_back(moves: list[tuple[str, float]]) -> None:
    clock = SandboxClock(Pulse(), MORNING)
    seen = [clock.monotonic()]

    for name, by in moves:
        if name == "advance":
            clock.advance(abs(by))
        elif name == "jump":
            clock.jump(by)
        elif name == "set":
            clock.set(clock.now() + timedelta(seconds=by))
        else:
            getattr(clock, name)()
        seen.append(clock.monotonic())

    assert all(later >= earlier - 1e-6 for earlier, later in itertools.pairwise(seen))


def test_the_clock_is_read_and_moved_over_http(sandbox: Sandbox) -> None:
    before = requests.get(f"{sandbox.clock_url}/clock", timeout=5).json()

    after = requests.post(f"{sandbox.clock_url}/clock", json={"advance": 7200}, timeout=5).json()

    assert after["now"] - before["now"] >= 7200
    assert after["monotonic"] - before["monotonic"] >= 7200
    assert after["version"] > before["version"]
    assert sandbox.clock.unix() >= after["now"]


def test_a_waiting_request_hears_of_a_change_at_once(sandbox: Sandbox) -> None:
    version = sandbox.clock.state()["version"]
    heard: list[dict[str, float]] = []
    url = f"{sandbox.clock_url}/clock?after={version}&wait=20"
    waiting = threading.Thread(target=lambda: heard.append(requests.get(url, timeout=25).json()))
    waiting.start()

    sandbox.clock.jump(60)

    waiting.join(5)
    assert heard[0]["version"] == version + 1


def test_a_skipped_sleep_over_http_moves_time(sandbox: Sandbox) -> None:
    sandbox.clock.skip()
    start = sandbox.clock.monotonic()

    body = {"seconds": 120, "start": start}
    state = requests.post(f"{sandbox.clock_url}/clock/sleep", json=body, timeout=5).json()

    assert state["monotonic"] - start >= 120


@pytest.mark.parametrize("body", [{}, {"advance": -1}, {"turn": 1}, {"set": "tomorrow"}, {"advance": None}])
def test_nonsense_moves_are_refused(sandbox: Sandbox, body: dict[str, object]) -> None:
    assert requests.post(f"{sandbox.clock_url}/clock", json=body, timeout=5).status_code == 400


def test_a_broker_may_run_ahead_of_everybody_else(sandbox: Sandbox) -> None:
    sandbox.dhan.run_ahead(42)

    assert sandbox.dhan.unix() - sandbox.telegram.unix() == pytest.approx(42, abs=1)
