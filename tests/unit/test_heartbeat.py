"""Who is told that the bot is alive, and when he is not told any more."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from bot.heartbeat import Heartbeat, Monitor, Systemd, keep_beating
from bot.vitals import Vitals
from brokers import Secret
from tests.unit.test_vitals import Body
from tests.waiting import until

UUID = "5f1b8a1e-0d7b-4c39-9f7e-hiddenhidden"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
SAD = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
ELSEWHERE = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\n"


class Listener:
    """A monitor's server."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = OK
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> Secret:
        return Secret(f"http://127.0.0.1:{self.port}/{UUID}")

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._met, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        assert self._server
        self._server.close()
        await asyncio.gather(*self._open)
        await self._server.wait_closed()

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        self.asked.append((await reader.readline()).decode().strip())
        with suppress(ConnectionError):
            writer.write(self.answers)
            while self.answers is ENDLESS:
                writer.write(b"X-More: and more\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self._open.discard(task)


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    await listener.up()
    try:
        yield listener
    finally:
        listener.answers = OK
        await listener.down()


# The monitor.


async def test_a_heartbeat_asks_for_the_address_and_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with listening() as listener:
        await Monitor(listener.address, "http://127.0.0.1:9").beat()

    assert listener.asked == [f"GET /{UUID} HTTP/1.1"]


@pytest.mark.parametrize("answer", [SAD, ELSEWHERE, ENDLESS, b""], ids=["503", "a redirect", "endless", "nothing"])
async def test_what_goes_wrong_is_said_once_and_never_with_the_address(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot")
    async with listening() as listener:
        monitor = Monitor(listener.address, within=0.2)
        listener.answers = answer
        for _ in range(3):
            await monitor.beat()
        listener.answers = OK
        for _ in range(3):
            await monitor.beat()

    assert len(listener.asked) == 6
    assert [record.levelname for record in caplog.records if record.name == "bot.heartbeat"] == ["WARNING", "INFO"]
    assert UUID not in caplog.text


async def test_a_monitor_that_is_away_is_tried_again() -> None:
    async with listening() as listener:
        monitor = Monitor(listener.address)
        await listener.down()
        await monitor.beat()
        await listener.up()
        await monitor.beat()

    assert len(listener.asked) == 1


# systemd.


@pytest.fixture(params=["a file", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Its socket, and what it calls it."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        named = str(tmp_path / "notify") if request.param == "a file" else f"@kunji-test-{os.getpid()}"
        listening.bind(named.replace("@", "\0", 1))
        listening.settimeout(5)
        yield listening, named


def test_systemd_is_told_at_its_socket(systemd: tuple[socket.socket, str]) -> None:
    listening, named = systemd

    Systemd({"NOTIFY_SOCKET": named}).says("READY=1")

    assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/notify"}], ids=["not there", "gone"])
def test_without_systemd_nothing_happens(environment: dict[str, str]) -> None:
    Systemd(environment).says("READY=1")


def test_a_systemd_that_does_not_listen_holds_up_nobody(systemd: tuple[socket.socket, str]) -> None:
    told = Systemd({"NOTIFY_SOCKET": systemd[1]})

    for _ in range(5000):
        told.says("WATCHDOG=1")


@pytest.mark.parametrize(
    ("environment", "every"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 15),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 15),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_patted_four_times_in_its_patience_if_it_is_ours(
    environment: dict[str, str], every: float | None
) -> None:
    assert Systemd({"NOTIFY_SOCKET": "@x", **environment}).beats_every == every


# Both.


@asynccontextmanager
async def beating(
    vitals: Vitals, systemd: tuple[socket.socket, str], monitor: Monitor | None = None
) -> AsyncIterator[None]:
    """With a watchdog that is patted every 10 ms."""
    notified = Systemd({"NOTIFY_SOCKET": systemd[1], "WATCHDOG_USEC": "20000"})
    task = asyncio.create_task(Heartbeat(vitals, notified, monitor).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def heard(listening: socket.socket) -> str:
    return (await asyncio.to_thread(listening.recv, 100)).decode()


def emptied(listening: socket.socket) -> int:
    """How much lay there."""
    count = 0
    listening.setblocking(False)
    with suppress(BlockingIOError):
        while listening.recv(100):
            count += 1
    listening.settimeout(5)
    return count


async def test_ready_is_said_after_the_first_sweep(systemd: tuple[socket.socket, str]) -> None:
    body = Body()
    body.swept = None
    async with beating(body.vitals, systemd):
        before = {await heard(systemd[0]) for _ in range(20)}
        body.swept = body.clock.monotonic()
        while await heard(systemd[0]) != "READY=1":
            pass

    assert before == {"WATCHDOG=1"}


async def test_the_watchdog_hears_nothing_while_the_sweep_is_stuck(systemd: tuple[socket.socket, str]) -> None:
    body = Body()
    async with beating(body.vitals, systemd):
        await heard(systemd[0])
        body.clock.go(121)
        await asyncio.sleep(0.05)
        emptied(systemd[0])
        await asyncio.sleep(0.1)
        while_stuck = emptied(systemd[0])
        body.swept = body.clock.monotonic()
        again = await heard(systemd[0])

    assert (while_stuck, again) == (0, "WATCHDOG=1")


async def test_a_full_disk_does_not_make_the_watchdog_bark(systemd: tuple[socket.socket, str]) -> None:
    body = Body()
    body.refuses = True
    async with beating(body.vitals, systemd):
        for _ in range(20):
            await body.lives(15)
        emptied(systemd[0])
        assert await heard(systemd[0]) == "WATCHDOG=1"


async def test_the_monitor_hears_of_a_bot_that_is_well(systemd: tuple[socket.socket, str]) -> None:
    async with listening() as listener, beating(Body().vitals, systemd, Monitor(listener.address)):
        await until(lambda: listener.asked)


async def test_nobody_is_told_while_he_must_not_be_and_is_again_when_he_may() -> None:
    beats, allowed = 0, False

    async def may() -> bool:
        return allowed

    async def beat() -> None:
        nonlocal beats
        beats += 1

    task = asyncio.create_task(keep_beating(0.005, may, beat))
    await asyncio.sleep(0.05)
    while_forbidden, allowed = beats, True
    await until(lambda: beats > 3)
    task.cancel()

    assert while_forbidden == 0
