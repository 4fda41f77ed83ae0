"""Keys for programs: shown once, kept by their digest, good for what they were made for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.handoff.readers import ADDRESSES_KEPT, Asker, Mistakes, ReaderError, Readers
from bot.logs import Redactor
from bot.store import open_store
from brokers import Secret
from tests.fakes import FakeClock, MemoryStore

NOW = datetime(2026, 11, 17, 2, 30, tzinfo=UTC)


def test_a_key_is_known_again_with_its_rights() -> None:
    readers = Readers(MemoryStore())
    one, all_ = readers.add("one", ["zerodha", "dhan"], NOW), readers.add("all", None, NOW)

    assert readers.asker(one) == Asker("one", frozenset({"dhan", "zerodha"}))
    assert readers.asker(all_) == Asker("all", None)
    assert [(name, known.accounts, known.made_at) for name, known in readers.named().items()] == [
        ("all", None, NOW),
        ("one", ("dhan", "zerodha"), NOW),
    ]


def test_a_key_for_no_account_reads_none() -> None:
    readers = Readers(MemoryStore())
    key = readers.add("one", [], NOW)

    asker = readers.asker(key)

    assert asker is not None
    assert not asker.may_read("dhan")


@pytest.mark.parametrize("wrong", ["", "kr_", "kr_wrong", "é", "\ud800"])
def test_nothing_else_is_taken_for_a_key(wrong: str) -> None:
    readers = Readers(MemoryStore())
    key = readers.add("one", None, NOW).reveal()

    assert readers.asker(Secret(wrong)) is None
    assert readers.asker(Secret(key[:-1])) is None
    assert readers.asker(Secret(key + "a")) is None


def test_the_key_itself_is_kept_nowhere(tmp_path: Path) -> None:
    store = open_store(tmp_path, environment={})
    key = Readers(store).add("one", None, NOW).reveal()
    store.close()

    assert (len(key), key[:3]) == (46, "kr_")
    assert not any(key.encode() in path.read_bytes() for path in (tmp_path / ".kunji").rglob("*") if path.is_file())


def test_a_key_is_struck_out_of_the_log() -> None:
    key = Readers(MemoryStore()).add("one", None, NOW).reveal()

    assert Redactor()(f"Bearer {key} was sent") == "Bearer […] was sent"


def test_a_name_that_has_a_key_gets_no_second_one() -> None:
    readers = Readers(MemoryStore())
    key = readers.add("one", ["dhan"], NOW)

    with pytest.raises(ReaderError, match="one has a key already"):
        readers.add("one", None, NOW)

    assert readers.asker(key) == Asker("one", frozenset({"dhan"}))


@pytest.mark.parametrize("name", ["", "One", "-one", "o ne", "one\n", "o" * 33, "owner", "nobody"])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(ReaderError, match="small letters"):
        Readers(MemoryStore()).add(name, None, NOW)


def test_a_key_that_was_taken_away_is_none() -> None:
    readers = Readers(MemoryStore())
    key, other = readers.add("one", None, NOW), readers.add("two", None, NOW)

    readers.remove("one")

    assert readers.asker(key) is None
    assert readers.asker(other) is not None
    with pytest.raises(ReaderError, match="there is no reader one; there are: two"):
        readers.remove("one")


def test_wrong_keys_are_counted_by_address_and_minute() -> None:
    clock = FakeClock()
    mistakes = Mistakes(clock.monotonic)

    here = [mistakes.are_too_many("here") for _ in range(11)]
    there = mistakes.are_too_many("there")
    clock.go(60)

    assert here == [False] * 10 + [True]
    assert there is False
    assert mistakes.are_too_many("here") is False


def test_a_flood_of_addresses_is_forgotten_and_the_busy_one_is_not() -> None:
    mistakes = Mistakes(FakeClock().monotonic)
    for number in range(3 * ADDRESSES_KEPT):
        mistakes.are_too_many(str(number))
        mistakes.are_too_many("busy")

    assert mistakes.are_too_many("busy")
    assert not mistakes.are_too_many("0")
