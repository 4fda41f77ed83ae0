"""The public door of a running bot, beside bare Starlette routes behind plain uvicorn; and the chat meanwhile.

All are measured in turns, so that whatever else the machine does falls on all alike.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox import Sandbox
from bot.web.postbacks import address
from tests.benchmarks.chat import answered_after, kunji, started
from tests.benchmarks.harness import Figure, connected, p50, p99, running
from tests.benchmarks.places import folder, store_in, write

REQUESTS, ROUNDS, WARM_UP = 400, 10, 200
ANSWERS, TURNS = 60, 4
A_MINUTE = 10_000
"""Bad requests."""
POSTBACK = json.dumps({"dhanClientId": "1000000000", "orderId": "42", "orderStatus": "TRADED", "quantity": 4}).encode()
GUESS = "/postback/dhan-0/" + "A" * 32
ROUTE, QUIET = "bare route", "nobody at the door"


def figures() -> Iterator[Figure]:
    with Sandbox() as sandbox, folder() as config:
        public, private, bare = free_port(), free_port(), free_port()
        command = kunji(sandbox, config)
        open_doors(config, public, private)
        with started(sandbox, command), running("-m", "tests.benchmarks.door", "bare", "", str(bare)):
            posted = per_second("POST", {public: postback_path(config), bare: "/postback"})
            healthy = per_second("GET", {private: "/healthz", bare: "/healthz"})
            quiet, guessed, flooded = answers(sandbox, config, public)
    yield Figure("/postback, per second", posted[0], "/s", posted[1], ROUTE)
    yield Figure("/healthz, per second", healthy[0], "/s", healthy[1], ROUTE)
    for what, taken in (
        (f"{A_MINUTE:,} bad requests a minute come", guessed),
        ("postbacks come without a pause", flooded),
    ):
        yield Figure(f"/status while {what}, p50", p50(taken), "ms", p50(quiet), QUIET)
        yield Figure("  the same, p99", p99(taken), "ms", p99(quiet), QUIET)


def open_doors(config: Path, public: int, private: int) -> None:
    path = config / "bot_config.json"
    doors = {
        "public_url": f"http://127.0.0.1:{public}",
        "listen": f"127.0.0.1:{public}",
        "private_listen": f"127.0.0.1:{private}",
    }
    write(path, json.loads(path.read_text()) | doors)


def postback_path(config: Path) -> str:
    store = store_in(config)
    try:
        return address("", "dhan-0", store.derive)
    finally:
        store.close()


def per_second(method: str, paths: dict[int, str]) -> list[float]:
    """Of each port, by one connection that asks one thing after the other; the best of its rounds."""
    with ExitStack() as stack:
        asked = [(stack.enter_context(connected(port)), method, path) for port, path in paths.items()]
        for one in asked:
            timed(*one, WARM_UP)
        rounds = [[timed(*one, REQUESTS) for one in asked] for _ in range(ROUNDS)]
    return [REQUESTS / min(taken) for taken in zip(*rounds, strict=True)]


def timed(connection: http.client.HTTPConnection, method: str, path: str, times: int) -> float:
    """Seconds for all of them."""
    begun = time.perf_counter()
    for _ in range(times):
        status = ask(connection, method, path)
        if status != 200:
            raise RuntimeError(f"it answers {status}")
    return time.perf_counter() - begun


def ask(connection: http.client.HTTPConnection, method: str, path: str) -> int:
    connection.request(method, path, POSTBACK if method == "POST" else None)
    reply = connection.getresponse()
    reply.read()
    return reply.status


def answers(sandbox: Sandbox, config: Path, port: int) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds from a question in the chat to its answer: with nobody at the door, and with each of the two."""
    quiet, guessed, flooded = [], [], []
    for _ in range(TURNS):
        quiet += answered(sandbox)
        with asking("guesses", config, port):
            guessed += answered(sandbox)
        with asking("postbacks", config, port):
            flooded += answered(sandbox)
    return quiet, guessed, flooded


def answered(sandbox: Sandbox) -> list[float]:
    return [answered_after(sandbox, "/status") * 1000 for _ in range(ANSWERS)]


@contextmanager
def asking(what: str, config: Path, port: int) -> Iterator[None]:
    """In a process of its own, as long as the block lasts."""
    with running("-m", "tests.benchmarks.door", what, str(config), str(port)):
        time.sleep(2)
        yield


def guess_for_ever(port: int) -> None:
    """As many in every minute as was said, by a new connection each: after a wrong secret the old one is closed."""
    begun = time.monotonic()
    with connected(port) as connection:
        done = 0
        while True:
            done += 1
            ask(connection, "POST" if done % 2 else "GET", GUESS)
            time.sleep(max(0.0, begun + done * 60 / A_MINUTE - time.monotonic()))


def post_for_ever(port: int, path: str) -> None:
    with connected(port) as connection:
        while True:
            ask(connection, "POST", path)


def serve_bare(port: int) -> None:
    async def take(request: Request) -> Response:
        json.loads(await request.body())
        return Response()

    async def tell(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "telegram_seconds": 1.0, "sweep_seconds": 0.5, "store": "ok"})

    app = Starlette(routes=[Route("/postback", take, methods=["POST"]), Route("/healthz", tell)])
    uvicorn.run(app, port=port, http="h11", loop="asyncio", access_log=False, log_level="error")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


if __name__ == "__main__":
    what, config, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if what == "guesses":
        guess_for_ever(port)
    elif what == "postbacks":
        post_for_ever(port, postback_path(config))
    else:
        serve_bare(port)
