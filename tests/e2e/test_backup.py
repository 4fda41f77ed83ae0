"""The drill: the machine is lost, and what is left is one file and a passphrase."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.house import CLIENT, PIN, SECRET, WIFE, WIFE_SECRET, House, house

PASSPHRASE = "correct horse battery staple"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, at=None) as made:
        made.auto()
        made.write("dhan-wife_config.json", {"client_id": WIFE, "pin": "551204", "totp_secret": WIFE_SECRET})
        made.sandbox.dhan.add_client(WIFE, "551204", WIFE_SECRET)
        yield made


def kept(home: House) -> Path:
    """A backup, taken while the bot runs if it runs."""
    path = home.folder.parent / "kunji.backup"
    result = home.run("backup", str(path), given=f"{PASSPHRASE}\n")
    assert result.returncode == 0, result.stderr
    return path


def on_a_new_machine(home: House, backup: Path) -> None:
    if home.process is not None:
        home.process.kill()
        home.process.wait(10)
        home.process = None
    shutil.rmtree(home.folder)
    home.folder = home.folder.parent / "new" / "config"
    result = home.run("restore", str(backup), given=f"{PASSPHRASE}\n")
    assert result.returncode == 0, result.stderr


@pytest.mark.long
def test_a_lost_machine_is_replaced_by_a_new_one(home: House) -> None:
    for name in ("dhan", "dhan-wife"):
        assert home.run("refresh", name).returncode == 0
    home.start()
    tokens = [home.run("token", name).stdout for name in ("dhan", "dhan-wife")]
    backup = kept(home)

    on_a_new_machine(home, backup)

    check = home.run("check")
    assert check.returncode == 0, check.stdout
    assert "FAIL" not in check.stdout
    assert [home.run("token", name).stdout for name in ("dhan", "dhan-wife")] == tokens
    assert tokens == [f"{home.sandbox.dhan.token(client)}\n" for client in (CLIENT, WIFE)]
    home.start()
    home.says("/status dhan", "fresh")
    assert [home.sandbox.dhan.attempts(client)["granted"] for client in (CLIENT, WIFE)] == [1, 1]


@pytest.mark.long
def test_a_locked_bot_is_locked_on_the_new_machine(home: House) -> None:
    home.start()
    home.says("/lock", "ocked")
    backup = kept(home)

    on_a_new_machine(home, backup)

    home.start()
    home.says("/refresh dhan", "kunji unlock")


@pytest.mark.long
def test_a_refused_account_is_held_back_on_the_new_machine(home: House) -> None:
    home.sandbox.dhan.change(WIFE, pin="999999")
    assert home.run("refresh", "dhan-wife").returncode == 1
    backup = kept(home)

    on_a_new_machine(home, backup)

    again = home.run("refresh", "dhan-wife")
    assert again.returncode == 1
    assert "no further login" in again.stderr
    assert home.sandbox.dhan.attempts(WIFE)["refused"] == 1


@pytest.mark.long
def test_a_backup_can_be_sent_through_pipes(home: House) -> None:
    home.run("refresh", "dhan")
    passphrase = home.folder.parent / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text(f"{PASSPHRASE}\n")
    path = home.folder.parent / "kunji.backup"

    through = home.command("backup", "-", "--passphrase-file", str(passphrase))
    with path.open("wb") as out:
        subprocess.run(through, env=home.variables(), stdout=out, check=True, timeout=60)
    home.folder = home.folder.parent / "new"
    back = home.command("restore", "-", "--passphrase-file", str(passphrase))
    with path.open("rb") as backup:
        subprocess.run(back, env=home.variables(), stdin=backup, check=True, timeout=60)

    assert home.token("dhan") == home.sandbox.dhan.token(CLIENT)


def test_a_passphrase_that_others_may_read_is_refused(home: House) -> None:
    passphrase = home.folder.parent / "passphrase"
    passphrase.write_text(PASSPHRASE)
    passphrase.chmod(0o644)

    result = home.run("backup", str(home.folder.parent / "b"), "--passphrase-file", str(passphrase))

    assert result.returncode == 1
    assert "chmod 600" in result.stderr
    assert not (home.folder.parent / "b").exists()


@pytest.mark.long
def test_what_is_in_a_backup_is_told_without_secrets(home: House) -> None:
    home.run("refresh", "dhan")
    backup = kept(home)
    key = (home.folder / ".kunji" / "kunji.key").read_text().strip()

    listed = home.run("restore", str(backup), "--list", given=f"{PASSPHRASE}\n")

    assert listed.returncode == 0, listed.stderr
    for name in ("config/dhan_config.json", "config/dhan-wife_config.json", "store/tokens.json", "the key"):
        assert name in listed.stdout
    for secret in (PIN, SECRET, key, home.token("dhan") or "", PASSPHRASE):
        assert secret not in listed.stdout + listed.stderr
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


@pytest.mark.long
def test_a_wrong_passphrase_or_a_damaged_backup_writes_nothing(home: House) -> None:
    backup = kept(home)
    old, home.folder = home.folder, home.folder.parent / "new"

    wrong = home.run("restore", str(backup), given="a wrong passphrase\n")
    backup.write_bytes(backup.read_bytes()[:-20])
    damaged = home.run("restore", str(backup), given=f"{PASSPHRASE}\n")

    for result in (wrong, damaged):
        assert result.returncode == 1
        assert result.stderr.splitlines()[-1].startswith("kunji: the passphrase is wrong, or the backup is damaged")
    assert not home.folder.exists()
    assert old.exists()


@pytest.mark.long
def test_a_backup_is_not_put_over_what_is_there(home: House) -> None:
    home.run("refresh", "dhan")
    backup = kept(home)
    home.run("refresh", "dhan", "--replace")
    token = home.token("dhan")

    refused = home.run("restore", str(backup), given=f"{PASSPHRASE}\n")
    home.start()
    running = home.run("restore", str(backup), given=f"{PASSPHRASE}\n")

    assert refused.returncode == running.returncode == 1
    assert "tokens.json" in refused.stderr
    assert "move them away" in refused.stderr
    assert "kunji runs with the store" in running.stderr
    assert home.token("dhan") == token


@pytest.mark.long
def test_a_short_passphrase_and_an_existing_file_are_refused(home: House) -> None:
    path = home.folder.parent / "kunji.backup"

    short = home.run("backup", str(path), given="short\n")
    path.write_text("mine")
    there = home.run("backup", str(path), given=f"{PASSPHRASE}\n")

    assert short.returncode == there.returncode == 1
    assert "at least 12 characters" in short.stderr
    assert "--force" in there.stderr
    assert path.read_text() == "mine"


@pytest.mark.long
def test_a_damaged_config_is_no_reason_to_have_no_backup(home: House) -> None:
    (home.folder / "dhan_config.json").write_text("{")

    kept(home)

    assert home.run("status").returncode == 2
