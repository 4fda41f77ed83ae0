"""Logins that fall due among several processes: each is done once, by whoever comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from bot.labour import Shared
from bot.scheduler import Scheduler
from bot.store import StoreAway, StoreError
from bot.store.crew import CLAIM
from brokers import BrokerUnreachable
from tests.fakes import FakeCrew, Hall
from tests.unit.scheduler.world import AtOnce, World, indian


class Hands:
    """One process that does logins."""

    def __init__(self, hall: Hall, name: str, known: Iterable[str] = ("dhan", "kotak"), hands: int = 8) -> None:
        self.crew: FakeCrew = hall.join(name)
        self.executor = AtOnce()
        self.done: list[str] = []
        self.ended: list[str] = []
        self.fails = False
        self.labour = Shared(self.crew, self._log_in, self.executor, known=set(known), hands=hands)
        self.labour.ended = self.ended.append

    def _log_in(self, account: str) -> None:
        self.done.append(account)
        if self.fails:
            raise BrokerUnreachable("the broker does not answer")


class Day:
    def __init__(self) -> None:
        self.now = 0.0
        self.hall = Hall(lambda: self.now)


@pytest.fixture
def day() -> Day:
    return Day()


def test_a_login_is_done_by_whoever_comes_first_and_by_nobody_else(day: Day) -> None:
    leader, other = Hands(day.hall, "one"), Hands(day.hall, "two")
    leader.labour.start(["dhan"])

    other.labour.claim()
    leader.labour.claim()

    assert (other.done, leader.done) == (["dhan"], [])


def test_the_leader_hears_that_a_login_has_ended_elsewhere_also_if_it_failed(day: Day) -> None:
    leader, other = Hands(day.hall, "one"), Hands(day.hall, "two")
    other.fails = True
    leader.labour.start(["dhan"])
    leader.labour.look()
    assert leader.labour.is_at_it("dhan")
    assert not leader.ended

    other.labour.claim()
    leader.labour.look()

    assert not leader.labour.is_at_it("dhan")
    assert leader.ended == ["dhan"]


def test_the_leader_hears_of_each_login_by_itself(day: Day) -> None:
    leader, other = Hands(day.hall, "one"), Hands(day.hall, "two", hands=1)
    leader.labour.start(["dhan", "kotak"])

    other.labour.claim()
    leader.labour.look()
    assert (leader.ended, leader.labour.is_at_it("kotak")) == (["dhan"], True)
    other.labour.claim()
    leader.labour.look()

    assert leader.ended == ["dhan", "kotak"]


def test_who_has_offered_nothing_asks_for_nothing(day: Day) -> None:
    leader = Hands(day.hall, "one")
    leader.crew.is_cut_off = True

    leader.labour.look()

    assert leader.ended == []


def test_no_more_logins_are_taken_than_there_are_hands(day: Day) -> None:
    leader, other = Hands(day.hall, "one", hands=1), Hands(day.hall, "two", hands=1)
    leader.executor.holds = other.executor.holds = True
    leader.labour.start(["dhan", "kotak"])

    for _ in range(2):
        leader.labour.claim()
        other.labour.claim()
    leader.executor.release()
    other.executor.release()

    assert leader.done + other.done == ["dhan", "kotak"]
    assert len(leader.done) == 1


def test_what_somebody_claimed_who_died_is_done_by_another_later(day: Day) -> None:
    leader, other = Hands(day.hall, "one"), Hands(day.hall, "two")
    other.executor.holds = True
    leader.labour.start(["dhan"])
    other.labour.claim()

    leader.labour.claim()
    assert leader.done == []
    day.now += CLAIM
    leader.labour.claim()

    assert leader.done == ["dhan"]


def test_what_somebody_claimed_who_left_is_done_by_another_at_once(day: Day) -> None:
    leader, other = Hands(day.hall, "one"), Hands(day.hall, "two")
    other.executor.holds = True
    leader.labour.start(["dhan"])
    other.labour.claim()

    other.crew.leave()
    leader.labour.claim()

    assert leader.done == ["dhan"]


def test_an_account_that_is_not_in_the_config_is_left_to_others(day: Day) -> None:
    leader, other = Hands(day.hall, "one"), Hands(day.hall, "two", known=["kotak"])
    leader.labour.start(["dhan"])

    other.labour.claim()
    leader.labour.claim()

    assert (other.done, leader.done) == ([], ["dhan"])


def test_a_login_that_nobody_can_be_asked_to_do_is_said_so(day: Day) -> None:
    leader = Hands(day.hall, "one")
    leader.crew.is_cut_off = True

    with pytest.raises(StoreError):
        leader.labour.start(["dhan"])

    assert not leader.labour.is_at_it("dhan")


# With the time table


class Pair:
    """Two processes with one store, each with the whole time table, and one of them leads."""

    def __init__(self, login: str = "auto") -> None:
        self.world = world = World(indian(8), dhan=login)
        self.hall = Hall(world.clock.monotonic)
        self.leader = "one"
        self.labours = {name: self._labour(name) for name in ("one", "two")}
        self.schedulers = {name: self._scheduler(name) for name in self.labours}

    def _labour(self, name: str) -> Shared:
        log_in = lambda account: self.world.tokens.refresh(account, who="schedule")  # noqa: E731
        return Shared(self.hall.join(name), log_in, self.world.executor, known=["dhan"], hands=1)

    def _scheduler(self, name: str) -> Scheduler:
        return self.world.made_scheduler(labour=self.labours[name], leads=lambda: self.leader == name)

    def lives(self, minutes: int, *, helper: str) -> None:
        for _ in range(60 * minutes):
            self.world.clock.go(1)
            for scheduler in self.schedulers.values():
                scheduler.sweep()
            self.labours[helper].claim()
            for labour in self.labours.values():
                labour.look()


def test_a_login_that_the_other_machine_does_is_done_once_and_both_know() -> None:
    pair = Pair()

    pair.lives(60, helper="two")

    assert pair.world.scripts["dhan"].logins == 1
    assert len(pair.world.alerts("refreshed")) == 1
    for name in ("two", "one"):
        pair.leader = name
        pair.lives(5, helper="one")
    assert pair.world.scripts["dhan"].logins == 1


def test_only_the_leader_tells_of_what_is_due() -> None:
    pair = Pair("assisted")
    pair.world.hold("dhan", indian(12))
    for scheduler in pair.schedulers.values():
        scheduler.touched("dhan")

    pair.lives(150, helper="two")
    pair.leader = "two"
    pair.lives(5, helper="two")

    assert len(pair.world.alerts("warning")) == 1


def test_nobody_is_told_of_an_expiry_while_the_other_machine_logs_in() -> None:
    pair = Pair()
    pair.world.executor.holds = True
    pair.world.hold("dhan", indian(8, 46))

    pair.lives(60, helper="two")
    assert not pair.world.alerts("expired")
    pair.world.executor.release()
    pair.lives(1, helper="two")

    assert not pair.world.alerts("expired")
    assert pair.world.scripts["dhan"].logins == 1


class Foreman:
    """Has logins done by others, of whom nothing more is heard. While `is_away`, nobody can be asked."""

    def __init__(self) -> None:
        self.ended: Callable[[str], None] = lambda _account: None
        self.is_away = False
        self.asked: list[list[str]] = []
        self.at_it: set[str] = set()

    def start(self, accounts: Sequence[str]) -> None:
        self.asked.append(list(accounts))
        if self.is_away:
            raise StoreAway("the store does not answer")
        self.at_it.update(accounts)

    def is_at_it(self, account: str) -> bool:
        return account in self.at_it


def with_foreman(world: World) -> tuple[Scheduler, Foreman]:
    foreman = Foreman()
    return world.made_scheduler(labour=foreman), foreman


def test_logins_that_fall_due_together_are_offered_in_one_question() -> None:
    names = [f"account-{number}" for number in range(50)]
    scheduler, foreman = with_foreman(World(indian(10), None, **dict.fromkeys(names, "auto")))

    scheduler.sweep()

    assert foreman.asked == [sorted(names)]


def test_logins_that_nobody_could_be_asked_to_do_are_offered_again_a_minute_later() -> None:
    world = World(indian(10), dhan="auto", kotak="auto")
    scheduler, foreman = with_foreman(world)
    foreman.is_away = True

    for _ in range(59):
        scheduler.sweep()
        world.clock.go(1)
    foreman.is_away = False
    for _ in range(3):
        scheduler.sweep()
        world.clock.go(1)

    assert foreman.asked == [["dhan", "kotak"], ["dhan", "kotak"]]
    assert foreman.at_it == {"dhan", "kotak"}


def test_what_is_no_longer_to_be_done_here_is_not_begun_in_the_middle_of_a_sweep() -> None:
    names = [f"account-{number}" for number in range(5)]
    world = World(indian(18), None, **dict.fromkeys(names, "assisted"))
    for name in names:
        world.hold(name, indian(20))
    asked = iter([True, True, False])
    leading = world.made_scheduler(leads=lambda: next(asked, False))

    leading.sweep()

    assert not world.alerts("warning"), "whoever leads now tells of all of it"
