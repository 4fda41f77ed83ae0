"""One login, however many find the same token dead at once, and whatever becomes of the one who does it."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Sandbox
from bot.store import Store, open_store
from bot.tokens import TokenService
from brokers import KunjiError
from tests.faults.crowd import service
from tests.faults.desk import CLIENT, LOGIN, PIN, SEED, dhan_account, indian
from tests.faults.workers import kill, workers
from tests.waiting import eventually

DHAN_GAP = 120
OUR_GAP = 130


def sandbox() -> Sandbox:
    made = Sandbox(at=indian(10), skip_sleeps=True)
    made.dhan.add_client(CLIENT, PIN, SEED)
    return made


def opened(folder: Path) -> Store:
    return open_store(folder, environment={})


def tokens_at(world: Sandbox, store: Store) -> TokenService:
    return service([dhan_account(world, store, world.clock)], store, world.clock)


def with_a_token(world: Sandbox, folder: Path) -> str:
    """A token that is good; its value."""
    with closing(opened(folder)) as store:
        tokens_at(world, store).refresh("dhan", who="admin")
        held = store.load("dhan")
    assert held is not None
    world.clock.advance(OUR_GAP + 1)
    world.dhan.forget_calls()
    return held.token.value.reveal()


def mark_rejected(world: Sandbox, folder: Path) -> None:
    world.dhan.kill_token(CLIENT)
    with closing(opened(folder)) as store:
        assert tokens_at(world, store).probe("dhan") is False
    world.dhan.forget_calls()


@pytest.mark.long
def test_fifty_processes_find_a_token_expired_and_one_logs_in(tmp_path: Path) -> None:
    with sandbox() as world, workers(tmp_path, world) as crowd:
        with_a_token(world, tmp_path)
        world.clock.advance(24 * 3600)

        assert len(crowd.start("ask 50 1")) == 50

        assert Counter(crowd.rest()) == {"granted": 1, "kept": 49}
        assert world.dhan.calls(LOGIN) == 1


@pytest.mark.long
def test_fifty_processes_of_four_threads_find_a_token_rejected_and_one_logs_in(tmp_path: Path) -> None:
    with sandbox() as world, workers(tmp_path, world) as crowd:
        with_a_token(world, tmp_path)
        mark_rejected(world, tmp_path)

        crowd.start("ask 50 4")

        assert Counter(crowd.rest()) == {"granted": 1, "kept": 199}
        assert world.dhan.calls(LOGIN) == 1


def test_fifty_threads_that_find_no_token_log_in_once(tmp_path: Path) -> None:
    with sandbox() as world, closing(opened(tmp_path)) as store, ThreadPoolExecutor(50) as pool:
        tokens = tokens_at(world, store)
        outcomes: list[Any] = list(pool.map(lambda _: tokens.refresh("dhan", who="program"), range(50)))

        assert world.dhan.calls(LOGIN) == 1
        assert Counter(outcome.already for outcome in outcomes) == {False: 1, True: 49}


def test_when_the_one_who_logs_in_is_killed_the_next_looks_first_and_finds_the_old_token_alive(tmp_path: Path) -> None:
    with sandbox() as world, workers(tmp_path, world) as crowd:
        value = with_a_token(world, tmp_path)
        world.clock.set(indian(9, 55, day=1))  # too little is left for this day's trading: a login is due
        world.dhan.hang(LOGIN)

        holder = crowd.start("ask 1 1")
        world.dhan.wait_calls(LOGIN, 1, 10)
        kill(*holder)
        assert crowd.rest() == []
        crowd.start("ask 1 1")

        assert crowd.rest() == ["kept"]
        assert [seen.call for seen in world.dhan.requests()] == [LOGIN, "profile"]
        assert world.dhan.token(CLIENT) == value


def test_when_the_one_who_logs_in_is_killed_after_it_was_granted_the_gap_is_kept(tmp_path: Path) -> None:
    with sandbox() as world, workers(tmp_path, world) as crowd:
        with_a_token(world, tmp_path)
        world.clock.set(indian(9, 55, day=1))
        world.dhan.drip(LOGIN, seconds=0.05)

        holder = crowd.start("ask 1 1")
        eventually(lambda: world.dhan.attempts(CLIENT)["granted"] == 2)
        kill(*holder)
        assert crowd.rest() == []

        crowd.start("ask 1 1")
        assert crowd.rest() == ["HeldBack"]
        assert [seen.call for seen in world.dhan.requests()] == [LOGIN, "profile"]

        world.clock.advance(OUR_GAP + 1)
        crowd.start("ask 1 1")
        assert crowd.rest() == ["granted"]
        first, second = (seen.at for seen in world.dhan.requests(LOGIN))
        assert second - first >= DHAN_GAP
        assert world.dhan.attempts(CLIENT) == {"granted": 3, "refused": 0}


@pytest.mark.long
def test_everybody_who_waited_for_one_that_was_killed_goes_on_and_one_logs_in(tmp_path: Path) -> None:
    with sandbox() as world, workers(tmp_path, world) as holder, workers(tmp_path, world) as crowd:
        world.dhan.hang(LOGIN)
        held = holder.start("ask 1 1")
        world.dhan.wait_calls(LOGIN, 1, 10)
        crowd.start("ask 8 2")
        kill(*held)
        holder.rest()

        assert Counter(crowd.rest()) == {"HeldBack": 16}
        world.clock.advance(OUR_GAP + 1)
        world.dhan.heal()
        crowd.start("ask 8 2")
        assert Counter(crowd.rest()) == {"granted": 1, "kept": 15}
        assert world.dhan.attempts(CLIENT) == {"granted": 1, "refused": 0}


@pytest.mark.parametrize("seconds", [-3 * 86_400, -3600, 3600, 3 * 86_400])
def test_a_clock_that_is_set_while_the_lock_is_held_makes_no_second_login(tmp_path: Path, seconds: int) -> None:
    with sandbox() as world, closing(opened(tmp_path)) as store:
        tokens = tokens_at(world, store)
        world.dhan.hang(LOGIN)
        said: list[str] = []
        asking = [threading.Thread(target=partial(self_told, tokens, said)) for _ in range(2)]
        asking[0].start()
        world.dhan.wait_calls(LOGIN, 1, 10)
        world.clock.jump(seconds)
        world.dhan.run_ahead(-seconds)
        asking[1].start()
        world.dhan.heal()
        for thread in asking:
            thread.join(20)

        assert world.dhan.calls(LOGIN) == 1
        assert sorted(said) == ["BrokerUnreachable", "HeldBack"]
        world.clock.jump(-seconds)
        world.dhan.run_ahead(0)
        world.clock.advance(600)
        tokens.refresh("dhan", who="admin")
        assert world.dhan.attempts(CLIENT) == {"granted": 1, "refused": 0}


def self_told(tokens: TokenService, said: list[str]) -> None:
    try:
        tokens.refresh("dhan", who="program")
        said.append("good")
    except KunjiError as error:
        said.append(type(error).__name__)


@pytest.mark.parametrize("noted", ["last_login_at", "retry_at"])
def test_a_clock_that_was_ahead_for_a_while_keeps_nobody_from_logging_in(tmp_path: Path, noted: str) -> None:
    with sandbox() as world, closing(opened(tmp_path)) as store:
        tokens = tokens_at(world, store)
        noted_then: dict[str, Any] = {noted: indian(10, day=90)}
        store.update({"dhan": lambda note: replace(note, **noted_then)})

        tokens.refresh("dhan", who="schedule")

        assert world.dhan.attempts(CLIENT)["granted"] == 1
