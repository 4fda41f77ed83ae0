"""What the chat is told of an account comes from what the token service remembers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.accounts import Accounts
from bot.face import Face
from bot.store import StoreError
from brokers import Consent, Drift, RateLimited
from handlers.tokens import AccountStatus
from tests.unit.scheduler.world import World, indian
from tests.unit.tokens.desk import NAME, Bench


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def face_of(world: World, executor: ThreadPoolExecutor) -> Face:
    asking = Accounts(world.tokens, executor)
    return Face(world.tokens, asking, executor, Drift(), world.clock.now(), lambda: None, lambda: False)


async def status(bench: Bench, executor: ThreadPoolExecutor) -> AccountStatus:
    asking = Accounts(bench.service, executor)
    face = Face(bench.service, asking, executor, bench.drift, bench.clock.now(), lambda: None, lambda: False)
    [found] = await face.status([NAME])
    return found


async def test_an_outage_is_seen_while_it_lasts_and_leaves_no_failure_behind(executor: ThreadPoolExecutor) -> None:
    bench = Bench()
    bench.service.refresh(NAME, who="admin")
    bench.clock.go(300)
    began = bench.clock.now()
    bench.script.login = [RateLimited("asked too often")]
    with pytest.raises(RateLimited):
        bench.service.refresh(NAME, who="admin", replace=True)

    during = await status(bench, executor)
    bench.clock.go(60)
    assert bench.service.probe(NAME)
    after = await status(bench, executor)

    assert (during.unreachable_since, during.last_failure) == (began, "asked too often")
    assert (after.unreachable_since, after.last_failure, after.last_failure_at) == (None, None, None)


async def test_of_many_accounts_each_is_told_as_it_stands_and_in_the_order_asked(executor: ThreadPoolExecutor) -> None:
    world = World(indian(10), zerodha="assisted", dhan="auto", kotak="auto")
    world.hold("kotak", indian(23))

    found = await face_of(world, executor).status(["zerodha", "kotak", "dhan"])

    assert [(one.account, one.login, one.expires_at) for one in found] == [
        ("zerodha", "assisted", None),
        ("kotak", "auto", indian(23)),
        ("dhan", "auto", None),
    ]


async def test_a_damaged_record_is_said_so_and_hides_no_login_that_waits(executor: ThreadPoolExecutor) -> None:
    world = World(indian(10), zerodha="assisted", dhan="assisted")
    for name in ("zerodha", "dhan"):
        world.scripts[name].login = [Consent("https://login.example/page", "the address you land on")]
        world.tokens.refresh(name, who="admin")
    world.store.damaged = {"dhan"}
    face = face_of(world, executor)

    with pytest.raises(StoreError, match="the record of dhan"):
        await face.status(["zerodha", "dhan"])
    assert {question.account for question in await face.questions()} == {"zerodha", "dhan"}
