"""Full disks, failing syncs, files that are damaged, gone, swapped, or from the future: what was there stays."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bot.store import Store, StoreError, open_store, recover
from bot.store._files import durable
from bot.store.tinydb import TinyStore
from kunji import Reader, StoreUnreadable
from tests.unit.store.samples import KEY, OTHER_KEY, held, item, row


def opened(folder: Path, key: bytes = KEY) -> Store:
    return open_store(folder, key=key, environment={})


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """The tokens file of a store that holds two accounts."""
    store = opened(tmp_path)
    store.save("dhan", held("token-of-dhan"))
    store.save("kotak", held("token-of-kotak"))
    return tmp_path / ".kunji" / "tokens.json"


class Disk:
    """Brings files to the disk until it is told to fail."""

    def __init__(self) -> None:
        self.fails_in: int | None = None

    def __call__(self, descriptor: int) -> None:
        if self.fails_in is not None:
            self.fails_in -= 1
            if self.fails_in < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        durable(descriptor)


@pytest.mark.parametrize("sync", ["of the file", "of the folder"])
def test_after_a_failed_write_memory_is_what_the_disk_holds(tmp_path: Path, sync: str) -> None:
    disk = Disk()
    store = TinyStore(tmp_path / "store", lambda: KEY, disk)
    store.save("dhan", held("one"))

    disk.fails_in = 0 if sync == "of the file" else 1
    with pytest.raises(StoreError, match="the disk is full"):
        store.save("dhan", held("two"))
    disk.fails_in = None

    on_disk = TinyStore(tmp_path / "store", lambda: KEY).load("dhan")
    assert store.load("dhan") == on_disk
    assert on_disk in ([held("one")] if sync == "of the file" else [held("one"), held("two")])
    assert not list((tmp_path / "store").glob("*.new"))
    store.save("dhan", held("three"))
    assert store.load("dhan") == held("three")


def test_every_kind_of_write_says_that_the_disk_is_full(tmp_path: Path) -> None:
    disk = Disk()
    store = TinyStore(tmp_path / "store", lambda: KEY, disk)
    disk.fails_in = 0
    writes: list[Callable[[], Any]] = [
        lambda: store.update({"dhan": lambda note: replace(note, paused=True)}),
        lambda: store.update_bot(lambda note: replace(note, locked=True)),
        lambda: store.queue([item()]),
        lambda: store.record(row()),
    ]

    for write in writes:
        with pytest.raises(StoreError, match="cannot be written: the disk is full"):
            write()

    assert not store.note("dhan").paused
    assert store.queued() == []
    assert store.history("dhan") == []


def test_any_flipped_byte_is_refused(tokens: Path, tmp_path: Path) -> None:
    whole = tokens.read_bytes()
    for place in range(len(whole)):
        tokens.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])

        with pytest.raises(StoreError):
            opened(tmp_path).load("dhan")


@pytest.mark.parametrize("keep", [0, 1, 20, -1, -70])
def test_a_file_cut_short_is_refused(tokens: Path, tmp_path: Path, keep: int) -> None:
    tokens.write_bytes(tokens.read_bytes()[:keep])

    with pytest.raises(StoreError, match="is damaged"):
        opened(tmp_path).load("dhan")


def test_a_damaged_file_is_never_written_over(tokens: Path, tmp_path: Path) -> None:
    store = opened(tmp_path)
    damaged = tokens.read_bytes().replace(b"dhan", b"dham")
    tokens.write_bytes(damaged)

    with pytest.raises(StoreError, match=r"is damaged; it is left as it is \(tokens.json.1 beside it is whole"):
        store.save("zerodha", held())

    assert tokens.read_bytes() == damaged


def test_records_that_change_places_are_refused(tokens: Path, tmp_path: Path) -> None:
    forge(tokens, lambda tables: tables["tokens"].update(dhan=tables["tokens"]["kotak"]))

    with pytest.raises(StoreError, match="the record of dhan cannot be read"):
        opened(tmp_path).load("dhan")
    assert opened(tmp_path).load("kotak") == held("token-of-kotak")


def test_a_record_of_another_kind_is_refused(tokens: Path, tmp_path: Path) -> None:
    opened(tmp_path).update({"dhan": lambda note: replace(note, paused=True)})
    forge(tokens.with_name("notes.json"), lambda tables: tables.update(bot={"bot": tables["notes"]["dhan"]}))

    with pytest.raises(StoreError, match="the record of bot cannot be read"):
        opened(tmp_path).bot_note()


@pytest.mark.parametrize("table", [None, [], {"dhan": None}, {"dhan": "x"}, {"dhan": {}}, {"dhan": {"sealed": 1}}])
def test_a_file_summed_up_again_is_damaged_where_it_is_not_of_our_making(
    tokens: Path, tmp_path: Path, table: object
) -> None:
    forge(tokens, lambda tables: tables.update(tokens=table))

    with pytest.raises(StoreError, match="is damaged"):
        opened(tmp_path)
    with pytest.raises(StoreUnreadable, match="is damaged"):
        Reader("dhan", config=tmp_path, environment={}).token()


def test_a_file_in_another_ones_place_is_refused(tokens: Path, tmp_path: Path) -> None:
    opened(tmp_path).update({"dhan": lambda note: replace(note, paused=True)})
    tokens.with_name("notes.json").write_bytes(tokens.read_bytes())

    with pytest.raises(StoreError, match="holds tokens, where notes belong"):
        opened(tmp_path)


def test_a_file_that_is_gone_is_not_begun_anew(tokens: Path, tmp_path: Path) -> None:
    running = opened(tmp_path)
    tokens.unlink()

    with pytest.raises(StoreError, match=r"is gone, although it was there before \(tokens.json.1"):
        running.load("dhan")
    with pytest.raises(StoreError, match="is gone"):
        running.save("dhan", held())
    assert not tokens.exists()


def test_a_newer_version_is_refused_with_a_sentence(tokens: Path, tmp_path: Path) -> None:
    tokens.write_bytes(resummed(tokens.read_bytes().replace(b'"format": 1', b'"format": 2')))

    with pytest.raises(StoreError, match="was written by a newer version of kunji"):
        opened(tmp_path)
    with pytest.raises(StoreError, match="newer version"):
        recover(tmp_path / ".kunji")


def test_a_wrong_key_says_so_and_changes_nothing(tokens: Path, tmp_path: Path) -> None:
    before = tokens.read_bytes()

    with pytest.raises(StoreError, match=r"the key does not fit .*tokens\.json"):
        opened(tmp_path, OTHER_KEY)

    assert tokens.read_bytes() == before
    assert opened(tmp_path).load("dhan") == held("token-of-dhan")


def test_a_lost_key_says_so_and_no_other_is_made(tmp_path: Path) -> None:
    open_store(tmp_path, environment={}).save("dhan", held())
    key = tmp_path / ".kunji" / "kunji.key"
    key.unlink()

    with pytest.raises(StoreError, match="the key is lost"):
        open_store(tmp_path, environment={})

    assert not key.exists()


@pytest.mark.parametrize("text", ["", "short", "!" * 44, "A" * 44 + " " + "A" * 10])
def test_a_key_that_is_none_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    (tmp_path / "my.key").touch(0o600)
    (tmp_path / "my.key").write_text(text)

    with pytest.raises(StoreError, match="holds no key") as caught:
        open_store(tmp_path, environment={"KUNJI_KEY_FILE": str(tmp_path / "my.key")})

    assert not text or text not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="files have no such modes here")
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path, environment={})
    (tmp_path / ".kunji" / "kunji.key").chmod(0o640)

    with pytest.raises(StoreError, match="chmod 600"):
        open_store(tmp_path, environment={})


def test_the_last_whole_copy_is_put_back_when_asked(tokens: Path, tmp_path: Path) -> None:
    tokens.write_bytes(b"nonsense")

    (said,) = recover(tokens.parent)

    assert re.match(r"tokens\.json is again what it was on .*; what was saved after that is lost", said)
    assert opened(tmp_path).accounts() == ["dhan"]
    assert [path.read_bytes() for path in tokens.parent.glob("tokens.json.damaged-*")] == [b"nonsense"]
    assert recover(tokens.parent) == []


def test_a_file_that_is_gone_is_put_back_when_asked(tokens: Path, tmp_path: Path) -> None:
    tokens.unlink()

    assert len(recover(tokens.parent)) == 1

    assert opened(tmp_path).accounts() == ["dhan"]


def test_nothing_is_put_back_where_no_copy_is_whole(tokens: Path) -> None:
    tokens.write_bytes(b"nonsense")
    tokens.with_name("tokens.json.1").unlink()

    assert "no whole copy is left" in recover(tokens.parent)[0]
    assert tokens.read_bytes() == b"nonsense"


def forge(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """What somebody could write who may write the file but has no key."""
    whole = json.loads(path.read_bytes())
    change(whole["tables"])
    del whole["sha256"]
    path.write_bytes(resummed(json.dumps(whole)[:-1].encode() + b',\n"sha256": ""}\n'))


def resummed(data: bytes) -> bytes:
    body = data[: data.rindex(b'\n"sha256"') + 1]
    return body + f'"sha256": "{sha256(body).hexdigest()}"}}\n'.encode()
