"""A backup is opened by its passphrase alone, holds everything, and is put back whole or not at all."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backup import BackupError, Contents, KeyLay, put_back, refuse_to_replace, seal, take, unseal, write
from bot.backup._contents import from_bytes, stays_below, to_bytes
from bot.backup._sealed import Cost
from bot.backup._taking import settled
from bot.keys import rotate
from bot.moving import move
from bot.store import Refused, StoreError, open_store
from bot.store._turns import Locks
from brokers import Secret
from kunji._seal import write_ring
from tests.redis_server import redis_server
from tests.unit.store.samples import KEY, NOW, OTHER_KEY, held, row

PASSPHRASE = Secret("correct horse battery")
CHEAP = Cost(1, 1, 1)
PIN = "482913"
PASSWORD = "hunter2-hunter2"
HEAD = 13 + 4 + 16 + 12


def put(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A config folder with a store that has something to remember."""
    folder = tmp_path / "config"
    put(folder / "dhan_config.json", json.dumps({"client_id": "1100", "pin": "file:secrets/pin"}))
    put(folder / "bot_config.json", json.dumps({"morning": "08:30"}))
    put(folder / ".env", "TELEGRAM_BOT_TOKEN=file:telegram.token\n")
    put(folder / "secrets" / "pin", PIN)
    put(folder / "telegram.token", "110201543:AAH")
    fill(folder, {})
    return folder


def fill(folder: Path, environment: dict[str, str]) -> None:
    store = open_store(folder, environment=environment)
    store.save("dhan", held("live"))
    store.update({"dhan": lambda note: replace(note, refused={"print": Refused(1, "PIN refused")})})
    store.update_bot(lambda note: replace(note, locked=True))
    store.record(row())
    store.close()


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def own_files(folder: Path) -> dict[str, bytes]:
    """Without locks, and the copies of files that are whole."""
    return {name: data for name, data in files(folder).items() if "/locks/" not in name and name[-2:] != ".1"}


def made(*names: str) -> Contents:
    return Contents(NOW, "1", dict.fromkeys(names, b"x"), None, KeyLay.IN_THE_STORE)


# Taking and putting back.


def test_what_is_put_back_is_what_was_kept_and_for_its_owner_only(home: Path, tmp_path: Path) -> None:
    new = tmp_path / "machine" / "config"

    put_back(unseal(seal(take(home, NOW, {}), PASSPHRASE, CHEAP), PASSPHRASE), new, {})

    assert own_files(new) == own_files(home)
    assert all(stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600) for path in new.rglob("*"))


def test_what_was_remembered_is_remembered_again(home: Path, tmp_path: Path) -> None:
    put_back(take(home, NOW, {}), tmp_path / "new", {})

    store = open_store(tmp_path / "new", environment={})
    assert store.load("dhan") == held("live")
    assert store.note("dhan").refused["print"].strikes == 1
    assert store.bot_note().locked
    assert store.history("dhan") == [row()]


def test_a_config_that_is_wrong_is_kept_as_it_is(home: Path, tmp_path: Path) -> None:
    put(home / "dhan_config.json", '{"pin": "file:secrets/pin",,')
    put(home / "bot_config.json", "{")

    contents = take(home, NOW, {})

    assert contents.files["config/dhan_config.json"] == b'{"pin": "file:secrets/pin",,'
    assert {"config/bot_config.json", "config/secrets/pin", "store/tokens.json"} <= set(contents.files)
    assert "took the store in" in " ".join(contents.remarks)
    put_back(contents, tmp_path / "new", {})
    assert own_files(tmp_path / "new") == own_files(home)


def test_what_is_not_in_it_is_told(home: Path) -> None:
    outside = home.parent / "outside"
    put(outside, "hidden")
    put(
        home / "kotak_config.json",
        json.dumps({"mpin": f"file:{outside}", "a": "file:../outside", "b": "file:gone", "c": "${KOTAK_UCC}"}),
    )

    contents = take(home, NOW, {})

    told = " ".join(contents.remarks)
    assert f"{outside}, which kotak_config.json names, is not in the backup" in told
    assert "../outside, which kotak_config.json names, is not in the backup" in told
    assert "gone, which kotak_config.json names, is not in the backup: there is no such file" in told
    assert "the variable KOTAK_UCC is not in the backup" in told
    assert b"hidden" not in contents.files.values()


