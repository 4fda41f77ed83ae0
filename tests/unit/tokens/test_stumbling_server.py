"""A server that falls silent during a login: what came of it is noted as soon as it answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.store import LockBusy, Store, StoreError
from bot.store.redis import open_server
from bot.store.redis._server import Waits
from brokers import CodeRejected, KunjiError
from kunji._redis import parse
from kunji._seal import new_key
from tests.redis_proxy import Cut, cut_to
from tests.redis_server import RedisServer, redis_server
from tests.unit.tokens.desk import NAME, Bench
from tests.waiting import eventually

KEY = new_key()
WAITS = Waits(answer=0.2, refused=0.01, settling=0.01)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def line(server: RedisServer) -> Iterator[Cut]:
    server.client.flushall()
    with cut_to(server.port) as line:
        yield line


@pytest.fixture
def store(server: RedisServer, line: Cut) -> Iterator[Store]:
    store = open_server(parse(server.at(line.port)), lambda: KEY, waits=WAITS)
    yield store
    store.close()


@pytest.mark.parametrize("fault", ["paused", "cut"])
def test_a_refusal_counts_once_although_the_server_still_takes_the_account_for_locked(
    server: RedisServer, line: Cut, store: Store, fault: str
) -> None:
    bench = Bench(store=store)
    bench.script.login = [CodeRejected("the code was refused")]
    bench.script.during_login = server.pause if fault == "paused" else line.cut
    with pytest.raises(StoreError):
        bench.service.refresh(NAME, who="schedule")
    (server.go_on if fault == "paused" else line.mend)()
    eventually(lambda: answers(store))
    with pytest.raises(LockBusy), store.lock(NAME, 0):
        pass

    bench.service.save_unsaved()

    note = store.note(NAME)
    assert note.begun_at is None
    assert [refused.strikes for refused in note.refused.values()] == [1]


def answers(store: Store) -> bool:
    try:
        store.check()
    except KunjiError:
        return False
    return True
