"""The server as docs/running.md sets it up keeps what it acknowledged, and lets the bot do all it needs."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.store import Store, StoreAway, StoreError
from bot.store.redis import open_server
from kunji._redis import parse
from tests.redis_server import free_port
from tests.unit.store.samples import KEY, NOW, held, item, row
from tests.waiting import PATIENCE

PAGE = Path(__file__).parents[3] / "docs" / "running.md"


def settings() -> str:
    """The first block of the page that is a `redis.conf`, for loopback."""
    [found, *_] = re.findall(r"^```text\n(bind .*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return re.sub(r"^bind .*$", "bind 127.0.0.1", str(found), flags=re.M)


@contextmanager
def running(folder: Path, port: int) -> Iterator[None]:
    """Ended as by a failure of the machine."""
    (folder / "redis.conf").write_text(f"{settings()}\nport {port}\ndir {folder}\n")
    process = subprocess.Popen(["redis-server", str(folder / "redis.conf")], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait(PATIENCE)


def reached(address: str) -> Store:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return open_server(parse(address), lambda: KEY, now=lambda: NOW)
        except StoreAway:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_nothing_is_lost_when_the_server_is_killed_and_nobody_else_gets_in(tmp_path: Path) -> None:
    port = free_port()
    address = f"redis://bot:A-LONG-PASSWORD@127.0.0.1:{port}/0"
    with running(tmp_path, port), closing(reached(address)) as store:
        with store.lock("dhan", timeout=0):
            store.save("dhan", held())
        store.update({"dhan": lambda note: replace(note, failures=2)})
        store.record(row("dhan"))
        (number,) = store.queue([item()])
        crew = store.crew()
        assert crew is not None
        assert crew.attend().leads
        crew.leave()

    with running(tmp_path, port), closing(reached(address)) as store:
        assert store.load("dhan") == held()
        assert store.note("dhan").failures == 2
        assert store.history("dhan") == [row("dhan")]
        assert store.queued() == [(number, item())]
        for stranger in (f"redis://127.0.0.1:{port}/0", f"redis://bot:wrong@127.0.0.1:{port}/0"):
            with pytest.raises(StoreError, match="does not take the user or the password"):
                reached(stranger)