def test_the_files_for_tls_are_kept(home: Path) -> None:
    put(home / "bot_config.json", json.dumps({"private_tls": {"certificate": "chain.pem", "key": "tls/key.pem"}}))
    put(home / "chain.pem", "chain")
    put(home / "tls" / "key.pem", "private")

    contents = take(home, NOW, {})

    assert contents.of("config/").keys() >= {"chain.pem", "tls/key.pem"}


def test_a_damaged_store_is_kept_with_its_copies(home: Path) -> None:
    store = open_store(home, environment={})
    store.save("dhan", held("later"))
    store.close()
    (home / ".kunji" / "tokens.json").write_bytes(b"{}")

    contents = take(home, NOW, {})

    assert {"store/tokens.json", "store/tokens.json.1"} <= set(contents.files)
    assert "store/notes.json.1" not in contents.files
    assert any("tokens.json of the store is damaged" in remark for remark in contents.remarks)


def test_who_read_which_token_is_kept(home: Path) -> None:
    put(home / ".kunji" / "audit.log", "{}\n")
    put(home / ".kunji" / "audit.log.1", "{}\n")

    assert {"audit.log", "audit.log.1"} <= take(home, NOW, {}).of("store/").keys()


def test_an_empty_folder_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="nothing to keep"):
        take(tmp_path, NOW, {})


def test_a_config_without_a_store_is_a_backup(home: Path, tmp_path: Path) -> None:
    (home / ".kunji").rename(tmp_path / "away")

    put_back(take(home, NOW, {}), tmp_path / "new", {})

    assert own_files(tmp_path / "new") == own_files(home)


def test_a_backup_taken_while_somebody_writes_waits_for_the_end_of_it(home: Path) -> None:
    place = home / ".kunji"
    taken: list[Contents] = []
    taker = Thread(target=lambda: taken.append(take(home, NOW, {})))

    with Locks(place).writing():
        put(place / "audit.log", "half")
        taker.start()
        taker.join(0.3)
        put(place / "audit.log", "whole")
    taker.join()

    assert taken[0].files["store/audit.log"] == b"whole"


def test_a_backup_taken_while_the_key_is_changed_opens(home: Path, tmp_path: Path) -> None:
    done = Event()

    def change_it() -> None:
        while not done.is_set():
            rotate(home, environment={})

    changing = Thread(target=change_it)
    changing.start()
    try:
        backups = [take(home, NOW, {}) for _ in range(20)]
    finally:
        done.set()
        changing.join()

    for turn, contents in enumerate(backups):
        put_back(contents, tmp_path / str(turn), {})
        assert open_store(tmp_path / str(turn), environment={}).load("dhan") == held("live")


def test_a_config_that_changes_meanwhile_is_read_again() -> None:
    versions = iter([1, 2, 3, 3, 4])

    assert settled(lambda: next(versions)) == 3


def test_a_config_that_never_rests_is_refused() -> None:
    versions = iter(range(1000))

    with pytest.raises(BackupError, match="keep changing"):
        settled(lambda: next(versions))


# The key.


def test_a_key_from_the_environment_is_kept_and_told_how_to_set_again(home: Path, tmp_path: Path) -> None:
    (home / ".kunji").rename(tmp_path / "away")
    variables = {"KUNJI_KEY": write_ring(KEY).strip()}
    fill(home, variables)
    contents = take(home, NOW, variables)

    told = put_back(contents, tmp_path / "file", {}).remarks
    silent = put_back(contents, tmp_path / "variable", variables).remarks

    assert "set KUNJI_KEY to what is in that file" in told[0]
    assert write_ring(KEY).strip() not in told[0]
    assert open_store(tmp_path / "file", environment={}).load("dhan") == held("live")
    assert silent == ()
    assert not (tmp_path / "variable" / ".kunji" / "kunji.key").exists()
    with pytest.raises(BackupError, match="KUNJI_KEY is not the key of the backup"):
        put_back(contents, tmp_path / "third", {"KUNJI_KEY": write_ring(OTHER_KEY)})


