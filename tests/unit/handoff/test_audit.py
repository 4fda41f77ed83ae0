"""The audit file: complete, for its owner only, of bounded size, and never in the way."""

from __future__ import annotations

import json
import logging
import resource
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.handoff.audit import WAITING_LIMIT, Audit
from tests.fakes import FakeClock


@contextmanager
def audit(path: Path, **how: int) -> Iterator[Audit]:
    made = Audit(path, FakeClock().now, **how)
    made.open()
    yield made
    made.close(5)


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_note_is_a_line_and_earlier_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    with audit(path) as one:
        one.note("strategy1", "dhan", "read")
    with audit(path) as another:
        another.note("owner", None, "listed")

    at = "2026-01-05T03:00:00.000+00:00"
    assert lines(path) == [
        {"at": at, "who": "strategy1", "account": "dhan", "what": "read"},
        {"at": at, "who": "owner", "account": None, "what": "listed"},
    ]


@pytest.mark.parametrize("before", [None, 0o644])
def test_the_file_is_for_its_owner_only(tmp_path: Path, before: int | None) -> None:
    path = tmp_path / "audit.log"
    if before:
        path.touch()
        path.chmod(before)

    with audit(path) as one:
        one.note("owner", "dhan", "read")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    with audit(tmp_path / "audit.log") as one:
        asking = [
            threading.Thread(target=lambda: [one.note("owner", "dhan", "read") for _ in range(100)]) for _ in range(20)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()

    assert len(lines(tmp_path / "audit.log")) == 2000


def test_a_full_file_is_put_aside_and_one_such_is_kept(tmp_path: Path) -> None:
    path, aside = tmp_path / "audit.log", tmp_path / "audit.log.1"
    for number in range(30):
        with audit(path, size_limit=1000) as one:
            one.note(str(number), "dhan", "read")

    kept = [line["who"] for line in lines(aside) + lines(path)]
    assert max(path.stat().st_size, aside.stat().st_size) <= 1000
    assert kept == [str(number) for number in range(30 - len(kept), 30)]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_disk_that_takes_nothing_is_said_once_and_holds_up_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "gone"
    with caplog.at_level(logging.WARNING), audit(folder / "audit.log") as one:
        for _ in range(2 * WAITING_LIMIT):
            one.note("owner", "dhan", "read")

    assert len(caplog.messages) == 1
    assert "tokens are read without a trace" in caplog.text


def test_half_a_line_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    with audit(path) as one:
        one.note("first", "dhan", "read")
    whole = path.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, before[1]))
    try:
        with audit(path) as one:
            one.note("second", "dhan", "read")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == whole

    with audit(path) as one:
        one.note("third", "dhan", "read")

    assert [line["who"] for line in lines(path)] == ["first", "third"]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    (tmp_path / "audit.log").symlink_to(other)

    with audit(tmp_path / "audit.log") as one:
        one.note("owner", "dhan", "read")

    assert other.read_text() == "mine"
