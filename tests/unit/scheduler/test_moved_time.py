"""Whoever moves the time, as the demo does, makes the scheduler look, and hears when it is worth looking again."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.unit.scheduler.world import World, indian

QUARTER = timedelta(minutes=15)


def goes_on(world: World) -> datetime:
    """To the moment at which it is worth looking, once nothing is under way."""
    while (following := world.scheduler.look_now()) <= world.clock.now():
        pass
    world.clock.go((following - world.clock.now()).total_seconds())
    return following


def test_whoever_goes_from_look_to_look_leaves_out_no_probe() -> None:
    world = World(indian(10), dhan="auto", kotak="auto")
    probed: list[datetime] = []
    for name in world.accounts:
        world.hold(name, indian(20))
        world.scripts[name].during_profile = lambda: probed.append(world.clock.now())

    while goes_on(world) < indian(11):
        pass

    assert len(probed) == 8
    assert all(later - earlier == QUARTER for earlier, later in zip(probed, probed[2:], strict=False))


def test_while_a_probe_is_under_way_it_is_worth_looking_again_at_once() -> None:
    world = World(indian(10), dhan="auto")
    world.hold("dhan", indian(20))
    goes_on(world)
    world.executor.holds = True

    looks = [world.scheduler.look_now() - world.clock.now() for _ in range(3)]
    world.executor.release()
    begun = world.clock.now()

    assert looks == [timedelta()] * 3
    assert goes_on(world) == begun + QUARTER


def test_the_proof_before_the_market_opens_is_worth_a_look() -> None:
    world = World(indian(8, 50), dhan="auto")
    world.hold("dhan", indian(20))

    assert goes_on(world) == indian(8, 55)