def test_a_key_that_lies_elsewhere_is_kept_and_put_where_it_is_wanted(home: Path, tmp_path: Path) -> None:
    (home / ".kunji").rename(tmp_path / "away")
    (tmp_path / "keys").mkdir(mode=0o700)
    variables = {"KUNJI_KEY_FILE": str(tmp_path / "keys" / "kunji")}
    fill(home, variables)
    contents = take(home, NOW, variables)
    (tmp_path / "keys" / "kunji").unlink()

    told = put_back(contents, tmp_path / "here", {}).remarks
    put_back(contents, tmp_path / "there", variables)

    assert "KUNJI_KEY_FILE" in told[0]
    assert open_store(tmp_path / "here", environment={}).load("dhan") == held("live")
    assert open_store(tmp_path / "there", environment=variables).load("dhan") == held("live")
    assert not (tmp_path / "there" / ".kunji" / "kunji.key").exists()


def test_a_store_whose_key_is_lost_or_another_is_not_taken_for_kept(home: Path) -> None:
    with pytest.raises(StoreError, match="does not fit"):
        take(home, NOW, {"KUNJI_KEY": write_ring(OTHER_KEY)})

    (home / ".kunji" / "kunji.key").unlink()
    with pytest.raises(BackupError, match="there is no key"):
        take(home, NOW, {})


# Where it is put.


@pytest.mark.parametrize(
    ("said", "where"), [("kept", "new/kept"), ("../beside", "beside"), ("${PLACE}", "far"), ("FAR", "far")]
)
def test_the_store_goes_where_the_restored_config_says(home: Path, tmp_path: Path, said: str, where: str) -> None:
    machine = tmp_path / "machine"
    variables = {"PLACE": str(machine / "far")}
    put(home / "bot_config.json", json.dumps({"store": said.replace("FAR", str(machine / "far"))}))
    contents = take(home, NOW, {"KUNJI_STORE": str(home / ".kunji")})

    restored = put_back(contents, machine / "new", variables)

    assert restored.store.resolve() == machine / where
    assert open_store(machine / "new", environment=variables).load("dhan") == held("live")


def test_the_store_goes_where_the_environment_says(home: Path, tmp_path: Path) -> None:
    variables = {"KUNJI_STORE": str(tmp_path / "elsewhere")}

    restored = put_back(take(home, NOW, {}), tmp_path / "new", variables)

    assert restored.store == tmp_path / "elsewhere"
    assert open_store(tmp_path / "new", environment=variables).load("dhan") == held("live")
    assert not (tmp_path / "new" / ".kunji").exists()


@pytest.mark.parametrize(
    "there",
    ["dhan_config.json", "other_config.json", ".env", "secrets/pin", ".kunji/tokens.json", ".kunji/history/other.json"],
)
def test_nothing_that_is_there_is_replaced_or_mixed_with(home: Path, tmp_path: Path, there: str) -> None:
    new = tmp_path / "new"
    for part in (new, new / ".kunji", new / "secrets"):
        part.mkdir(mode=0o700)
    put(new / there, "mine")

    with pytest.raises(BackupError, match="move them away") as refused:
        put_back(take(home, NOW, {}), new, {})

    assert str(new / there) in str(refused.value)
    assert own_files(new) == {there: b"mine"}


@pytest.mark.parametrize("folder", ["secrets", ".kunji/history"])
def test_nothing_is_put_where_a_link_leads(home: Path, tmp_path: Path, folder: str) -> None:
    elsewhere, new = tmp_path / "elsewhere", tmp_path / "new"
    elsewhere.mkdir()
    (new / folder).parent.mkdir(parents=True, mode=0o700)
    (new / folder).symlink_to(elsewhere)

    with pytest.raises(BackupError, match="a link leads away"):
        put_back(take(home, NOW, {}), new, {})

    assert own_files(elsewhere) == {}
    assert own_files(new) == {}


