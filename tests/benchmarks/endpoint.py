"""GET of a token at the local endpoint, beside a bare Starlette route of the same size behind plain uvicorn."""

from __future__ import annotations

import asyncio
import http.client
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.config import load
from bot.handoff.readers import Readers
from bot.listening import Port
from bot.private import PrivateDoor
from tests.benchmarks.harness import Figure, connected, p50, p99, running
from tests.benchmarks.places import folder, held, store_in, write

PATH = "/v1/tokens/dhan"
ROUNDS, WARM_UP = 3, 200
REQUESTS = 2000
ACCOUNT = {"client_id": "1000000001", "pin": "123456", "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}
BOT = {"telegram_bot_token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "telegram_chat_id": 4242}


@dataclass(frozen=True, slots=True)
class Measured:
    per_second: float
    milliseconds: list[float]


def figures() -> Iterator[Figure]:
    with folder() as config:
        config.chmod(0o700)
        write(config / "dhan_config.json", ACCOUNT)
        write(config / "bot_config.json", BOT)
        store = store_in(config)
        store.save("dhan", held())
        key = Readers(store).add("benchmark", None, held().token.issued_at).reveal()
        store.close()
        ours = measured("ours", config, {"Authorization": f"Bearer {key}"})
        bare = measured("bare", config, {})
    route = "bare route"
    yield Figure("a token over HTTP, per second", ours.per_second, "/s", bare.per_second, route)
    yield Figure("a token over HTTP, p50", p50(ours.milliseconds), "ms", p50(bare.milliseconds), route)
    yield Figure("a token over HTTP, p99", p99(ours.milliseconds), "ms", p99(bare.milliseconds), route)


def measured(what: str, config: Path, headers: dict[str, str]) -> Measured:
    """The best of some rounds by one connection, as another process may be at work."""
    with served(what, config) as connection:
        timed(connection, WARM_UP, headers)
        rounds = [timed(connection, REQUESTS, headers) for _ in range(ROUNDS)]
    best = min(rounds, key=sum)
    return Measured(1000 * len(best) / sum(best), best)


def timed(connection: http.client.HTTPConnection, times: int, headers: dict[str, str]) -> list[float]:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        connection.request("GET", PATH, headers=headers)
        reply = connection.getresponse()
        reply.read()
        taken.append((time.perf_counter() - begun) * 1000)
        if reply.status != 200:
            raise RuntimeError(f"it answers {reply.status}")
    return taken


@contextmanager
def served(what: str, config: Path) -> Iterator[http.client.HTTPConnection]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running("-m", "tests.benchmarks.endpoint", what, str(config), str(port)), connected(port) as connection:
        yield connection


async def serve_ours(config: Path, port: int) -> None:
    from bot.works import Works

    works = Works.of(load(config))
    with ThreadPoolExecutor(1) as executor:
        door = PrivateDoor(works.tokens, executor, Port("127.0.0.1", port), None, config)
        await door.open()
        await asyncio.Event().wait()


def serve_bare(port: int) -> None:
    token = held()
    shown = {
        "token": token.token.value.reveal(),
        "headers": {name: one.reveal() for name, one in token.headers.items()},
    }

    async def answer(_request: Request) -> Response:
        return JSONResponse(shown)

    app = Starlette(routes=[Route(PATH, answer)])
    uvicorn.run(app, port=port, http="h11", loop="asyncio", access_log=False, log_level="error")


if __name__ == "__main__":
    if sys.argv[1] == "ours":
        asyncio.run(serve_ours(Path(sys.argv[2]), int(sys.argv[3])))
    else:
        serve_bare(int(sys.argv[3]))
