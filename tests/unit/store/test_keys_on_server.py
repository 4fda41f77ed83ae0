"""Changing the key of a store on a server, which several machines hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest

from bot.keys import open_value, rotate, seal_value
from bot.moving import MoveRefused, read
from bot.store import Store, StoreError, open_store
from bot.store.records import HeldToken
from bot.store.redis import open_server
from kunji import Reader
from kunji._redis import parse
from kunji._seal import Sealer, write_ring
from tests.redis_server import RedisServer, redis_server
from tests.unit.store.samples import KEY, OTHER_KEY, held, item, row

BOTH = OTHER_KEY + KEY
"""The new one first."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config folder of one of the machines."""
    return machine(tmp_path, "one", KEY)


def machine(tmp_path: Path, name: str, ring: bytes) -> Path:
    folder = tmp_path / name
    (folder / ".kunji").mkdir(mode=0o700, parents=True)
    hand_over(folder, ring)
    return folder


def hand_over(folder: Path, ring: bytes) -> None:
    key = folder / ".kunji" / "kunji.key"
    key.touch(mode=0o600)
    key.write_text(write_ring(ring))


def fresh(value: str) -> HeldToken:
    made = held(value)
    now = datetime.now(UTC)
    return replace(made, token=replace(made.token, issued_at=now, expires_at=now.replace(year=now.year + 1)))


def fill(store: Store) -> None:
    store.save("dhan", TOKEN)
    store.save("dead", held(hours=-1))
    store.update({"dhan": lambda note: replace(note, failures=3)})
    store.update_bot(lambda note: replace(note, locked=True))
    store.queue([item(), item()])
    for minute in range(5):
        store.record(row(minute=minute))


TOKEN = fresh("token-one")


def test_everything_on_the_server_is_sealed_with_the_new_key_and_says_what_it_said(
    folder: Path, server: RedisServer
) -> None:
    with closing(open_store(folder, server.address, environment={})) as store:
        fill(store)
        before = read(store)
        left = server.client.pttl("kunji:token:dhan")
    hand_over(folder, BOTH)

    rotate(folder, server.address, environment={})

    assert (folder / ".kunji" / "kunji.key").read_text() == write_ring(OTHER_KEY)
    with closing(open_store(folder, server.address, environment={})) as store:
        assert read(store) == before
        assert store.load("dhan") == TOKEN
    everything = _texts(server)
    assert Sealer(OTHER_KEY).name in everything
    assert Sealer(KEY).name not in everything
    assert 0 < int(str(server.client.pttl("kunji:token:dhan"))) <= int(str(left))


def test_it_is_not_begun_as_long_as_the_other_machines_cannot_have_the_new_key(
    folder: Path, server: RedisServer
) -> None:
    with closing(open_store(folder, server.address, environment={})) as store:
        fill(store)
    before = _texts(server)

    with pytest.raises(StoreError, match="has to hold the new and the old key first"):
        rotate(folder, server.address, environment={})

    assert _texts(server) == before


def test_a_second_machine_seals_its_config_anew_and_finds_the_store_done(
    folder: Path, server: RedisServer, tmp_path: Path
) -> None:
    second = machine(tmp_path, "two", BOTH)
    config = second / "dhan_config.json"
    config.touch(mode=0o600)
    config.write_text(json.dumps({"pin": seal_value(KEY, "dhan", "pin", "000042")}))
    with closing(open_store(folder, server.address, environment={})) as store:
        fill(store)
    hand_over(folder, BOTH)
    rotate(folder, server.address, environment={})
    before = _texts(server)

    done = rotate(second, server.address, environment={})

    assert done.config_files == ("dhan_config.json",)
    assert open_value(OTHER_KEY, "dhan", "pin", json.loads(config.read_text())["pin"]) == "000042"
    assert _texts(server) == before


def test_the_backup_of_a_key_change_is_a_whole_store_in_a_folder(folder: Path, server: RedisServer) -> None:
    with closing(open_store(folder, server.address, environment={})) as store:
        fill(store)
        before = read(store)
    hand_over(folder, BOTH)

    backup = rotate(folder, server.address, environment={}).backup

    with closing(open_store(folder, str(backup), environment={})) as kept:
        assert read(kept) == before