def test_a_place_on_which_a_bot_runs_is_refused(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "new" / ".kunji"
    place.mkdir(parents=True, mode=0o700)

    with Locks(place).account("_run", 0), pytest.raises(BackupError, match="kunji runs with the store"):
        put_back(take(home, NOW, {}), tmp_path / "new", {})

    assert own_files(tmp_path / "new") == {}


def test_what_cannot_be_finished_is_undone(home: Path, tmp_path: Path) -> None:
    contents = take(home, NOW, {})
    impossible = replace(contents, files={**contents.files, "config/secrets/pin/below": b"x"})

    with pytest.raises((BackupError, StoreError)):
        put_back(impossible, tmp_path / "new", {})

    assert own_files(tmp_path / "new") == {}


KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.backup import put_back, take

home, new = map(Path, sys.argv[1:])
contents = take(home, datetime.now(UTC), {})
for last in range(1, 1000):
    folder = new / str(last)
    child = os.fork()
    if child == 0:
        left = last
        def hook(event, arguments):
            global left
            if event in ("os.link", "os.mkdir", "open", "os.remove") and str(folder) in str(arguments):
                left -= 1
                if left == 0:
                    os._exit(9)
        sys.addaudithook(hook)
        put_back(contents, folder, {})
        os._exit(0)
    killed = os.waitpid(child, 0)[1] != 0
    put_back(contents, folder, {})
    if not killed:
        break
"""


@pytest.mark.long
def test_killed_at_any_moment_it_is_done_again(home: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.mkdir()

    subprocess.run([sys.executable, "-c", KILLED, str(home), str(new)], check=True, timeout=120)

    folders = list(new.iterdir())
    assert len(folders) > 30
    for folder in folders:
        assert own_files(folder) == own_files(home)
        assert not list(folder.rglob(".restoring"))


# The file.


def test_every_changed_byte_is_refused() -> None:
    data = seal(made("config/dhan_config.json"), PASSPHRASE, CHEAP)

    for place in (*range(HEAD), *range(HEAD, len(data), 7), len(data) - 1):
        for bit in (1, 128):
            changed = data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
            with pytest.raises(BackupError):
                unseal(changed, PASSPHRASE)


@given(st.binary(max_size=200))
def test_what_is_no_backup_is_refused(data: bytes) -> None:
    with pytest.raises(BackupError):
        unseal(data, PASSPHRASE)
    with pytest.raises(BackupError):
        from_bytes(data)


def test_a_backup_cut_short_is_refused() -> None:
    data = seal(made("config/.env"), PASSPHRASE, CHEAP)

    for length in range(len(data)):
        with pytest.raises(BackupError):
            unseal(data[:length], PASSPHRASE)


@pytest.mark.parametrize("cost", [(40, 8, 1), (19, 8, 1), (17, 255, 1), (17, 8, 255), (0, 8, 1), (17, 0, 1)])
def test_a_header_that_asks_for_too_much_is_refused_before_it_gets_it(cost: tuple[int, int, int]) -> None:
    data = seal(made("config/.env"), PASSPHRASE, CHEAP)

    with pytest.raises(BackupError, match="damaged"):
        unseal(data[:14] + bytes(cost) + data[17:], PASSPHRASE)


def test_a_newer_backup_says_so() -> None:
    data = seal(made("config/.env"), PASSPHRASE, CHEAP)

    with pytest.raises(BackupError, match="newer version"):
        unseal(data[:13] + b"\x02" + data[14:], PASSPHRASE)


def test_another_passphrase_does_not_open_it_and_a_short_one_is_not_taken() -> None:
    data = seal(made("config/.env"), PASSPHRASE, CHEAP)

    with pytest.raises(BackupError, match="passphrase is wrong"):
        unseal(data, Secret("correct horse batterx"))
    with pytest.raises(BackupError, match="at least 12"):
        seal(made("config/.env"), Secret("eleven char"), CHEAP)


def test_nothing_of_what_is_in_it_can_be_read_in_it_or_in_a_repr(home: Path) -> None:
    contents = take(home, NOW, {})

    data = seal(contents, PASSPHRASE, CHEAP)

    for secret in (PIN, "110201543:AAH", "dhan"):
        assert secret.encode() not in data
    assert PIN not in repr(contents)
    assert contents.key is not None
    assert contents.key.reveal() not in repr(contents)


@pytest.mark.parametrize(
    "name",
    [
        "config/../dhan_config.json",
        "config//etc/passwd",
        "config/a/./b",
        "config/",
        "config/a\\..\\b",
        "config/a\nb",
        "/etc/passwd",
        "dhan_config.json",
        "store/../tokens.json",
        "store/kunji.key",
        "store/locks/store",
        "store/history/../tokens.json",
        "store/tokens.json/x",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="what kunji never writes"):
        from_bytes(to_bytes(made(name)))


def test_what_is_shown_of_a_backup_makes_a_terminal_do_nothing() -> None:
    contents = replace(made("config/.env"), version="\x1b[2J1", remarks=("\x1b]0;title\x07all is well\nreally",))

    shown = from_bytes(to_bytes(contents))

    assert (shown.version, shown.remarks) == ("?[2J1", ("?]0;title?all is well?really",))


@given(st.text(st.sampled_from("ab./\\ ~"), max_size=12))
def test_a_name_that_is_allowed_stays_below(name: str) -> None:
    folder = Path("/config")

    if stays_below(name):
        assert (folder / name).resolve().is_relative_to(folder)
        assert (folder / name).resolve() != folder


def test_a_backup_is_for_its_owner_only_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    path = tmp_path / "kunji.backup"

    write(path, b"one", force=False)
    with pytest.raises(BackupError, match="exists already"):
        write(path, b"two", force=False)
    with pytest.raises(BackupError, match="exists already"):
        refuse_to_replace(path)

    assert path.read_bytes() == b"one"
    write(path, b"two", force=True)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["kunji.backup"]


def test_a_backup_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        write(tmp_path / "gone" / "kunji.backup", b"one", force=False)


# A store on a server.


def test_what_is_on_a_server_is_in_the_backup_and_comes_back_into_a_folder(home: Path, tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis", password=PASSWORD) as server:
        put(home / "redis.address", server.address)
        put(home / "bot_config.json", json.dumps({"store": "file:redis.address"}))
        put(home / ".kunji" / "audit.log", "{}\n")
        move(home, str(home / ".kunji"), server.address, lambda: NOW, {})
        shutil.move(home / ".kunji" / "tokens.json", tmp_path / "tokens.json")

        kept = take(home, NOW, {})

    restored = put_back(kept, tmp_path / "machine", {})
    store = open_store(tmp_path / "machine", str(restored.store), environment={})
    assert store.load("dhan") == held("live")
    assert store.bot_note().locked
    assert store.history("dhan") == [row()]
    assert (restored.store / "audit.log").read_text() == "{}\n"
    [remark] = restored.remarks
    assert "kunji store move --from" in remark
    assert PASSWORD not in remark


def test_what_is_damaged_on_a_server_is_told_and_the_rest_is_in_the_backup(home: Path, tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as server:
        move(home, None, server.address, lambda: NOW, {})
        server.client.lpush("kunji:history:x y", "no name of ours")
        server.client.lpush("kunji:history:kotak", "no row")
        server.client.hset("kunji:notes", "zerodha", "no note")

        kept = take(home, NOW, {"KUNJI_STORE": server.address})

    assert kept.remarks == (
        "the history of kotak is not in the backup: it is damaged",
        "the note of zerodha is not in the backup: it is damaged",
    )
    restored = put_back(kept, tmp_path / "machine", {})
    assert open_store(tmp_path / "machine", str(restored.store), environment={}).load("dhan") == held("live")


def test_without_its_server_there_is_no_backup(home: Path, tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as server:
        address = server.address
    put(home / "bot_config.json", json.dumps({"store": address}))

    with pytest.raises(StoreError, match="cannot be reached"):
        take(home, NOW, {})


def test_a_backup_of_a_server_leaves_nothing_behind(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "aside"))
    (tmp_path / "aside").mkdir()
    with redis_server(tmp_path / "redis") as server:
        move(home, None, server.address, lambda: NOW, {})

        take(home, NOW, {"KUNJI_STORE": server.address})

    assert list((tmp_path / "aside").iterdir()) == []
