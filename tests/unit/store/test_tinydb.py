"""The store on this machine does what every store does, and leaves its files as it should."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from bot.store import Store, StoreError, open_store
from bot.store._files import give_to_owner
from bot.store.records import AccountNote
from tests.unit.store.samples import KEY, held, item, row
from tests.unit.store.suite import StoreSuite
from tests.unit.store.test_faults import forge


class TestTinyStore(StoreSuite):
    def open(self, place: Path) -> Store:
        return open_store(place, key=KEY, environment={})

    def swap(self, place: Path, kind: str, account: str, other: str) -> None:
        forge(
            place / ".kunji" / f"{kind}.json",
            lambda tables: tables[kind].update({account: tables[kind][other]}),
        )

    def test_a_damaged_file_is_refused_for_all_in_it(self, store: Store, tmp_path: Path) -> None:
        store.save("dhan", held())
        (tmp_path / ".kunji" / "tokens.json").write_bytes(b"{}")

        with pytest.raises(StoreError, match="is damaged"):
            store.tokens_and_notes(["dhan", "kotak"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path, key=KEY, environment={})


def _fill(store: Store) -> None:
    store.save("dhan", held("first-secret"))
    store.save("dhan", held("second-secret"))
    store.update({"dhan": lambda note: replace(note, last_failure="PIN refused")})
    store.queue([item()])
    store.record(row())
    with store.lock("dhan", 1):
        pass


def test_everything_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        _fill(open_store(tmp_path, environment={}))
    finally:
        os.umask(before)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / ".kunji").rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert stat.S_IMODE((tmp_path / ".kunji").stat().st_mode) == 0o700


def test_nothing_that_was_kept_can_be_read_in_the_files(store: Store, tmp_path: Path) -> None:
    _fill(store)

    files = [path.read_bytes() for path in (tmp_path / ".kunji").rglob("*") if path.is_file()]
    assert files
    for clear in (b"secret", b"feed-token", b"PIN refused", b"granted", b"expired"):
        assert not any(clear in file for file in files)


def test_an_equal_note_writes_nothing(store: Store, tmp_path: Path) -> None:
    store.update({"dhan": lambda note: replace(note, paused=True)})
    before = (tmp_path / ".kunji" / "notes.json").stat()

    store.update({"dhan": lambda note: replace(note, paused=True)})
    store.update_bot(lambda note: note)

    assert (tmp_path / ".kunji" / "notes.json").stat() == before


def test_notes_of_many_accounts_are_one_write(store: Store, tmp_path: Path) -> None:
    store.update({f"account-{number}": lambda note: replace(note, paused=True) for number in range(100)})

    assert (tmp_path / ".kunji" / "notes.json").exists()
    assert not (tmp_path / ".kunji" / "notes.json.1").exists()


def test_a_key_is_made_once_and_used_again(tmp_path: Path) -> None:
    open_store(tmp_path, environment={}).save("dhan", held())
    key = (tmp_path / ".kunji" / "kunji.key").read_bytes()

    assert open_store(tmp_path, environment={}).load("dhan") == held()
    assert (tmp_path / ".kunji" / "kunji.key").read_bytes() == key


def test_the_place_comes_from_the_environment_before_the_config(tmp_path: Path) -> None:
    environment = {"KUNJI_STORE": str(tmp_path / "elsewhere"), "KUNJI_KEY_FILE": str(tmp_path / "my.key")}

    open_store(tmp_path, str(tmp_path / "configured"), environment=environment).save("dhan", held())

    assert (tmp_path / "elsewhere" / "tokens.json").exists()
    assert (tmp_path / "my.key").exists()
    assert not (tmp_path / "elsewhere" / "kunji.key").exists()
    assert not (tmp_path / "configured").exists()


def test_a_store_on_another_kind_of_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="must begin with redis"):
        open_store(tmp_path, "memcached://localhost/0", environment={})


def test_a_folder_in_which_others_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".kunji").mkdir()
    (tmp_path / ".kunji").chmod(0o777)

    with pytest.raises(StoreError, match="chmod 700"):
        open_store(tmp_path, key=KEY, environment={})


def test_a_place_that_cannot_be_a_folder_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="cannot be used as the store's folder"):
        open_store(tmp_path, str(tmp_path / "file" / "store"), key=KEY, environment={})


def test_a_time_without_a_zone_is_not_kept(store: Store) -> None:
    naive = replace(held(), rejected_at=held().token.issued_at.replace(tzinfo=None))

    with pytest.raises(StoreError, match="cannot be kept"):
        store.save("dhan", naive)

    assert store.load("dhan") is None


def test_an_interrupted_write_keeps_nothing_and_stops_nobody(store: Store) -> None:
    def interrupt(note: AccountNote) -> AccountNote:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.update({"kotak": lambda note: replace(note, paused=True), "dhan": interrupt})

    assert store.note("kotak") == AccountNote()
    assert store.update({"dhan": lambda note: replace(note, paused=True)}) == {"dhan": AccountNote(paused=True)}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_a_link_that_the_owner_of_a_folder_puts_there_does_not_get_them_what_it_leads_to(tmp_path: Path) -> None:
    roots, folder = tmp_path / "roots", tmp_path / "folder"
    roots.touch()
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    (folder / "file").symlink_to(roots)

    give_to_owner(folder / "file")

    assert roots.stat().st_uid == 0
