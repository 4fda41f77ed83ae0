"""What counts as alive, as stuck, and as no fault of the bot's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest

from bot.store import StoreError
from bot.vitals import Signs, Vitals
from tests.fakes import FakeClock
from tests.unit.scheduler.world import World, indian
from tests.waiting import until


class Body:
    """A bot's parts, to be stopped one by one."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.heard: datetime | None = self.clock.now()
        self.swept: float | None = self.clock.monotonic()
        self.refused: datetime | None = None
        self.proved = 0
        self.refuses = False
        self.flows = threading.Event()
        self.flows.set()
        self.vitals = Vitals(
            self.clock,
            heard=lambda: self.heard,
            swept=lambda: self.swept,
            prove=self._prove,
            refused=lambda: self.refused,
            patience=0.1,
        )

    def _prove(self) -> None:
        self.flows.wait(10)
        self.proved += 1
        if self.refuses:
            raise StoreError("/home/trader/.kunji cannot be written: no space left on device")

    @contextmanager
    def hanging_disk(self) -> Iterator[None]:
        self.flows.clear()
        try:
            yield
        finally:
            self.flows.set()

    async def lives(self, seconds: float) -> Signs:
        """Time passes while everything works that is not stopped."""
        self.clock.go(seconds)
        self.swept = self.clock.monotonic()
        return await self.vitals.look()


async def test_a_bot_whose_parts_go_on_is_well() -> None:
    body = Body()
    body.clock.go(4)

    signs = await body.vitals.look()

    assert (signs.telegram_seconds, signs.sweep_seconds, signs.store) == (4, 4, "ok")
    assert (signs.stuck, signs.is_moving, signs.is_well) == ([], True, True)


async def test_a_bot_that_has_just_begun_has_half_a_minute_for_its_first_sweep() -> None:
    body = Body()
    body.swept = body.heard = None

    early = await body.vitals.look()
    body.clock.go(31)
    late = await body.vitals.look()
    body.clock.go(90)
    much_later = await body.vitals.look()

    assert (early.telegram_seconds, early.sweep_seconds, early.stuck) == (None, None, [])
    assert (late.stuck, late.is_moving, late.is_well) == (["sweep"], True, False)
    assert (much_later.stuck, much_later.is_moving, much_later.is_well) == (["sweep"], False, False)


async def test_a_sweep_that_waits_for_the_store_shows_and_is_no_reason_to_end_the_bot() -> None:
    body = Body()
    body.clock.go(119)

    waiting = await body.vitals.look()

    assert (waiting.stuck, waiting.is_moving, waiting.is_well) == (["sweep"], True, False)


async def test_a_sweep_that_is_stuck_shows_and_its_return_too() -> None:
    body = Body()
    body.clock.go(121)

    stuck = await body.vitals.look()
    again = await body.lives(1)

    assert (stuck.stuck, stuck.is_moving, stuck.is_well) == (["sweep"], False, False)
    assert (again.stuck, again.is_moving, again.is_well) == ([], True, True)


async def test_a_sweep_that_waits_for_ever_for_something_shows() -> None:
    world, goes_on = World(indian(10), dhan="assisted"), threading.Event()
    vitals = Vitals(
        world.clock, heard=lambda: None, swept=lambda: world.scheduler.last_sweep, prove=lambda: None, patience=0.1
    )
    world.sweep()
    world.hold("dhan", indian(11))
    world.on_tell = lambda: goes_on.wait(10)
    hanging = asyncio.create_task(asyncio.to_thread(world.sweep))
    await until(lambda: world.told)
    world.clock.go(31)

    stuck = await vitals.look()
    goes_on.set()
    await hanging
    again = await vitals.look()

    assert (stuck.stuck, again.stuck) == (["sweep"], [])


async def test_a_telegram_that_is_away_is_told_and_makes_nobody_restart_anything() -> None:
    body = Body()

    signs = await body.lives(7200)

    assert signs.telegram_seconds == 7200
    assert (signs.stuck, signs.is_moving, signs.is_well) == ([], True, True)


async def test_a_wall_clock_that_is_set_makes_nothing_look_stuck() -> None:
    body = Body()
    body.clock.jump(86_400)

    signs = await body.vitals.look()

    assert (signs.sweep_seconds, signs.stuck) == (0, [])

    body.clock.jump(-2 * 86_400)

    assert (await body.vitals.look()).telegram_seconds == 0


async def test_the_store_is_not_proved_with_every_look() -> None:
    body = Body()

    for _ in range(9):
        await body.lives(1)
    assert body.proved == 1

    await body.lives(1)
    await body.lives(1)
    assert body.proved == 2


async def test_a_disk_that_hangs_shows_as_stuck_and_holds_up_nobody() -> None:
    body = Body()
    with body.hanging_disk():
        first = await body.vitals.look()
        later = await body.lives(60)
        much_later = await body.lives(61)

    assert [signs.store for signs in (first, later, much_later)] == ["stuck"] * 3
    assert [signs.is_moving for signs in (first, later, much_later)] == [True, True, False]
    assert [signs.is_well for signs in (first, later, much_later)] == [True, True, False]
    assert much_later.stuck == ["store"]


@pytest.mark.parametrize("minutes", [0, 1, 10])
async def test_a_disk_that_flows_again_is_well_again(minutes: int) -> None:
    body = Body()
    with body.hanging_disk():
        await body.lives(0)
        await body.lives(60 * minutes)

    async def is_proved() -> bool:
        return (await body.lives(11)).store == "ok"

    await until(is_proved)
    signs = await body.lives(1)
    assert (signs.stuck, signs.is_moving, signs.is_well) == ([], True, True)


async def test_a_store_that_refuses_is_missed_by_the_monitor_and_is_no_reason_for_a_restart() -> None:
    """What the disk did not take lives on in this process alone."""
    body = Body()
    body.refuses = True

    signs = [await body.lives(15) for _ in range(10)][-1]

    assert (signs.store, signs.stuck) == ("refuses", ["store"])
    assert (signs.is_moving, signs.is_well) == (True, False)


async def test_a_bot_token_refused_for_a_quarter_of_an_hour_is_not_well_and_no_reason_for_a_restart() -> None:
    body = Body()
    body.refused = body.clock.now()

    assert (await body.lives(14 * 60)).is_well
    signs = await body.lives(2 * 60)

    assert not signs.is_well
    assert signs.is_moving
    body.refused = None
    assert (await body.lives(1)).is_well
