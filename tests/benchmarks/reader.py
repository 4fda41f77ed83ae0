"""Reading a token in a running program, beside what else a program might read it from."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bot.store import Store, open_store
from kunji import Reader
from tests.benchmarks.harness import Figure, microseconds, p50
from tests.benchmarks.places import folder, held, store_in, write
from tests.redis_server import redis_server

READS = 20_000
REFRESHES = 8


def figures() -> Iterator[Figure]:
    with folder() as config:
        store = store_in(config)
        store.save("dhan", held())
        reader = Reader("dhan", store=config / ".kunji", environment={})

        reader.token()
        warm = p50(microseconds(reader.token, READS))
        for others, what in others_in(config, held().token.value.reveal()):
            yield Figure("reading a token, p50", warm, "µs", others, what, at_most=8)

        slowest = slowest_seen(store, reader)
        yield Figure(f"a new token is seen, slowest of {REFRESHES}", slowest, "s", at_most=1)
        store.close()
        if shutil.which("redis-server"):
            yield from figures_of_server(config)


def figures_of_server(config: Path) -> Iterator[Figure]:
    with redis_server(config / "server") as server:
        store = open_store(config, server.address, environment={})
        store.save("dhan", held())
        reader = Reader("dhan", server.address, config=config, environment={})
        for _ in range(2):
            reader.token()  # from the second question on it follows the store

        warm = p50(microseconds(reader.token, READS))
        yield Figure("reading a token that lies on a server, p50", warm, "µs", at_most=8)
        slowest = slowest_seen(store, reader)
        yield Figure(f"a new token on a server is seen, slowest of {REFRESHES}", slowest, "s", at_most=0.1)
        store.close()


def slowest_seen(store: Store, reader: Reader) -> float:
    """Seconds until the reader has a new token, of several."""
    slowest = 0.0
    for number in range(1, REFRESHES + 1):
        store.save("dhan", held(number))
        slowest = max(slowest, seconds_until_seen(reader, f"token-{number:06d}"))
    return slowest


def seconds_until_seen(reader: Reader, start: str) -> float:
    begun = time.monotonic()
    while not reader.token().startswith(start):
        time.sleep(0.002)
    return time.monotonic() - begun


def others_in(place: Path, token: str) -> Iterator[tuple[float | None, str]]:
    """How many microseconds the same takes from elsewhere, and where from."""
    yield from_file(place / "clear.json", token), "clear JSON file"
    yield from_sqlite(place / "clear.db", token), "sqlite3"
    if shutil.which("redis-server"):
        yield from_redis(place, token), "redis GET over loopback"
    else:
        yield None, "no redis-server here"


def from_file(path: Path, token: str) -> float:
    write(path, {"access_token": token})
    return p50(microseconds(lambda: json.loads(path.read_text())["access_token"], READS // 10))


def from_sqlite(path: Path, token: str) -> float:
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table tokens (account text primary key, value text)")
        database.execute("insert into tokens values ('dhan', ?)", (token,))
        database.commit()
        read = "select value from tokens where account = 'dhan'"
        return p50(microseconds(lambda: database.execute(read).fetchone()[0], READS // 10))


def from_redis(place: Path, token: str) -> float:
    """In the server's own words, so that no client library is measured with it."""
    get = b"GET dhan\r\n"
    with redis_server(place) as server, socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server.client.set("dhan", token)

        def read() -> str:
            connection.sendall(get)
            return connection.recv(4096).split(b"\r\n")[1].decode()

        return p50(microseconds(read, READS // 10))
