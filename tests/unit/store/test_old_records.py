"""What lies on the server is not believed against what was seen there before: whoever has the server's password, and
not the key, can put old records in the place of the newest, or take them away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.handoff.readers import Readers
from bot.store import AccountNote, Refused, Store
from bot.store.redis import open_server
from kunji._redis import parse
from tests.redis_server import RedisServer, redis_server
from tests.unit.store.samples import KEY, NOW

REFUSED = AccountNote(refused={"config": Refused(2, "the PIN is wrong")})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def store(server: RedisServer) -> Iterator[Store]:
    with closing(opened(server)) as store:
        yield store


@pytest.fixture
def other(server: RedisServer) -> Iterator[Store]:
    """Of another process."""
    with closing(opened(server)) as store:
        yield store


def test_a_refusal_is_remembered_when_the_note_is_taken_away(store: Store, other: Store, server: RedisServer) -> None:
    store.update({"dhan": lambda _: REFUSED})

    server.client.delete("kunji:notes")

    assert store.note("dhan") == REFUSED
    assert other.note("dhan") == REFUSED  # it was put back


def test_an_old_note_does_not_count_whatever_number_it_is_given(
    store: Store, other: Store, server: RedisServer
) -> None:
    store.update({"dhan": lambda note: replace(note, failures=1)})
    old = lying(server, "notes", "dhan")
    store.update({"dhan": lambda _: REFUSED})

    put(server, "notes", "dhan", f"900000 {old}")

    assert store.tokens_and_notes(["dhan"])["dhan"] == (None, REFUSED)
    assert other.note("dhan") == REFUSED


def test_a_change_is_made_to_the_newest_note_and_not_to_an_old_one(store: Store, server: RedisServer) -> None:
    store.update({"dhan": lambda note: replace(note, failures=1)})
    old = lying(server, "notes", "dhan")
    store.update({"dhan": lambda _: REFUSED})
    put(server, "notes", "dhan", f"900000 {old}")

    store.update({"dhan": lambda note: replace(note, paused=True)})

    assert store.note("dhan") == replace(REFUSED, paused=True)


def test_what_another_process_was_seen_to_write_is_not_taken_back_either(
    store: Store, other: Store, server: RedisServer
) -> None:
    other.update({"dhan": lambda note: replace(note, failures=1)})
    old = lying(server, "notes", "dhan")
    other.update({"dhan": lambda _: REFUSED})
    assert store.note("dhan") == REFUSED

    put(server, "notes", "dhan", f"900000 {old}")

    assert store.note("dhan") == REFUSED


def test_a_key_that_was_removed_stays_removed_and_a_locked_chat_locked(store: Store, server: RedisServer) -> None:
    readers = Readers(store)
    key = readers.add("strategy", None, NOW)
    old = lying(server, "bot", "bot")
    readers.remove("strategy")
    store.update_bot(lambda note: replace(note, locked=True))

    put(server, "bot", "bot", f"900000 {old}")

    assert readers.asker(key) is None
    assert store.bot_note().locked


def test_an_old_note_does_not_count_in_an_era_that_was_made_up(store: Store, server: RedisServer) -> None:
    store.update({"dhan": lambda note: replace(note, failures=1)})
    old = lying(server, "notes", "dhan")
    store.update({"dhan": lambda _: REFUSED})

    put(server, "notes", "dhan", f"900000 {old}")
    server.client.set("kunji:era", "made up")
    server.client.client_kill_filter(_type="normal", skipme=True)

    assert store.note("dhan") == REFUSED


def test_notes_that_two_hosts_change_in_turn_lose_nothing(store: Store, other: Store) -> None:
    for number in range(3):
        store.update({"dhan": lambda note: replace(note, failures=note.failures + 1)})
        other.update({"dhan": lambda note, number=number: replace(note, windows=(*note.windows, number))})  # type: ignore[misc]

    assert store.note("dhan") == other.note("dhan") == AccountNote(failures=3, windows=(0, 1, 2))


def test_another_store_that_was_begun_there_is_not_given_the_notes_of_this_one(
    store: Store, server: RedisServer
) -> None:
    store.update({"dhan": lambda _: REFUSED})
    server.client.flushall()
    with closing(opened(server)) as begun:
        begun.update({"dhan": lambda note: replace(note, paused=True)})

        store.note("dhan")

        assert begun.note("dhan") == AccountNote(paused=True)
        assert store.note("dhan") == AccountNote(paused=True)


def opened(server: RedisServer) -> Store:
    return open_server(parse(server.address), lambda: KEY)


def lying(server: RedisServer, name: str, id_: str) -> str:
    """Sealed, without its number."""
    return str(server.client.hget(f"kunji:{name}", id_)).partition(" ")[2]


def put(server: RedisServer, name: str, id_: str, text: str) -> None:
    server.client.hset(f"kunji:{name}", id_, text)
