"""Who leads among several: never two at once, and somebody soon, whatever is paused, slow or cut off."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.lead import Lead, Place, awake
from bot.leader import Attendance, TakenOver
from bot.store import Roll, StoreError
from bot.store.crew import LEAD
from tests.fakes import FakeCrew, Hall, MemoryStore
from tests.waiting import until

WE_LEAD = Roll(True, "one", ("two",))
THEY_LEAD = Roll(False, "two", ("two",))


class Watchtower:
    """A `Lead` by a clock that is a value."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lead = Lead(lambda: self.now)

    def hears(self, roll: Roll, *, after: float = 0.0, succeeded: bool = False) -> Place:
        """What it makes of an answer that takes so long."""
        asked_at = self.now
        self.now += after
        self.lead.heard(roll, asked_at, succeeded=succeeded)
        return self.lead.place()

    def misses(self, *, after: float = 0.0) -> Place:
        asked_at = self.now
        self.now += after
        self.lead.missed(asked_at)
        return self.lead.place()


@pytest.fixture
def tower() -> Watchtower:
    return Watchtower()


def test_it_leads_from_the_answer_on_for_as_long_as_the_store_keeps_it_so(tower: Watchtower) -> None:
    assert tower.lead.place() is Place.STANDING_BY

    assert tower.hears(WE_LEAD, after=1) is Place.LEADING
    tower.now += LEAD - 1.001
    assert tower.lead.leads()
    tower.now += 0.001
    assert not tower.lead.leads()


def test_after_a_pause_nothing_is_done_until_it_is_known_who_leads(tower: Watchtower) -> None:
    tower.hears(WE_LEAD)

    tower.now += 3600

    assert tower.lead.place() is Place.UNSURE
    assert tower.hears(THEY_LEAD) is Place.STANDING_BY


def test_an_answer_that_came_during_a_pause_is_worth_nothing(tower: Watchtower) -> None:
    assert tower.hears(WE_LEAD, after=LEAD + 1) is Place.UNSURE


def test_without_a_store_whoever_led_last_is_adrift_and_leads_on_when_it_is_back(tower: Watchtower) -> None:
    tower.hears(WE_LEAD)
    assert tower.misses(after=5) is Place.LEADING
    tower.now += LEAD

    assert tower.misses(after=5) is Place.ADRIFT
    assert not tower.lead.leads()
    assert tower.hears(WE_LEAD) is Place.LEADING


def test_a_question_over_which_it_was_paused_makes_nobody_adrift(tower: Watchtower) -> None:
    tower.hears(WE_LEAD)
    tower.now += LEAD

    assert tower.misses(after=LEAD + 1) is Place.UNSURE


def test_adrift_is_not_for_ever_without_another_question(tower: Watchtower) -> None:
    tower.hears(WE_LEAD)
    tower.now += LEAD
    tower.misses()

    tower.now += LEAD

    assert tower.lead.place() is Place.UNSURE


def test_whoever_is_adrift_gives_way_to_a_rival_and_whoever_leads_does_not(tower: Watchtower) -> None:
    tower.hears(WE_LEAD)
    tower.lead.met_rival()
    assert tower.lead.place() is Place.LEADING
    tower.now += LEAD
    tower.misses()

    tower.lead.met_rival()

    assert tower.lead.place() is Place.STANDING_BY
    assert tower.misses() is Place.STANDING_BY


def test_whoever_was_succeeded_ends_what_it_began_before_it_leads_again(tower: Watchtower) -> None:
    tower.hears(WE_LEAD)
    tower.now += 3600

    assert tower.hears(WE_LEAD, succeeded=True) is Place.STANDING_BY
    assert tower.hears(WE_LEAD) is Place.LEADING


STEPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["ask", "ask", "ask", "late", "cut", "mend", "rival"]),
        st.floats(0, 20, allow_nan=False),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_at_no_moment_do_two_lead(steps: list[tuple[int, str, float]]) -> None:
    """Answers may come late, and every clock is the same; a pause is time in which one does nothing."""
    now = 0.0
    hall = Hall(lambda: now)
    crews = [hall.join(name) for name in ("one", "two", "three")]
    leads = [Lead(lambda: now) for _ in crews]

    for number, step, seconds in steps:
        crew, lead, asked_at = crews[number], leads[number], now
        if step in {"ask", "late"}:
            try:
                roll = crew.attend()
                now += seconds if step == "late" else 0.0
                lead.heard(roll, asked_at)
            except StoreError:
                lead.missed(asked_at)
        elif step == "rival":
            lead.met_rival()
        else:
            crew.is_cut_off = step == "cut"
        assert sum(one.leads() for one in leads) <= 1
        now += seconds
        assert sum(one.leads() for one in leads) <= 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["one", "two", "nobody"]), max_size=8))
