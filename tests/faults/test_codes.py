"""TOTP codes: sent when the broker takes them whatever this machine's clock says, and never one twice.

The broker's clock is the true one. Of an error over 5 s that two hosts told, the design promises that every code is of
the broker's own window and is sent neither in its first 2 s nor in its last 4 s. A smaller error is left alone: up to
2 s the margins make up for it; beyond, a code may come one window early or late, which the brokers tolerate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.budget import HeldBack
from bot.sandbox import Sandbox
from bot.sandbox.totp import PERIOD, window_at
from bot.store import open_store
from bot.totp import code_of_account
from brokers import CodeRejected, KunjiError, RateLimited
from handlers import text
from tests.e2e.house import MONDAY, house
from tests.fakes import MemoryStore
from tests.faults.crowd import service
from tests.faults.desk import CLIENT, LOGIN, PIN, SEED, dhan_account, indian
from tests.faults.judge import A_WHILE, BLURRED, FAR, NAME, Machine, Sent
from tests.faults.workers import kill, workers

OFFSETS = sorted({*range(31), *(second + 0.5 for second in (0, 1, 2, 3, 24, 25, 26, 27, 28, 29))})
"""Seconds of the broker's window that are over when a code is wanted: each one, and halves near the edges."""
COARSE = (-90, -60, -46, -31, -15, *range(-7, 8), 29, 30, 59, 61, 90)
FROM_START, UNTIL_END = 2, 4
"""Seconds of a window in which no code is sent."""
TOLD_FROM = 5
GIVEN_UP = suppress(RateLimited, HeldBack)
"""No code came up where the clock was set back to; or the last login seems to lie ahead."""

each_second = pytest.mark.parametrize(
    "errors", [pytest.param(COARSE, id="coarse"), pytest.param(range(-90, 91), id="each", marks=pytest.mark.long)]
)


def is_safe(sent: Sent) -> bool:
    """The broker's own code, sent in the safe part of its window."""
    return sent.away == 0 and FROM_START <= sent.gone <= PERIOD - UNTIL_END


def tries(errors: Iterable[float]) -> Iterable[tuple[float, float]]:
    return ((error, gone) for error in errors for gone in OFFSETS)


# When a code is sent


@each_second
def test_once_two_hosts_told_the_time_every_code_is_sent_in_the_safe_part_of_the_brokers_window(
    errors: Iterable[float],
) -> None:
    for error, gone in tries(error for error in errors if abs(error) > TOLD_FROM + BLURRED):
        machine = Machine(error, gone, either_side=0)
        machine.compares_clocks()

        for _ in range(3):
            machine.refresh()

        assert all(map(is_safe, machine.sent())), (error, gone, machine.sent())
        assert len({sent.window for sent in machine.sent()}) == 3


@each_second
def test_a_small_error_is_covered_by_the_margins_or_by_the_window_brokers_tolerate(errors: Iterable[float]) -> None:
    for error, gone in tries(error for error in errors if abs(error) <= TOLD_FROM):
        machine = Machine(error, gone)
        machine.compares_clocks()

        for _ in range(3):
            machine.refresh()

        away = {sent.away for sent in machine.sent()}
        assert away <= ({0} if -FROM_START <= error < UNTIL_END else {-1, 0, 1}), (error, gone)
        assert len({sent.window for sent in machine.sent()}) == 3


@given(
    st.floats(-500, 500).filter(lambda error: abs(error) > TOLD_FROM + BLURRED),
    st.floats(0, PERIOD),
    st.lists(st.floats(0, 3000), min_size=1, max_size=10),
)
def test_however_often_the_time_was_told_codes_are_safe(error: float, gone: float, pauses: list[float]) -> None:
    machine = Machine(error, gone, either_side=0)
    for pause in pauses:
        machine.compares_clocks()
        machine.clock.go(pause)

    machine.refresh()

    assert all(map(is_safe, machine.sent()))


