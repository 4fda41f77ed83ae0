"""Several machines with one bot: a `kunji run` on each, one store on a Redis server, one key, the same accounts."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kunji._seal import new_key, write_ring
from tests.e2e.house import SUNDAY, House, house
from tests.redis_proxy import Cut
from tests.redis_server import RedisServer, persistent, redis_server
from tests.waiting import eventually

TAKEOVER = 15.0
"""Seconds within which somebody else leads."""


@dataclass(kw_only=True)
class Machine(House):
    """One of them. Its way to the store goes through a proxy of its own."""

    way: Cut

    def begin(self) -> None:
        """Start it; returns once it leads or stands by."""
        before = len(self.said("leading as|standing by;"))
        self.start(wait=False)
        eventually(lambda: len(self.said("leading as|standing by;")) > before, "its part among others")

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def said(self, pattern: str) -> list[str]:
        """What the log says so."""
        return re.findall(pattern, self.log.read_text()) if self.log.exists() else []


@dataclass
class Machines:
    home: House
    """The sandbox, the phone, and nobody at home."""
    redis: RedisServer
    all: list[Machine]

    def __getitem__(self, number: int) -> Machine:
        return self.all[number]


@contextmanager
def machines(tmp_path: Path, count: int = 2, at: datetime | None = SUNDAY) -> Iterator[Machines]:
    key = write_ring(new_key())
    (tmp_path / "phone").mkdir()
    with house(tmp_path / "phone", at) as home, redis_server(tmp_path / "redis", *persistent) as redis:
        made = Machines(home, redis, [])
        for number in range(count):
            folder = tmp_path / f"machine-{number}" / "config"
            folder.mkdir(mode=0o700, parents=True)
            way = Cut(redis.port)
            environment = {"KUNJI_KEY": key, "KUNJI_STORE": redis.at(way.port)}
            one = Machine(home.sandbox, folder, way=way, environment=environment)
            one.bot_wide()
            made.all.append(one)
        try:
            yield made
        finally:
            for one in made.all:
                if one.process is not None:
                    one.process.kill()
                    one.process.wait(10)
