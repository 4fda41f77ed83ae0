"""The outbox where another may deliver next: nothing is lost, and nothing comes twice without saying so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bot.delivery import Waiting
from bot.store import StoreError
from tests.unit.test_alerts import ADMIN, Desk, Stumbling
from tests.waiting import until


class Pair:
    """Two processes with one store, whose messages are seen by one phone."""

    def __init__(self) -> None:
        self.store = Stumbling()
        self.one, self.two = Desk(self.store), Desk(self.store)
        self.two.bot = self.one.bot

    @property
    def texts(self) -> list[str]:
        return self.one.bot.texts


@asynccontextmanager
async def delivering(desk: Desk, may_send: Callable[[Waiting], bool] = lambda _: True) -> AsyncIterator[None]:
    task = asyncio.create_task(desk.outbox.run(desk.bot, may_send=may_send, among_others=True))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_one_that_stands_by_tells_is_sent_by_the_leader_alone() -> None:
    pair = Pair()
    pair.two.tell("a")
    async with delivering(pair.one):
        await until(lambda: pair.texts == ["a"])

    async with delivering(pair.two):
        pair.two.tell("b")
        await until(lambda: "b" in pair.texts)

    assert pair.texts == ["a", "b"]


async def test_what_somebody_else_sent_meanwhile_is_not_sent_again() -> None:
    pair = Pair()
    pair.one.bot.hangs.add(ADMIN)
    pair.one.tell("a")
    pair.one.tell("b")
    async with delivering(pair.one):
        await until(lambda: pair.one.bot.tries == 1)
    pair.one.bot.hangs.clear()
    async with delivering(pair.two):
        await until(lambda: len(pair.texts) == 2)

    async with delivering(pair.one):
        pair.one.tell("c")
        await until(lambda: "c" in pair.texts)

    assert pair.texts == ["a possibly a repeat", "b", "c"]


async def test_whoever_does_not_lead_any_more_sends_nothing() -> None:
    pair = Pair()
    pair.one.tell("a")
    async with delivering(pair.one, may_send=lambda _: False):
        await until(lambda: bool(pair.one.waits))

    assert pair.texts == []
    assert len(pair.one.lying()) == 1


async def test_what_the_store_would_not_take_is_sent_by_one_that_is_adrift() -> None:
    pair = Pair()
    async with delivering(pair.one, may_send=lambda one: one.number is None):
        pair.store.refuses_writes = True
        pair.one.tell("a")
        await until(lambda: bool(pair.texts))

    assert pair.texts[0].startswith("a")


async def test_what_the_store_would_not_take_from_one_that_stands_by_is_handed_in_later() -> None:
    pair = Pair()
    pair.store.refuses_writes = True
    pair.two.tell("a")
    pair.store.refuses_writes = False

    pair.two.outbox.hand_in()
    pair.two.outbox.hand_in()
    async with delivering(pair.one):
        await until(lambda: bool(pair.texts))

    assert len(pair.texts) == 1
    assert pair.one.lying() == []


async def test_what_the_store_took_without_saying_so_and_another_sent_is_not_handed_in_again() -> None:
    pair = Pair()
    pair.store.loses_answers = True
    pair.two.tell("a")
    pair.store.loses_answers = False
    async with delivering(pair.one):
        await until(lambda: not pair.one.lying())

    pair.two.outbox.hand_in()

    assert pair.texts == ["a"]
    assert pair.one.lying() == []


async def test_what_was_handed_in_without_the_store_saying_so_is_not_handed_in_again() -> None:
    pair = Pair()
    pair.store.refuses_writes = True
    pair.two.tell("a")
    pair.store.refuses_writes, pair.store.loses_answers = False, True
    with pytest.raises(StoreError):
        pair.two.outbox.hand_in()
    pair.store.loses_answers = False

    pair.two.outbox.hand_in()
    assert len(pair.one.lying()) == 1
    async with delivering(pair.one):
        await until(lambda: not pair.one.lying())
    pair.two.outbox.hand_in()

    assert pair.texts == ["a store"]
    assert pair.one.lying() == []


async def test_what_one_that_was_adrift_sent_is_dropped_where_the_store_took_it_without_saying_so() -> None:
    pair = Pair()
    async with delivering(pair.one, may_send=lambda one: one.number is None):
        pair.store.loses_answers = True
        pair.one.tell("a")
        pair.store.is_away = True
        await until(lambda: bool(pair.texts))
    pair.store.is_away = pair.store.loses_answers = False

    pair.one.outbox.hand_in()

    assert pair.one.lying() == []


async def test_one_that_begins_to_deliver_knows_what_it_told_while_it_stood_by() -> None:
    pair = Pair()
    pair.store.loses_answers = True
    pair.one.tell("a")
    pair.store.loses_answers = False

    async with delivering(pair.one):
        await until(lambda: not pair.one.lying())

    assert pair.texts == ["a store"]
