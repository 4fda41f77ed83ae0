"""Programs that say their token is dead: one question to the broker, and one login, however many say so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from bot.handoff.marks import Marks
from bot.handoff.rejections import PROBE_GAP, Rejections, Settled
from bot.keeping import MARK_LOCK_WAIT
from bot.store import LockBusy
from brokers import BrokerUnreachable, KunjiError
from tests.fakes import MemoryStore
from tests.unit.tokens.desk import NAME, Bench


class BusyStore(MemoryStore):
    is_busy = False

    @contextmanager
    def lock(self, account: str, timeout: float) -> Iterator[None]:
        if self.is_busy and timeout == MARK_LOCK_WAIT:
            raise LockBusy("somebody else has it")
        with super().lock(account, timeout):
            yield


class Desk:
    """Many ask at once; what they are told."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self.store = BusyStore()
        self.bench = Bench(store=self.store)
        self.marks = Marks(b"k" * 32)
        self.rejections = Rejections(self.bench.service, self.marks, executor)
        self.bench.service.refresh(NAME, who="admin")
        self.bench.clock.go(3600)
        self.probes = 0
        self.bench.script.during_profile = self._count

    def _count(self) -> None:
        self.probes += 1

    def mark(self) -> str:
        held = self.bench.service.held(NAME)
        return self.marks.of(NAME, held) if held else ""

    async def settle(self, mark: str) -> Settled | KunjiError:
        try:
            return await self.rejections.settle(NAME, self.bench.service.held(NAME), mark)
        except KunjiError as error:
            return error

    async def many(self, count: int, mark: str) -> list[Settled | KunjiError]:
        return await asyncio.gather(*(self.settle(mark) for _ in range(count)))


@pytest.fixture
def desk() -> Iterator[Desk]:
    with ThreadPoolExecutor(8) as executor:
        yield Desk(executor)


def values(answers: list[Settled | KunjiError]) -> set[tuple[str, bool]]:
    return {(one.held.token.value.reveal(), one.alive) for one in answers if isinstance(one, Settled)}


async def test_a_thousand_at_once_are_one_probe_and_one_login(desk: Desk) -> None:
    mark = desk.mark()
    desk.bench.script.live = "somebody else's"

    answers = await desk.many(1000, mark)

    assert values(answers) == {("token-2", False)}
    assert len(answers) == 1000
    assert desk.bench.script.logins == 2
    assert desk.probes == 2  # the dead one, and the proof of the new one


async def test_a_token_that_lives_is_asked_about_once_in_ten_seconds(desk: Desk) -> None:
    mark = desk.mark()

    first = await desk.many(50, mark)
    desk.bench.clock.go(PROBE_GAP - 1)
    second = await desk.many(50, mark)
    asked = desk.probes
    desk.bench.clock.go(1)
    third = await desk.many(50, mark)

    assert values(first + second + third) == {("token-1", True)}
    assert (asked, desk.probes, desk.bench.script.logins) == (1, 2, 1)


async def test_a_broker_that_does_not_answer_is_not_asked_again_at_once_either(desk: Desk) -> None:
    desk.bench.script.profile = [BrokerUnreachable("silence")]

    answers = await desk.many(50, desk.mark()) + await desk.many(50, desk.mark())

    assert {str(one) for one in answers} == {"silence"}
    assert desk.probes == 1


async def test_the_one_that_came_meanwhile_is_given_without_a_question(desk: Desk) -> None:
    mark = desk.mark()
    desk.bench.service.refresh(NAME, who="admin", replace=True)
    asked = desk.probes

    assert values(await desk.many(50, mark)) == {("token-2", False)}
    assert desk.probes == asked


async def test_one_that_is_known_to_be_dead_is_replaced_without_a_probe(desk: Desk) -> None:
    mark = desk.mark()
    desk.bench.clock.go(24 * 3600)

    answers = await desk.many(50, mark)

    assert values(answers) == {("token-2", False)}
    assert desk.probes == 1  # the proof of the new one


async def test_a_second_death_on_one_day_is_left_to_a_person(desk: Desk) -> None:
    desk.bench.clock.go(3600)
    for _ in range(2):
        mark = desk.mark()
        desk.bench.script.live = "somebody else's"
        answers = await desk.many(50, mark)
        desk.bench.clock.go(3600)

    assert {str(one) for one in answers} == {"another program logs in to this account (end it, then /refresh)"}
    assert desk.bench.script.logins == 2


async def test_who_goes_away_does_not_end_it_for_the_others(desk: Desk) -> None:
    mark, begun, go_on = desk.mark(), threading.Event(), threading.Event()
    desk.bench.script.live = "somebody else's"

    def hang() -> None:
        begun.set()
        go_on.wait(10)

    desk.bench.script.during_login = hang
    first = asyncio.create_task(desk.settle(mark))
    second = asyncio.create_task(desk.settle(mark))
    await asyncio.to_thread(begun.wait, 10)
    first.cancel()
    go_on.set()

    assert values([await second]) == {("token-2", False)}
    assert desk.bench.script.logins == 2


@pytest.mark.parametrize("why", ["expired", "rejected"])
async def test_a_token_that_was_found_alive_is_not_given_again_once_it_is_dead(desk: Desk, why: str) -> None:
    held, mark = desk.bench.service.held(NAME), desk.mark()
    assert held is not None
    if why == "expired":
        desk.bench.clock.go_to(held.token.expires_at - timedelta(seconds=1))
    first = await desk.settle(mark)

    desk.bench.clock.go(1)
    if why == "rejected":
        desk.bench.service.rejected(NAME, held)

    assert values([first]) == {("token-1", True)}
    assert values([await desk.settle(mark)]) == {("token-2", False)}


async def test_a_dead_token_is_not_given_where_it_could_not_be_marked(desk: Desk) -> None:
    mark = desk.mark()
    desk.bench.script.live = "somebody else's"
    desk.store.is_busy = True  # with a refresh that comes to nothing

    assert values([await desk.settle(mark)]) == set()