@each_second
def test_a_wrong_clock_that_nobody_measured_costs_one_refusal_at_most_and_nobody_a_message(
    errors: Iterable[float],
) -> None:
    for error, gone in tries(errors):
        machine = Machine(error, gone)

        machine.refresh("schedule")

        *refused, granted = machine.sent()
        assert len(refused) <= 1, (error, gone)
        assert not refused or is_safe(granted), (error, gone, granted)
        assert granted.window not in {sent.window for sent in refused}
        assert not machine.alerts("refused")
        assert not machine.store.note(NAME).refused


@pytest.mark.parametrize("error", [-90, -60, -40, 40, 60, 90])
def test_a_clock_that_is_set_right_after_it_was_found_wrong_costs_no_refusal(error: int) -> None:
    for gone in OFFSETS:
        machine = Machine(error, gone, either_side=0, hosts=("auth", "web", "api"))
        machine.compares_clocks()
        machine.refresh()

        machine.clock.jump(error)
        machine.clock.go(A_WHILE)
        machine.refresh()

        assert all(map(is_safe, machine.sent())), (gone, machine.sent())


@pytest.mark.parametrize("error", [-90, -60, -40, 40, 60, 90])
def test_a_clock_that_is_set_wrong_while_codes_are_made_costs_one_refusal_at_most(error: int) -> None:
    for gone in OFFSETS:
        machine = Machine(0, gone)
        machine.compares_clocks()
        machine.refresh()

        machine.clock.jump(-error)
        machine.clock.go(A_WHILE)
        machine.refresh()

        assert len(machine.sent()) <= 3
        assert len(machine.sent()) == 2 or is_safe(machine.sent()[-1])
        assert len({sent.window for sent in machine.sent()}) == len(machine.sent())


# One more try


@pytest.mark.parametrize("who", ["schedule", "admin"])
def test_after_a_refused_code_the_one_of_the_next_window_is_sent_and_then_no_more(who: str) -> None:
    for gone in OFFSETS:
        machine = Machine(0, gone, either_side=-1)

        with pytest.raises(CodeRejected, match="clock"):
            machine.refresh(who)
        with pytest.raises(KunjiError, match="no further login is tried"):
            machine.refresh(who)

        first, second = machine.sent()
        assert second.window == first.window + 1
        assert is_safe(second)


def test_a_broker_that_tells_no_time_is_sent_the_second_code_all_the_same() -> None:
    machine = Machine(45, gone=5, silent=True)

    machine.refresh()

    first, second = machine.sent()
    assert (first.away, second.away) == (-2, -1)


@pytest.mark.parametrize("error", [-90, 90])
def test_one_host_alone_is_not_believed_and_the_refusal_speaks_of_the_clock(error: int) -> None:
    machine = Machine(error, hosts=("api",))

    with pytest.raises(CodeRejected, match="clock"):
        machine.refresh("schedule")

    first, second = machine.sent()
    assert second.window == first.window + 1
    [refused] = machine.told
    assert "the clock of the machine" in text.alert(refused, machine.clock.now())


@pytest.mark.parametrize(
    ("errors", "offsets"),
    [
        pytest.param((-90, -45, -7, 7, 45, 90), (0, 25.5, 26), id="few"),
        pytest.param(range(-90, 91, 12), range(0, 30, 2), id="many", marks=pytest.mark.long),
    ],
)
def test_at_dhan_the_second_code_is_the_right_one_whatever_the_clock_says(
    errors: Iterable[int], offsets: Iterable[float]
) -> None:
    for error, gone in ((error, gone) for error in errors for gone in offsets):
        came, windows = first_login_at_dhan(error, gone)

        assert len(came) <= 2
        assert window_at(came[-1]) == windows[-1]
        assert len(came) == 1 or FROM_START <= came[-1] % PERIOD <= PERIOD - UNTIL_END, (error, gone)
        assert len(set(windows)) == len(came)


