"""A door: where it stands, who it lets in, and how it closes."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.doors import HEADERS_LIMIT, Door, DoorBlocked, Terms
from bot.listening import Place, Port, Tls, UnixSocket
from tests.certificates import certificate

ANY_PORT = Port("127.0.0.1", 0)
ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def say_length(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def refuse_unread(_request: Request) -> Response:
    return PlainTextResponse("no", 403)


async def hang(_request: Request) -> Response:
    await asyncio.Event().wait()
    return PlainTextResponse("never")


APP = Starlette(
    routes=[
        Route("/", say_length, methods=["GET", "POST"]),
        Route("/hang", hang),
        Route("/no", refuse_unread, methods=["POST"]),
    ]
)


@asynccontextmanager
async def opened(place: Place = ANY_PORT, tls: Tls | None = None, **terms: Any) -> AsyncIterator[Door]:
    door = Door(APP, place, tls, terms=Terms(**terms))
    await door.open()
    try:
        yield door
    finally:
        await door.close()


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(door: Door, **more: Any) -> AsyncIterator[Connection]:
    if isinstance(door.place, UnixSocket):
        reader, writer = await asyncio.open_unix_connection(str(door.place.path))
    else:
        reader, writer = await asyncio.open_connection(door.place.host, door.place.port, **more)
    try:
        yield reader, writer
    finally:
        writer.close()


async def told(connection: Connection, said: bytes) -> bytes:
    """What comes back until the door has said all, or hung up."""
    reader, writer = connection
    writer.write(said)
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        return head + await reader.readexactly(int(length.split(b":")[1]))
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return b""


async def asked(door: Door, said: bytes = ASK, **more: Any) -> bytes:
    async with connected(door, **more) as connection:
        return await told(connection, said)


# Where it stands


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_port_that_may_be_any_is_known_once_it_is_open(host: str) -> None:
    async with opened(Port(host, 0)) as door:
        assert isinstance(door.place, Port)
        assert door.place.port > 0
        assert (await asked(door)).endswith(b"0 bytes")


async def test_nothing_about_the_server_is_told() -> None:
    async with opened() as door:
        assert b"\r\nserver:" not in (await asked(door)).lower()


async def test_a_socket_is_for_its_owner_only_and_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "kunji.sock"
    before = os.umask(0)
    try:
        async with opened(UnixSocket(path)) as door:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert (await asked(door)).endswith(b"0 bytes")
            assert os.listdir(tmp_path) == ["kunji.sock"]
    finally:
        os.umask(before)
    assert os.listdir(tmp_path) == []


async def test_the_socket_of_a_program_that_was_killed_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kunji.sock"
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(path))

    async with opened(UnixSocket(path)) as door:
        assert (await asked(door)).endswith(b"0 bytes")


async def test_the_socket_of_a_program_that_lives_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "kunji.sock"
    async with opened(UnixSocket(path)) as door:
        with pytest.raises(DoorBlocked, match="another program listens at"):
            await Door(APP, UnixSocket(path)).open()

        assert (await asked(door)).endswith(b"0 bytes")


async def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "kunji.sock"
    path.write_text("mine")

    with pytest.raises(DoorBlocked, match="is there already, and is no socket"):
        await Door(APP, UnixSocket(path)).open()

    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("path", "why"), [("no/kunji.sock", "the folder does not exist"), ("a" * 120, "path too long")]
)
async def test_a_socket_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path, path: str, why: str) -> None:
    with pytest.raises(DoorBlocked, match=why):
        await Door(APP, UnixSocket(tmp_path / path)).open()


async def test_a_port_in_use_and_a_foreign_address_are_told_in_a_sentence() -> None:
    async with opened() as door:
        with pytest.raises(DoorBlocked, match=r"no listening at 127.0.0.1:[0-9]+: another program listens there"):
            await Door(APP, door.place).open()
    with pytest.raises(DoorBlocked, match="this machine has no such address"):
        await Door(APP, Port("192.0.2.1", 0)).open()


# TLS


async def test_with_a_certificate_it_speaks_tls_and_nothing_old(tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    new = ssl.create_default_context(cafile=str(tls.certificate))
    old = ssl.create_default_context(cafile=str(tls.certificate))
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1

    async with opened(ANY_PORT, tls) as door:
        assert (await asked(door, ssl=new, server_hostname="localhost")).endswith(b"0 bytes")
        assert await asked(door) == b""
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asked(door, ssl=old, server_hostname="localhost")


async def test_a_certificate_that_is_none_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DoorBlocked, match="cannot be read: no such file"):
        await Door(APP, ANY_PORT, Tls(tmp_path / "none.pem", tmp_path / "none.pem")).open()
    tls = certificate(tmp_path, password=b"word")
    with pytest.raises(DoorBlocked, match="are no certificate with its key"):
        await Door(APP, ANY_PORT, tls).open()
    tls.certificate.write_text("nonsense")
    with pytest.raises(DoorBlocked, match="are no certificate with its key"):
        await Door(APP, ANY_PORT, tls).open()


# Who it lets in


async def test_one_connection_carries_many_questions() -> None:
    async with opened() as door, connected(door) as connection:
        for _ in range(3):
            assert (await told(connection, ASK)).endswith(b"0 bytes")


async def test_what_is_too_large_is_refused_before_anybody_reads_it() -> None:
    long_header = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * HEADERS_LIMIT + b"\r\n\r\n"
    long_body = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    chunks = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

    async with opened() as door:
        assert (await asked(door, long_header)).startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
        assert (await asked(door, long_body % 4096 + b"x" * 4096)).endswith(b"4096 bytes")
        assert (await asked(door, long_body % 10**9 + b"x" * 5000)).startswith(b"HTTP/1.1 413")
        assert (await asked(door, chunks + b"1388\r\n" + b"x" * 5000 + b"\r\n")).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "said",
    [b"", b"G", b"GET / HTTP/1.1\r\nHost:", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx"],
    ids=["nothing", "a letter", "half a head", "half a body"],
)
async def test_who_dawdles_over_a_question_is_cut_off(said: bytes) -> None:
    async with opened(head_within=0.1, body_within=0.1) as door, connected(door) as (reader, writer):
        writer.write(said)

        assert await asyncio.wait_for(reader.read(), 5) in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def test_a_body_has_its_own_time() -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"
    async with opened(head_within=0.1, body_within=30) as door, connected(door) as connection:
        connection[1].write(head + b"x")
        await asyncio.sleep(0.2)

        assert (await told(connection, b"x")).endswith(b"2 bytes")


async def test_who_dawdles_over_the_second_question_is_cut_off_too() -> None:
    async with opened(head_within=0.1) as door, connected(door) as connection:
        await told(connection, ASK)
        connection[1].write(b"GET")

        assert await asyncio.wait_for(connection[0].read(), 5) == b""


async def test_two_hundred_who_dawdle_do_not_keep_others_out() -> None:
    async with opened() as door:
        dawdling = [await asyncio.open_connection(door.place.host, door.place.port) for _ in range(200)]  # type: ignore[union-attr]
        for _, writer in dawdling:
            writer.write(b"GET / HTTP/1.1\r\nX:")

        assert (await asked(door)).endswith(b"0 bytes")
        for _, writer in dawdling:
            writer.close()


async def test_one_too_many_is_cut_off_and_has_room_once_another_has_left() -> None:
    async with opened(connections=2) as door, connected(door) as first:
        async with connected(door) as second:
            assert await told(first, ASK)
            assert await told(second, ASK)
            assert await asked(door) == b""
        await told(first, ASK)
        assert (await asked(door)).endswith(b"0 bytes")


async def test_one_peer_may_not_have_all_the_room_unless_it_speaks_for_many() -> None:
    async with opened(of_one_peer=2) as door, connected(door) as first, connected(door) as second:
        assert await told(first, ASK)
        assert await told(second, ASK)
        assert await asked(door) == b""
        assert (await asked(door, local_addr=("127.0.0.2", 0))).endswith(b"0 bytes")

    async with opened(of_one_peer=0, speaks_for_many=lambda peer: peer == "127.0.0.1") as door:
        assert (await asked(door)).endswith(b"0 bytes")
        assert await asked(door, local_addr=("127.0.0.2", 0)) == b""


async def test_there_is_room_for_a_thousand_where_the_system_allows_few_files() -> None:
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
    try:
        async with opened():
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(2048, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


async def test_nonsense_is_refused_and_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as door:
        for said in (
            b"\x16\x03\x01\x02\x00\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET /\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\n",
        ):
            with caplog.at_level(logging.WARNING):
                async with connected(door) as (reader, writer):
                    writer.write(said)
                    answer = await asyncio.wait_for(reader.read(100), 5)
                    assert answer.startswith(b"HTTP/1.1 4")

    assert caplog.messages == []


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "after the answer"])
@pytest.mark.parametrize(
    ("path", "body"), [(b"/", 4096), (b"/no", None)], ids=["read at the door", "not read before the answer"]
)
async def test_nonsense_in_the_middle_of_a_request_is_cut_off_and_fills_no_log(
    path: bytes, body: int | None, at_once: bool, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" % path
    async with opened(body=body) as door, connected(door) as (reader, writer):
        writer.write(head if not at_once else head + b"ZZZ\r\n")
        await asyncio.sleep(0.05)
        writer.write(b"ZZZ\r\n")

        answer = await asyncio.wait_for(reader.read(), 5)

        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))
        assert (await asked(door)).endswith(b"0 bytes")
    assert caplog.messages == []


# How it closes


async def test_it_closes_at_once_whoever_waits_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as door, connected(door) as idle, connected(door) as waiting:
        await told(idle, ASK)
        waiting[1].write(ASK.replace(b"/ ", b"/hang ", 1))
        await told(idle, ASK)

        with caplog.at_level(logging.DEBUG, "uvicorn"):
            await asyncio.wait_for(door.close(), 5)

        assert await asyncio.wait_for(idle[0].read(), 5) == b""
        with pytest.raises(ConnectionRefusedError):
            await asked(door)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_is_being_answered_is_answered_when_it_closes() -> None:
    async with opened() as door, connected(door) as connection:
        connection[1].write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx")
        await asked(door)

        closing_ = asyncio.create_task(door.close())
        await asyncio.sleep(0)
        answer = await told(connection, b"x")
        await closing_

        assert answer.endswith(b"2 bytes")
