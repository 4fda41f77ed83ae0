"""A wrong clock is told once, by the word of two hosts of brokers; caches and proxies have no say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from bot.sandbox.totp import PERIOD
from bot.store import BotNote
from brokers import Broker, BrokerUnreachable, Clock, CodeRejected, Drift, Surroundings, broker_class
from handlers import text
from tests.contract.stand_in import Windows, says, stand_in
from tests.fakes import FakeClock, MemoryStore
from tests.faults.desk import CLIENT
from tests.faults.judge import A_WHILE, BLURRED, NAME, Machine


def test_a_wrong_clock_is_told_once_and_again_only_after_it_was_right() -> None:
    machine = Machine(60)

    def live_on() -> None:
        for _ in range(3):
            machine.clock.go(A_WHILE)
            machine.refresh()
            machine.compares_clocks()
            machine.clock.go(A_WHILE)
            machine.refresh()
            machine.restart()

    live_on()
    assert [alert.facts["seconds"] for alert in machine.alerts("clock")] == [pytest.approx(60, abs=BLURRED)]

    machine.clock.jump(60)
    live_on()
    assert len(machine.alerts("clock")) == 1

    machine.clock.jump(-90)
    live_on()
    assert len(machine.alerts("clock")) == 2


def test_of_several_machines_each_is_told_of_once_whatever_the_others_clocks_are() -> None:
    store = MemoryStore()
    machines = [Machine(error, store=store, name=name) for error, name in ((60, "vps-1"), (0, "vps-2"), (90, "vps-3"))]

    for _ in range(3):
        for machine in machines:
            machine.compares_clocks()
            machine.tokens.reports.clock()
            machine.clock.go(A_WHILE)

    told = [[alert.facts["machine"] for alert in machine.alerts("clock")] for machine in machines]
    assert told == [["vps-1"], [], ["vps-3"]]


@pytest.mark.parametrize("error", [-5.5, -5, -4.5, 4.5, 5, 5.5])
def test_a_clock_at_the_edge_of_wrong_is_told_once_however_it_is_measured(error: float) -> None:
    machine = Machine(error)

    for _ in range(50):
        machine.compares_clocks()
        machine.refresh()
        machine.restart()
        machine.clock.go(33.3)

    assert len(machine.alerts("clock")) <= 1


class Hurried(MemoryStore):
    """Lets two read before either of them writes, once it is told to."""

    both: Barrier | None = None

    def bot_note(self) -> BotNote:
        note = super().bot_note()
        if self.both is not None:
            with suppress(BrokenBarrierError):
                self.both.wait(5)
        return note


def test_two_who_find_the_clock_wrong_at_once_tell_it_once() -> None:
    store = Hurried()
    machine = Machine(0, store=store)
    machine.refresh()
    machine.clock.jump(-60)
    machine.compares_clocks()
    store.both = Barrier(2)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(machine.tokens.probe, [NAME, NAME]))

    assert len(machine.alerts("clock")) == 1


@pytest.mark.parametrize("error", [-700, -601, 601, 700])
def test_an_error_of_ten_minutes_and_more_is_told_and_never_corrected(error: int) -> None:
    machine = Machine(error)
    machine.compares_clocks()

    with pytest.raises(CodeRejected):
        machine.refresh("schedule")

    assert all(abs(sent.away + error / PERIOD) <= 1 for sent in machine.sent())
    [told] = machine.alerts("clock")
    assert told.facts["seconds"] == pytest.approx(error, abs=BLURRED)
    assert "too much to correct for" in text.alert(told, machine.clock.now())


@pytest.mark.parametrize("headers", [{"Age": "0"}, {"Age": "40"}, {"age": "3600"}])
def test_what_a_cache_kept_of_two_hosts_moves_no_code(headers: dict[str, str]) -> None:
    clock, drift = FakeClock(), Drift()
    date = format_datetime(clock.now() + timedelta(seconds=60), usegmt=True)

    with stand_in() as auth, stand_in() as api:
        for host in (auth, api):
            host.will(says(200, {}, Date=date, **headers))
        dhan(clock, drift, {"auth": auth.url, "api": api.url}).reach()

    assert drift.error() is None


def test_the_time_of_a_proxy_moves_no_code() -> None:
    clock, drift = FakeClock(), Drift()
    date = format_datetime(clock.now() + timedelta(seconds=60), usegmt=True)

    with stand_in() as proxy:
        proxy.will(says(502, "", Date=date))
        for host in ("auth", "api"):
            broker = dhan(clock, drift, {host: f"https://{host}.dhan.example"}, proxy.url)
            with pytest.raises(BrokerUnreachable, match="proxy"):
                broker.reach()

    assert drift.error() is None


def dhan(clock: Clock, drift: Drift, endpoints: dict[str, str], proxy: str | None = None) -> Broker[Any]:
    kind = broker_class("dhan")
    given = Surroundings("auto", endpoints, clock, Windows(), drift, proxy)
    return kind(kind.Config(client_id=CLIENT), given)
