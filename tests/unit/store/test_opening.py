"""Opening a store on a server: whose key it is, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.keys import read_key
from bot.store import StoreAway, StoreError, open_store, places_of, recover
from kunji._seal import write_ring
from tests.redis_server import RedisServer, redis_server
from tests.unit.store.samples import KEY, item

PASSWORD = "hunter2-hunter2"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis", password=PASSWORD) as running:
        yield running


def machine(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir(mode=0o700)
    return folder


def test_the_first_machine_makes_the_key_and_keeps_it_beside_its_config(server: RedisServer, tmp_path: Path) -> None:
    folder = machine(tmp_path, "one")

    with closing(open_store(folder, server.address, environment={})) as store:
        store.queue([item()])

    key = folder / ".kunji" / "kunji.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text() not in str(server.client.dump("kunji:outbox"))


def test_a_second_machine_needs_the_first_ones_key_and_makes_none(server: RedisServer, tmp_path: Path) -> None:
    one, two = machine(tmp_path, "one"), machine(tmp_path, "two")
    with closing(open_store(one, server.address, environment={})) as store:
        store.queue([item()])

    with pytest.raises(StoreError, match="begun with a key that is not here") as refused:
        open_store(two, server.address, environment={})

    assert str(two / ".kunji" / "kunji.key") in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert not (two / ".kunji").exists()
    ring = read_key(places_of(one, server.address, {}), create=False, environment={})
    with closing(open_store(two, server.address, environment={"KUNJI_KEY": write_ring(ring)})) as store:
        assert [waiting for _, waiting in store.queued()] == [item()]


def test_another_key_is_refused_and_changes_nothing(server: RedisServer, tmp_path: Path) -> None:
    with closing(open_store(machine(tmp_path, "one"), server.address, environment={})) as store:
        store.queue([item()])
    before = server.client.get("kunji:life")

    with pytest.raises(StoreError, match="the key does not fit the store at redis://"):
        open_store(machine(tmp_path, "two"), server.address, environment={"KUNJI_KEY": write_ring(KEY)})

    assert server.client.get("kunji:life") == before


def test_a_server_that_does_not_answer_is_no_reason_to_make_a_key(server: RedisServer, tmp_path: Path) -> None:
    folder = machine(tmp_path, "one")
    server.stop()

    with pytest.raises(StoreAway, match="cannot be reached"):
        open_store(folder, server.address, environment={})

    assert not (folder / ".kunji").exists()


def test_a_wrong_password_is_told_as_one(server: RedisServer, tmp_path: Path) -> None:
    wrong = server.address.replace(PASSWORD, "guessed-wrong")

    with pytest.raises(StoreError, match="does not take the user or the password") as refused:
        open_store(tmp_path, wrong, environment={})

    assert "guessed-wrong" not in str(refused.value)


@pytest.mark.parametrize("address", [f"http://x:{PASSWORD}@host", f"redis://:{PASSWORD}@"])
def test_a_wrong_address_is_never_shown(address: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="the address of the store is wrong") as refused:
        open_store(tmp_path, address, environment={})

    assert PASSWORD not in str(refused.value)


def test_a_store_on_a_server_has_no_copies_here_to_put_back(server: RedisServer) -> None:
    with pytest.raises(StoreError, match="no files here"):
        recover(server.address)
