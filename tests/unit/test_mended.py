"""An alert that has been overtaken by events is not worth sending."""

from __future__ import annotations

from dataclasses import replace

from bot.mended import still_true
from bot.store import Alert
from tests.unit.scheduler.world import World, indian


def asked(world: World) -> list[tuple[Alert, bool]]:
    return [(alert, still_true(world.tokens, alert)) for alert in world.alerts("ask")]


def test_of_the_askings_that_waited_for_telegram_the_latest_alone_is_sent() -> None:
    world = World(indian(8), zerodha="assisted")

    world.go_to(indian(8, 40), step=5)

    assert [holds for _, holds in asked(world)] == [False, False, True]


def test_the_proof_takes_the_place_of_the_askings_before_it() -> None:
    world = World(indian(8), zerodha="assisted")

    world.go_to(indian(8, 56), step=5)

    assert not any(holds for _, holds in asked(world))
    world.go_to(indian(9, 6), step=5)
    assert [alert.at for alert, holds in asked(world) if holds] == [indian(9, 5)]


def test_an_asking_remembered_from_a_clock_that_was_ahead_takes_the_place_of_none() -> None:
    world = World(indian(8), zerodha="assisted")
    world.go_to(indian(8, 16), step=5)

    world.store.update({"zerodha": lambda note: replace(note, asked_at=indian(8, day=3))})

    assert [holds for _, holds in asked(world)] == [True]


def test_an_asking_is_not_sent_once_there_is_a_token_for_the_day() -> None:
    world = World(indian(8), zerodha="assisted")
    world.go_to(indian(8, 16), step=5)

    world.hold("zerodha", indian(23))

    assert [holds for _, holds in asked(world)] == [False]
