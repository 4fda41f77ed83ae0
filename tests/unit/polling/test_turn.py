"""Where several could work on what people write: whoever is not sure that it is his turn leaves it to the others."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.polling import Rival
from tests.unit.polling.live import QUICK, running
from tests.unit.polling.stand_in import StandIn, message, status
from tests.waiting import until

CONFLICT = status(409, "Conflict: terminated by other getUpdates request")


class Shift:
    """Whose turn it is, as a test says. None: that is not known."""

    def __init__(self, ours: bool | None = True) -> None:
        self.ours = ours
        self.rivals = 0

    def is_ours(self) -> bool:
        return self.ours is True

    async def comes(self) -> bool:
        await until(lambda: self.ours is not None)
        return self.is_ours()

    def met_rival(self) -> None:
        self.rivals += 1


async def test_what_arrives_when_it_is_somebody_elses_turn_stays_with_telegram() -> None:
    shift = Shift()
    async with StandIn() as api:
        async with running(api, turn=shift) as bot:
            await until(lambda: bot.poller.last_good)
            shift.ours = None
            api.say(message(5))
            await asyncio.wait({asyncio.create_task(bot.stop.wait())}, timeout=0.1)
            shift.ours = False
        async with running(api) as next_bot:
            await until(lambda: next_bot.seen)

    assert (bot.seen, next_bot.seen) == ([], [5])


async def test_what_arrives_while_that_is_not_known_is_worked_on_once_it_is() -> None:
    shift = Shift()
    async with StandIn() as api, running(api, turn=shift) as bot:
        await until(lambda: bot.poller.last_good)
        shift.ours = None
        api.say(message(5))
        await asyncio.wait({asyncio.create_task(bot.stop.wait())}, timeout=0.1)
        assert bot.seen == []

        shift.ours = True

        await until(lambda: bot.seen)


async def test_conflicts_while_another_of_ours_takes_over_are_no_rival() -> None:
    shift = Shift()
    async with StandIn() as api, running(api, replace(QUICK, hand_over=60.0), turn=shift) as bot:
        await until(bot.poller.reached.is_set)
        api.fail("getUpdates", *[CONFLICT] * 6)
        await until(lambda: shift.rivals == 6)
        api.say(message(5))
        await until(lambda: bot.seen)

    assert bot.rivals == []


async def test_a_rival_that_stays_longer_is_one() -> None:
    async with StandIn() as api, running(api, replace(QUICK, hand_over=0.1)) as bot:
        await until(bot.poller.reached.is_set)
        api.fail("getUpdates", *[CONFLICT] * 12)
        await until(lambda: bot.rivals)

    assert bot.rivals[0] is Rival.POLLER