def test_a_program_that_reads_goes_on_after_a_key_change(folder: Path, server: RedisServer) -> None:
    with closing(open_store(folder, server.address, environment={})) as store:
        fill(store)
    reader = Reader("dhan", config=folder, store=server.address, environment={})
    assert reader.token() == "token-one"
    hand_over(folder, BOTH)

    rotate(folder, server.address, environment={})
    with closing(open_store(folder, server.address, environment={})) as store:
        store.save("dhan", fresh("token-two"))

    assert reader.wait_newer(10)
    assert reader.token() == "token-two"


def test_a_key_in_the_environment_is_changed_by_naming_both(server: RedisServer, tmp_path: Path) -> None:
    alone = {"KUNJI_KEY": write_ring(KEY)}
    with closing(open_store(tmp_path, server.address, environment=alone)) as store:
        fill(store)

    backup = rotate(tmp_path, server.address, environment={"KUNJI_KEY": write_ring(BOTH)}).backup

    with closing(open_store(tmp_path, server.address, environment={"KUNJI_KEY": write_ring(OTHER_KEY)})) as store:
        assert store.load("dhan") == TOKEN
    assert not (tmp_path / ".kunji" / "kunji.key").exists()
    assert not (backup / "kunji.key").exists()


def test_where_there_is_no_store_no_key_is_changed_and_none_begun(folder: Path, server: RedisServer) -> None:
    hand_over(folder, BOTH)

    with pytest.raises(StoreError, match="there is no store at redis://"):
        rotate(folder, server.address, environment={})

    assert server.client.keys() == []


def test_a_bot_that_runs_anywhere_is_stopped_first(folder: Path, server: RedisServer) -> None:
    hand_over(folder, BOTH)
    with closing(open_store(folder, server.address, environment={})) as store:
        crew = store.crew()
        assert crew is not None
        crew.attend()

        with pytest.raises(MoveRefused, match="stop it first"):
            rotate(folder, server.address, environment={})


def test_what_commands_write_while_all_is_sealed_anew_is_not_lost(server: RedisServer) -> None:
    with closing(open_server(parse(server.address), lambda: KEY)) as store:
        fill(store)
    many, begun = 150, Event()

    def write() -> None:
        with closing(open_server(parse(server.address), lambda: BOTH)) as writer:
            for number in range(many):
                writer.update({"dhan": lambda note: replace(note, failures=note.failures + 1)})
                writer.record(row(minute=100 + number))
                writer.save("dhan", fresh(f"token-{number}"))
                if number > 5:
                    begun.set()

    thread = Thread(target=write)
    thread.start()
    begun.wait(20)
    with closing(open_server(parse(server.address), lambda: BOTH)) as store:
        store.reseal()
    thread.join(60)

    with closing(open_server(parse(server.address), lambda: OTHER_KEY)) as store:
        held_now = store.load("dhan")
        assert held_now is not None
        assert held_now.token.value.reveal() == f"token-{many - 1}"
        assert store.note("dhan").failures == 3 + many
        assert [one.at for one in store.history("dhan")][:many] == [
            row(minute=100 + number).at for number in reversed(range(many))
        ]


def test_a_record_nobody_can_open_is_named_and_the_old_key_stays(folder: Path, server: RedisServer) -> None:
    with closing(open_store(folder, server.address, environment={})) as store:
        fill(store)
    server.client.hset("kunji:notes", "kotak", f"7 {Sealer(bytes(32)).seal('{}', 'notes', 'kotak')}")
    hand_over(folder, BOTH)

    with pytest.raises(StoreError, match="kotak"):
        rotate(folder, server.address, environment={})

    assert (folder / ".kunji" / "kunji.key").read_text() == write_ring(BOTH)


def _texts(server: RedisServer) -> str:
    """All that lies there."""
    client = server.client
    found: list[object] = []
    for key in sorted(map(str, client.keys())):
        kind = client.type(key)
        if kind == "string":
            found.append(client.get(key))
        elif kind == "hash":
            found.append(sorted(dict(client.hgetall(key)).items()))
        elif kind == "list":
            found.append(client.lrange(key, 0, -1))
    return repr(found)
