"""The local endpoint of a real `kunji run` when very many ask at once, and when they ask for what they may not have."""

from __future__ import annotations

import asyncio
import json
import resource
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.house import ADMIN, CLIENT, House, house

CROWD = 1000
PATIENCE = 60.0
TOKEN, REJECTED = "/v1/tokens/dhan", "/v1/tokens/dhan/rejected"
Answer = tuple[int, dict[str, str], Any]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    """A bot with a live token and a socket; room for the sockets of a crowd in this process, too."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < 3 * CROWD:
        pytest.skip("this system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(allowed, 3 * CROWD), most))
    with house(tmp_path, at=None) as made:
        made.sandbox.dhan.rules(pace=False)
        made.auto()
        made.bot_wide(private_listen="unix:kunji.sock")
        made.run("refresh", "dhan")
        made.start()
        yield made
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


class Caller:
    """One connection."""

    def __init__(self, home: House) -> None:
        self._path = str(home.folder / "kunji.sock")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Caller:
        self._streams = await asyncio.open_unix_connection(self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._streams is not None
        self._streams[1].close()

    async def ask(self, method: str, path: str, **headers: str) -> Answer:
        assert self._streams is not None
        reader, writer = self._streams
        given = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{given}\r\n".encode())
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        told = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(told.get("content-length", 0)))
        return int(status.split()[1]), told, json.loads(body) if body else None


async def once(home: House, method: str, path: str, **headers: str) -> Answer:
    async with Caller(home) as caller:
        return await caller.ask(method, path, **headers)


async def crowd(home: House, method: str, path: str, **headers: str) -> list[Answer]:
    """All of them at once, each by a connection of its own."""
    asking = (once(home, method, path, **headers) for _ in range(CROWD))
    return await asyncio.wait_for(asyncio.gather(*asking), PATIENCE)


def tokens(answers: list[Answer]) -> Counter[tuple[int, str]]:
    return Counter((status, body["token"]) for status, _, body in answers)


@pytest.mark.long
async def test_a_thousand_read_one_token_and_wait_for_the_next_while_the_chat_goes_on(home: House) -> None:
    old = home.sandbox.dhan.token(CLIENT)
    first = await crowd(home, "GET", TOKEN)
    mark = first[0][1]["etag"].strip('"')

    waiting = asyncio.create_task(crowd(home, "GET", f"{TOKEN}?newer_than={mark}&wait=60"))
    await asyncio.to_thread(home.says, "/status", "dhan", chat=ADMIN)
    home.sandbox.clock.advance(150)
    await asyncio.to_thread(home.run, "refresh", "dhan", "--replace")
    second = await waiting

    assert tokens(first) == {(200, old): CROWD}
    assert tokens(second) == {(200, home.sandbox.dhan.token(CLIENT)): CROWD}


@pytest.mark.long
async def test_a_thousand_say_at_once_that_a_token_is_dead_and_one_login_is_made(home: House) -> None:
    mark = (await once(home, "GET", TOKEN))[1]["etag"]
    home.sandbox.clock.advance(150)
    home.sandbox.dhan.kill_token(CLIENT)
    home.sandbox.dhan.forget_calls()

    answers = await crowd(home, "POST", REJECTED, If_Match=mark)
    late = await crowd(home, "POST", REJECTED, If_Match=mark)

    assert tokens(answers) == {(200, home.sandbox.dhan.token(CLIENT)): CROWD} == tokens(late)
    assert home.sandbox.dhan.calls("generateAccessToken") == 1
    assert home.sandbox.dhan.calls("profile") == 2  # the dead one, and the proof of the new one


@pytest.mark.long
async def test_a_thousand_say_that_a_living_token_is_dead_and_no_login_is_made(home: House) -> None:
    mark = (await once(home, "GET", TOKEN))[1]["etag"]
    home.sandbox.dhan.forget_calls()

    answers = await crowd(home, "POST", REJECTED, If_Match=mark)

    assert {(status, body["alive"]) for status, _, body in answers} == {(200, True)}
    assert home.sandbox.dhan.calls("generateAccessToken") == 0
    assert home.sandbox.dhan.calls("profile") == 1


def resident_kib(home: House) -> int:
    assert home.process is not None
    status = Path(f"/proc/{home.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


async def ask_all_sorts(home: House, rounds: int) -> Counter[int]:
    """Keys that are wrong, accounts and ETags that are none, a token that is known, nonsense; the statuses."""
    async with Caller(home) as caller:
        mark, seen = (await caller.ask("GET", TOKEN))[1]["etag"], Counter[int]()
        for number in range(rounds):
            answers = [
                await caller.ask("GET", TOKEN),
                await caller.ask("GET", TOKEN, If_None_Match=mark),
                await once(home, "GET", TOKEN, Authorization=f"Bearer kr_{number}"),  # who has no key is cut off
                await caller.ask("GET", f"/v1/tokens/none-{number}"),
                await caller.ask("GET", f"/v1/tokens/../{number}?newer_than=%00&wait=x"),
                await caller.ask("POST", REJECTED, If_Match=f'"{number}"'),
            ]
            seen.update(status for status, _, _ in answers)
    return seen


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory of others cannot be seen here")
async def test_whatever_is_asked_nothing_is_let_in_nothing_leaks_and_memory_stays_flat(home: House) -> None:
    home.sandbox.dhan.forget_calls()
    await asyncio.gather(*(ask_all_sorts(home, 100) for _ in range(8)))
    before = resident_kib(home)

    seen = sum(await asyncio.gather(*(ask_all_sorts(home, 400) for _ in range(8))), Counter[int]())

    grown = resident_kib(home) - before
    heard, unheard = seen.pop(401, 0), seen.pop(429)
    assert seen == {200: 6400, 304: 3200, 404: 6400}
    assert (heard + unheard, heard <= 20) == (3200, True)
    assert grown < 4096, f"{grown} KiB more"
    assert home.sandbox.dhan.calls() == 0
    assert "Traceback" not in home.log.read_text()


async def answered(home: House) -> Answer:
    """As a program asks that tries again when it is cut off."""
    while True:
        try:
            return await once(home, "GET", TOKEN)
        except (ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)


@pytest.mark.long
async def test_more_connections_than_there_is_room_for_keep_programs_out_only_while_they_last(home: House) -> None:
    path = str(home.folder / "kunji.sock")
    for _ in range(3):
        silent = [await asyncio.open_unix_connection(path) for _ in range(2 * CROWD)]
        for _, writer in silent[::2]:
            writer.write(b"GET / HTTP/1.1\r\nX:")
        for _, writer in silent:
            writer.close()

    status, _, body = await asyncio.wait_for(answered(home), PATIENCE)

    assert (status, body["token"]) == (200, home.sandbox.dhan.token(CLIENT))
    assert "Traceback" not in home.log.read_text()
