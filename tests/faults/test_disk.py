"""Disks that are full or read-only, and stores that somebody else has touched, under a real `kunji run`."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kunji import Reader
from tests.e2e.house import ADMIN, CLIENT, MONDAY, SUNDAY, WIFE, House, house

FULL = b"0" * 4096


def no_more_bytes(home: House) -> None:
    """From now on the running bot can write nothing; what it deletes or renames is another matter."""
    assert home.process is not None
    resource.prlimit(home.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def bytes_again(home: House) -> None:
    assert home.process is not None
    resource.prlimit(home.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.json*")
        if path.is_file() and not path.name.endswith(".new")
    }


def logged_in(home: House) -> str:
    """A bot that runs and holds a token; the token."""
    home.auto()
    home.start()
    home.says("/refresh dhan", "new token")
    token = home.token("dhan")
    assert token is not None
    return token


needs_prlimit = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of others cannot be set here")


@pytest.mark.long
@needs_prlimit
def test_a_disk_that_takes_nothing_ends_no_token_and_the_admin_is_told_before_the_market_opens(tmp_path: Path) -> None:
    with house(tmp_path, SUNDAY) as home:
        token = logged_in(home)
        before = files(home.folder)
        no_more_bytes(home)

        home.at(MONDAY.replace(hour=8, minute=56))
        told = home.sees("💾", timeout=20)
        home.says("/status", "dhan")

        assert "cannot be written" in told.text
        assert home.token("dhan") == token
        assert files(home.folder) == before

        bytes_again(home)
        home.sandbox.clock.advance(1800)
        home.sees("refreshed by itself", timeout=20)
        assert home.token("dhan") == home.sandbox.dhan.token(CLIENT) != token
        assert home.sandbox.dhan.attempts(CLIENT) == {"granted": 2, "refused": 0}


# A file system of its own


def mounted(place: Path) -> bool:
    place.mkdir(mode=0o700)
    tried = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(place)], check=False, capture_output=True
    )
    return tried.returncode == 0


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    if os.name != "posix" or os.geteuid() != 0 or not mounted(place):
        pytest.skip("no file system can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """By a mount over it: the bot keeps its lock files open for writing, so the disk itself cannot be turned."""
    subprocess.run(["mount", "--bind", str(place), str(place)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def full(place: Path) -> Iterator[None]:
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(FULL)
    yield
    filler.unlink()


@pytest.mark.long
@pytest.mark.parametrize("spoil", [full, read_only], ids=["full", "read-only"])
def test_a_spoilt_disk_is_named_and_everything_goes_on_when_it_is_mended(
    tmp_path: Path, spoil: Callable[[Path], AbstractContextManager[None]], request: pytest.FixtureRequest
) -> None:
    with small_disk(tmp_path / "disk") as disk, house(tmp_path, SUNDAY) as home:
        home.bot_wide(store=str(disk))
        home.auto()
        home.start()
        home.says("/refresh dhan", "new token")
        reader = Reader("dhan", store=disk, environment={}, now=home.sandbox.clock.unix)
        token, before = reader.token(), files(disk)

        with spoil(disk):
            refused = home.says("/pause dhan", "the disk is")
            home.says("/status", "good until")
            assert f"the disk is {request.node.callspec.id}" in refused.text
            assert files(disk) == before
            assert reader.token() == token

        home.says("/pause dhan", "no automatic logins")
        assert home.end() == 0
        home.start()
        home.says("/status", "paused")
        assert reader.token() == token == home.sandbox.dhan.token(CLIENT)


# Stores that somebody touched


def forge(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """What somebody can write who may write the file but has no key: the checksum is right."""
    whole = json.loads(path.read_bytes())
    change(whole)
    del whole["sha256"]
    body = json.dumps(whole)[:-1].encode() + b",\n"
    path.write_bytes(body + f'"sha256": "{sha256(body).hexdigest()}"}}\n'.encode())


def swapped(store: Path) -> None:
    def swap(whole: dict[str, Any]) -> None:
        tokens = whole["tables"]["tokens"]
        tokens["dhan"], tokens["dhan-wife"] = tokens["dhan-wife"], tokens["dhan"]

    forge(store / "tokens.json", swap)


def wrong_key(store: Path) -> None:
    key = store / "kunji.key"
    words = key.read_text()
    key.write_text(words.swapcase())


def lost_key(store: Path) -> None:
    (store / "kunji.key").unlink()


def newer(store: Path) -> None:
    forge(store / "tokens.json", lambda whole: whole.update(format=whole["format"] + 1))


def damaged(store: Path) -> None:
    path = store / "tokens.json"
    path.write_bytes(path.read_bytes()[:-100])


REFUSED: dict[Callable[[Path], None], str] = {
    swapped: "cannot be read",
    wrong_key: "the key does not fit",
    lost_key: "the key is lost",
    newer: "newer version of kunji",
    damaged: "is damaged",
}


def a_family_logged_in(home: House) -> None:
    home.auto()
    home.assisted()
    home.start()
    home.says("/refresh dhan", "new token")
    asked = home.says("/refresh dhan-wife", "log in")
    home.sandbox.telegram.say(ADMIN, home.sandbox.dhan.approve(home.sandbox.dhan.consents(WIFE)[-1]))
    home.sees("new token", after=asked.event)


@pytest.mark.long
@pytest.mark.parametrize("touch", REFUSED, ids=lambda touch: touch.__name__)
def test_a_touched_store_is_refused_at_the_start_with_a_sentence_and_left_as_it_is(
    tmp_path: Path, touch: Callable[[Path], None]
) -> None:
    with house(tmp_path) as home:
        a_family_logged_in(home)
        assert home.end() == 0
        touch(home.folder / ".kunji")
        before = files(home.folder)

        ended = home.run("run")

        assert ended.returncode != 0
        assert REFUSED[touch] in ended.stderr
        assert "Traceback" not in ended.stderr
        assert files(home.folder) == before
        assert not (touch is lost_key and (home.folder / ".kunji" / "kunji.key").exists())


@pytest.mark.long
@pytest.mark.parametrize("touch", [swapped, newer, damaged], ids=lambda touch: touch.__name__)
def test_a_store_touched_under_a_running_bot_is_left_as_it_is_and_the_bot_still_answers(
    tmp_path: Path, touch: Callable[[Path], None]
) -> None:
    with house(tmp_path) as home:
        a_family_logged_in(home)
        touch(home.folder / ".kunji")
        tokens = (home.folder / ".kunji" / "tokens.json").read_bytes()

        home.says("/status", "")
        home.says("/refresh dhan", "tokens.json")
        home.at(SUNDAY + timedelta(days=1, hours=3))
        home.says("/help", "/status")

        assert (home.folder / ".kunji" / "tokens.json").read_bytes() == tokens
        assert home.sandbox.dhan.calls("generateAccessToken") == 1
