"""Whatever lies on the server, or answers in its place, is refused in one sentence."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import pytest
from redis import Redis

from bot.store import Store, StoreError
from bot.store.redis import open_server
from kunji._redis import LAST_NUMBER, parse
from tests.redis_server import RedisServer, redis_server
from tests.unit.store.samples import KEY, NOW, held, item


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def store(server: RedisServer) -> Iterator[Store]:
    server.client.flushall()
    with closing(open_server(parse(server.address), lambda: KEY, now=lambda: NOW)) as store:
        store.save("dhan", held())
        yield store


def numbered(number: str) -> Callable[[Redis], object]:
    def renumber(client: Redis) -> None:
        sealed = str(client.get("kunji:token:dhan")).partition(" ")[2]
        client.set("kunji:token:dhan", f"{number} {sealed}")

    return renumber


def not_text(client: Redis) -> None:
    client.delete("kunji:life")
    client.lpush("kunji:life", "x")


@pytest.mark.parametrize(
    ("spoil", "ask"),
    [
        (numbered("9" * 5000), lambda store: store.load("dhan")),
        (numbered("\u00b2"), lambda store: store.load("dhan")),
        (lambda client: client.hset("kunji:outbox", "no number", "x"), lambda store: store.queued()),
        (lambda client: client.hset("kunji:outbox", "9" * 5000, "x"), lambda store: store.queued()),
        (lambda client: client.set("kunji:writes", 2**60), lambda store: store.queue([item()])),
        (lambda client: client.set("kunji:writes", "none"), lambda store: store.save("dhan", held())),
    ],
    ids=["a long number", "an odd number", "an odd message", "a long message", "many writes", "no count"],
)
def test_an_odd_record_is_one_of_our_errors(
    store: Store, server: RedisServer, spoil: Callable[[Redis], object], ask: Callable[[Store], object]
) -> None:
    spoil(server.client)

    with pytest.raises(StoreError) as refused:
        ask(store)

    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda client: client.set("kunji:life", "\u00b2 x"),
        lambda client: client.set("kunji:life", "1" * 5000 + " x"),
        not_text,
    ],
    ids=["an odd number", "a long number", "no text"],
)
def test_a_store_whose_life_is_odd_is_no_store(
    store: Store, server: RedisServer, spoil: Callable[[Redis], object]
) -> None:
    spoil(server.client)

    with pytest.raises(StoreError, match="is no store"):
        open_server(parse(server.address), lambda: KEY)


def test_a_change_with_an_odd_number_hides_no_other(store: Store, server: RedisServer) -> None:
    store.changes(0)
    server.client.zadd("kunji:changed", {"kotak": "inf"})

    store.save("dhan", held("two"))

    assert store.changes(0) == {"dhan"}
    assert store.load("kotak") is None


def test_records_stay_readable_up_to_the_last_number_there_is(store: Store, server: RedisServer) -> None:
    server.client.set("kunji:writes", LAST_NUMBER - 3)

    store.save("dhan", held("two"))
    store.update({"dhan": lambda note: replace(note, paused=True)})

    assert store.load("dhan") == held("two")
    assert store.note("dhan").paused


@pytest.mark.parametrize("answer", [b"*1\r\n" * 3000, b":" + b"9" * 5000 + b"\r\n", b"+what\r\n"])
def test_what_answers_as_no_redis_server_does_is_one_of_our_errors(answer: bytes) -> None:
    with saying(answer) as port, pytest.raises(StoreError, match=r"redis://127\.0\.0\.1") as refused:
        open_server(parse(f"redis://127.0.0.1:{port}/0"), lambda: KEY)

    assert str(refused.value).isprintable()


@contextmanager
def saying(answer: bytes) -> Iterator[int]:
    """The port of a server that says this to whatever it is asked, to one caller after the other."""

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = listening.accept()
                with caller, suppress(OSError):
                    while caller.recv(65536):
                        caller.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