def first_login_at_dhan(error: float, gone: float) -> tuple[list[float], list[int]]:
    """Over HTTP, at a Dhan that takes its own window's code alone: when the codes came, by Dhan, and their windows."""
    with Sandbox(at=indian(8) + timedelta(seconds=gone - error), skip_sleeps=True) as world:
        world.clock.freeze()
        world.dhan.add_client(CLIENT, PIN, SEED)
        world.dhan.rules(windows_either_side=0)
        world.dhan.run_ahead(error)
        store = MemoryStore()
        service([dhan_account(world, store, world.clock)], store, world.clock).refresh("dhan", who="schedule")
        return [seen.at for seen in world.dhan.requests(LOGIN)], list(store.note("dhan").windows)


# No window twice

ACTS: dict[str, Callable[[Machine], object]] = {
    "log in": lambda machine: machine.refresh(),
    "/totp": lambda machine: machine.shown(machine.tokens.code(NAME).digits),
    "kunji totp": lambda machine: machine.shown(code_of_account(machine.tokens, NAME)[0]),
    "restart": lambda machine: machine.restart(),
    "compare clocks": lambda machine: machine.compares_clocks(),
}


@given(
    st.integers(-90, 90),
    st.lists(st.sampled_from(list(ACTS)) | st.integers(-120, -1) | st.floats(0, 40), min_size=2, max_size=20),
)
def test_no_window_is_used_twice_whatever_happens_in_between(error: int, acts: list[str | float]) -> None:
    machine = Machine(error, either_side=FAR)

    for act in acts:
        if isinstance(act, str):
            with GIVEN_UP:
                ACTS[act](machine)
        elif act < 0:
            machine.clock.jump(act)
        else:
            machine.clock.go(act)

    assert max(Counter(sent.window for sent in machine.sent()).values(), default=0) <= 1


def test_a_clock_set_back_by_two_minutes_again_and_again_brings_no_window_back() -> None:
    machine = Machine(either_side=FAR)
    for _ in range(4):
        for _ in range(3):
            with GIVEN_UP:
                machine.refresh()
        machine.clock.jump(-120)

    assert max(Counter(sent.window for sent in machine.sent()).values()) == 1


def test_threads_of_two_programs_that_want_codes_at_once_get_a_window_each() -> None:
    with Sandbox(at=indian(10), skip_sleeps=True) as world, ThreadPoolExecutor(12) as pool:
        store = MemoryStore()
        programs = [service([dhan_account(world, store, world.clock)], store, world.clock) for _ in range(2)]

        def want(number: int) -> str | None:
            with suppress(RateLimited):
                return programs[number % 2].code("dhan").digits.reveal()
            return None

        codes = Counter(code for code in pool.map(want, range(24)) if code)

        assert 1 < codes.total() == len(codes) <= len(store.note("dhan").windows)


@pytest.mark.parametrize(("processes", "rounds"), [pytest.param(4, 3), pytest.param(12, 12, marks=pytest.mark.long)])
def test_processes_that_are_killed_and_started_again_and_a_clock_set_back_bring_no_window_back(
    tmp_path: Path, processes: int, rounds: int
) -> None:
    taken = []
    with Sandbox(at=indian(10), skip_sleeps=True) as world, workers(tmp_path, world) as crowd:
        for _ in range(rounds):
            started = crowd.start(f"codes {processes}")
            taken += [crowd.said() for _ in range(processes)]
            world.clock.jump(-120)
            taken += [crowd.said() for _ in range(processes)]
            kill(*started)
            taken += crowd.rest()

    windows = Counter(line for line in taken if line.isdecimal())
    assert 1 < windows.total() == len(windows)
    assert {line for line in taken if not line.isdecimal()} <= {"RateLimited"}


@pytest.mark.long
def test_the_chat_the_command_line_and_the_login_never_share_a_window(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        home.sandbox.dhan.rules(windows_either_side=0)
        home.auto()
        home.start()
        home.says("/totp", "Good for")
        for words in (("totp", "dhan"), ("refresh", "dhan"), ("totp", "dhan")):
            assert home.run(*words).returncode == 0
        home.says("/totp", "Good for")

        with closing(open_store(home.folder, environment={})) as store:
            windows = store.note("dhan").windows
        assert len(windows) == len(set(windows)) == 5
        assert home.sandbox.dhan.attempts(CLIENT) == {"granted": 1, "refused": 0}