def test_somebody_leads_soon_after_another_one_falls_out(falls: list[str]) -> None:
    now = 0.0
    hall = Hall(lambda: now)
    crews = {name: hall.join(name) for name in ("one", "two", "three")}
    leads = {name: Lead(lambda: now) for name in crews}

    def rounds(count: int) -> None:
        nonlocal now
        for _ in range(count):
            for name, crew in crews.items():
                try:
                    leads[name].heard(crew.attend(), now)
                except StoreError:
                    leads[name].missed(now)
            now += 2.0

    for fallen in falls:
        for name, crew in crews.items():
            crew.is_cut_off = name == fallen
        rounds(6)  # of two seconds: LEAD, and a look
        assert [lead.leads() for lead in leads.values()].count(True) == 1


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system counts no such time")
def test_time_in_which_the_machine_sleeps_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = 8 * 3600.0
    since_boot = {time.CLOCK_BOOTTIME: slept + time.monotonic()}
    monkeypatch.setattr(time, "clock_gettime", since_boot.__getitem__)

    assert awake() == since_boot[time.CLOCK_BOOTTIME]


def test_where_no_clock_goes_on_while_the_machine_sleeps_the_usual_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)

    assert time.monotonic() <= awake() <= time.monotonic()


# The loop around it


class Crowd:
    """Two processes of a crew that share a store, with a clock that is a value."""

    def __init__(self) -> None:
        self.now = 0.0
        self.store = MemoryStore()
        self.hall = Hall(lambda: self.now)
        self.crews: dict[str, FakeCrew] = {}

    def joins(self, name: str) -> Attendance:
        self.crews[name] = self.hall.join(name)
        return Attendance(self.crews[name], self.store, clock=lambda: self.now, every=0.002)

    async def goes_by(self, seconds: float, *running: Attendance) -> None:
        """Time in which these do their rounds."""
        for _ in range(round(seconds)):
            self.now += 1.0
            await until(lambda: all((one.round_at or 0.0) >= self.now for one in running))


async def test_whoever_comes_first_leads_and_the_other_takes_over_when_it_is_not_heard_of() -> None:
    crowd = Crowd()
    one, two = crowd.joins("one"), crowd.joins("two")
    first = asyncio.create_task(one.run())
    await one.until_called()
    one.sign_on()
    second = asyncio.create_task(two.run())
    await until(lambda: two.roll)

    first.cancel()
    await crowd.goes_by(LEAD + 2, two)
    await two.until_called()

    assert two.leads()
    assert not one.leads()
    assert two.taken_over() == TakenOver("two", "one")
    second.cancel()


async def test_whoever_leaves_hands_over_at_once_and_was_not_cut_off() -> None:
    crowd = Crowd()
    one, two = crowd.joins("one"), crowd.joins("two")
    first = asyncio.create_task(one.run())
    await one.until_called()
    one.sign_on()
    second = asyncio.create_task(two.run())
    await until(lambda: two.roll)

    one.sign_off()
    await one.give_up()
    await two.until_called()

    assert two.taken_over() is None
    first.cancel()
    second.cancel()


async def test_one_that_leads_again_after_somebody_else_did_is_dismissed_first() -> None:
    crowd = Crowd()
    one, two = crowd.joins("one"), crowd.joins("two")
    first = asyncio.create_task(one.run())
    await one.until_called()
    one.sign_on()
    first.cancel()
    crowd.now += LEAD
    crowd.crews["two"].attend()
    two.sign_on()
    crowd.now += LEAD
    dismissed = asyncio.create_task(one.until_dismissed())

    again = asyncio.create_task(one.run())

    await dismissed
    await one.until_called()
    again.cancel()


async def test_one_that_nobody_followed_leads_on_after_the_store_was_away() -> None:
    crowd = Crowd()
    one = crowd.joins("one")
    running = asyncio.create_task(one.run())
    await one.until_called()
    one.sign_on()
    dismissed = asyncio.create_task(one.until_dismissed())
    crowd.crews["one"].is_cut_off = True
    crowd.now += LEAD
    await until(lambda: one.place() is Place.ADRIFT)

    crowd.crews["one"].is_cut_off = False
    await until(one.leads)

    assert not dismissed.done()
    assert one.taken_over() is None
    running.cancel()
    dismissed.cancel()


async def test_commands_wait_while_it_is_not_known_who_leads() -> None:
    crowd = Crowd()
    one = crowd.joins("one")
    running = asyncio.create_task(one.run())
    await one.until_called()
    running.cancel()
    crowd.now += LEAD
    answering = asyncio.create_task(one.answers())
    await asyncio.wait({answering}, timeout=0.02)
    assert not answering.done()
    crowd.crews["two"] = crowd.hall.join("two")
    crowd.crews["two"].attend()

    running = asyncio.create_task(one.run())

    assert await answering is False
    running.cancel()


async def test_nobody_says_that_another_was_cut_off_who_was_so_himself() -> None:
    crowd = Crowd()
    one, two = crowd.joins("one"), crowd.joins("two")
    first = asyncio.create_task(one.run())
    await one.until_called()
    one.sign_on()
    second = asyncio.create_task(two.run())
    await until(lambda: two.roll)
    first.cancel()
    crowd.crews["two"].is_cut_off = True
    await crowd.goes_by(LEAD + 2, two)
    assert two.place() is Place.STANDING_BY

    crowd.crews["two"].is_cut_off = False
    await two.until_called()

    assert two.taken_over() is None
    second.cancel()
