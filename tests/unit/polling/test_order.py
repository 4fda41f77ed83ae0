from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Update

from bot.polling import PerUserOrder
from tests.unit.polling.stand_in import message


def said(user: int, number: int = 1) -> Update:
    return Update.de_json(message(number, user=user), None)


async def start(order: PerUserOrder, update: object, work: Awaitable[Any]) -> asyncio.Task[None]:
    return asyncio.create_task(order.process_update(update, work))


@given(arrivals=st.lists(st.integers(1, 4), max_size=30), pauses=st.lists(st.integers(0, 3), min_size=30, max_size=30))
def test_each_users_updates_are_worked_on_in_the_order_they_came(arrivals: list[int], pauses: list[int]) -> None:
    begun: dict[int, list[int]] = defaultdict(list)
    busy: set[int] = set()

    async def work(user: int, number: int) -> None:
        assert user not in busy
        busy.add(user)
        begun[user].append(number)
        for _ in range(pauses[number]):
            await asyncio.sleep(0)
        busy.remove(user)

    async def all_of_it() -> PerUserOrder:
        order = PerUserOrder(at_once=2)
        tasks = [await start(order, said(user), work(user, n)) for n, user in enumerate(arrivals)]
        await asyncio.gather(*tasks)
        return order

    order = asyncio.run(all_of_it())

    for user, numbers in begun.items():
        assert numbers == [n for n, who in enumerate(arrivals) if who == user]
    assert sum(map(len, begun.values())) == len(arrivals)
    assert order.users == 0


async def test_one_user_does_not_wait_for_another() -> None:
    order = PerUserOrder()
    never = asyncio.Event()
    hanging = await start(order, said(1), never.wait())

    await asyncio.wait_for(order.process_update(said(2), asyncio.sleep(0)), 1)

    assert not hanging.done()
    never.set()
    await hanging


async def test_what_one_user_queues_behind_a_hanging_command_takes_no_slot_from_others() -> None:
    order = PerUserOrder(at_once=2)
    never = asyncio.Event()
    queued = [await start(order, said(1), never.wait()) for _ in range(50)]
    await asyncio.sleep(0)

    await asyncio.wait_for(order.process_update(said(2), asyncio.sleep(0)), 1)

    never.set()
    await asyncio.gather(*queued)
    assert order.users == 0


async def test_a_hanging_command_holds_up_its_own_user_only_for_a_while() -> None:
    order = PerUserOrder(patience=0.02)
    never = asyncio.Event()
    hanging = await start(order, said(1), never.wait())

    await asyncio.wait_for(order.process_update(said(1), asyncio.sleep(0)), 1)

    assert not hanging.done()
    never.set()
    await hanging


async def test_a_command_that_fails_lets_the_next_one_go() -> None:
    async def fail() -> None:
        raise ValueError("nothing")

    order = PerUserOrder()
    failing = await start(order, said(1), fail())
    await asyncio.wait_for(order.process_update(said(1), asyncio.sleep(0)), 1)

    with pytest.raises(ValueError, match="nothing"):
        await failing
    assert order.users == 0


async def test_shutting_down_cancels_what_runs_and_what_waits() -> None:
    order = PerUserOrder()
    tasks = [await start(order, said(1), asyncio.Event().wait()) for _ in range(3)]
    await asyncio.sleep(0)

    await order.shutdown()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert order.users == 0


@pytest.mark.parametrize("update", [Update(1), object(), None, SimpleNamespace(effective_user=None)])
async def test_an_update_of_nobody_is_worked_on_too(update: object) -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    await PerUserOrder().process_update(update, work())

    assert done.is_set()
