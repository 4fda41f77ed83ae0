"""A desk with thousands of accounts on one Redis server, logged in by several processes.

The stand-in for the broker runs here, every worker in a process of its own: it claims what is offered, as `kunji run`
does. What the server is asked, the server counts.

    python -m tests.benchmarks.scale FOLDER ACCOUNT
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

from bot.config import load
from bot.labour import Shared
from bot.sandbox import TOKEN, Sandbox
from bot.store import Store, open_store
from bot.works import THREADS, Works
from kunji._seal import new_key, write_ring
from tests.benchmarks import crowd
from tests.benchmarks.harness import ROOT, Figure, microseconds, p50
from tests.benchmarks.logins import EACH_CALL, dhan, dhan_client
from tests.benchmarks.places import folder, write
from tests.redis_server import RedisServer, redis_server

FEW, MANY = 100, 10_000
DESKS = (100, 1_000, 10_000)
"""Accounts."""
WORKERS = 4
HALF_AN_HOUR = 1800.0
USABLE = (30 - 6) / 30
"""Of every TOTP window: a code is made neither in its first 2 s nor in its last 4 s."""
PATIENCE = 900.0
SWEEPS, STARTS = 500, 3


def figures() -> Iterator[Figure]:
    few, many = measured(FEW), measured(MANY)
    # A login alone, over and over in every thread: what the brokers' calls and codes leave, whatever the processors do.
    bound = MANY * few["alone"] / (WORKERS * THREADS) / USABLE
    yield Figure(f"{MANY:,} accounts due at once, {WORKERS} workers: all logged in", many["wall"], "s", bound, "bound")
    yield Figure("  of the half hour in which they are due", many["wall"], "s", at_most=HALF_AN_HOUR)
    yield Figure("  logins at the broker for each", many["logins"], "", at_most=1)
    for name, unit in (
        ("the processor's time for each, in the workers", "ms"),
        ("commands to Redis for each", ""),
        ("memory of Redis for each", "KiB"),
        ("memory of a worker", "MiB"),
    ):
        yield Figure(f"  {name}", many[name], unit, few[name], f"at {FEW}")
    yield from sweeps()
    yield from plannings()


def measured(count: int) -> dict[str, float]:
    """How so many accounts do that are all due at once."""
    with ExitStack() as opened:
        config, sandbox = opened.enter_context(folder()), opened.enter_context(Sandbox())
        server = opened.enter_context(redis_server(config / "redis"))
        environment = set_up(config, sandbox, server, count)
        workers = [opened.enter_context(worker(config, environment, f"dhan-{number}")) for number in range(WORKERS)]
        alone = [json.loads(told(one))["alone"] for one in workers]
        crew = opened.enter_context(closing(open_store(config, server.address, environment=environment))).crew()
        assert crew is not None
        commands, memory = asked(server), used(server)
        begun = time.perf_counter()
        crew.offer([f"dhan-{number}" for number in range(WORKERS, count)])
        while cast(int, server.client.hlen("kunji:kept")) < count or server.client.zcard("kunji:due"):
            assert time.perf_counter() - begun < PATIENCE, "the workers do not come to an end"
            time.sleep(0.2)
        wall, commands, memory = time.perf_counter() - begun, asked(server) - commands, used(server) - memory
        done = [ended(one) for one in workers]
        logins = [sandbox.dhan.attempts(dhan_client(number))["granted"] for number in range(count)]
        each = count - WORKERS
        return {
            "wall": wall,
            "alone": p50(alone),
            "logins": max(logins),
            "the processor's time for each, in the workers": sum(one["processor"] for one in done) * 1000 / each,
            "commands to Redis for each": commands / each,
            "memory of Redis for each": memory / each / 1024,
            "memory of a worker": p50([one["memory"] for one in done]),
        }


def sweeps() -> Iterator[Figure]:
    """What the leader's time table costs when nothing is due."""
    with folder() as config, redis_server(config / "redis") as server, ThreadPoolExecutor(4) as executor:
        key = {"KUNJI_KEY": write_ring(new_key()).strip()}
        with closing(open_store(config, server.address, environment=key)) as store:
            for name, held in crowd.tokens(lambda _: timedelta(hours=20)).items():
                store.save(name, held)
            leader = crowd.scheduler(store, lambda *_: None, executor)
            leader.sweep()
            commands = asked(server)
            quiet = p50(microseconds(leader.sweep, SWEEPS)) / 1000
            commands = (asked(server) - commands - 1) / SWEEPS
    yield Figure(f"one sweep of the leader, {MANY:,} accounts, nothing due, p50", quiet, "ms", at_most=1)
    yield Figure("  commands to Redis for it", commands, "", at_most=0.1)


def plannings() -> Iterator[Figure]:
    """What passes until every account is planned by one that has just begun and has read nothing yet."""
    for count in DESKS:
        held = crowd.tokens(lambda _: timedelta(hours=20), count)
        with folder() as config:
            with closing(crowd.on_disk(config / "store", held)) as store:
                note(store, held)
            here = planned(partial(crowd.on_disk, config / "store", {}), count)
        yield Figure(f"planning {count:,} accounts at a start, on disk", here, "s")
        with folder() as config, redis_server(config / "redis") as server:
            key = {"KUNJI_KEY": write_ring(new_key()).strip()}
            with closing(open_store(config, server.address, environment=key)) as store:
                for name, token in held.items():
                    store.save(name, token)
                note(store, held)
            there = planned(partial(open_store, config, server.address, environment=key), count)
        yield Figure("  when one begins to lead, on Redis", there, "s", here, "on disk")


def note(store: Store, names: Iterable[str]) -> None:
    now = datetime.now(UTC)
    store.update({name: lambda note: replace(note, last_login_at=now) for name in names})


def planned(opened: Callable[[], Store], count: int) -> float:
    """The median of several first sweeps."""
    taken = []
    with ThreadPoolExecutor(4) as executor:
        for _ in range(STARTS):
            with closing(opened()) as store:
                leader = crowd.scheduler(store, lambda *_: None, executor, count)
                begun = time.perf_counter()
                leader.sweep()
                taken.append(time.perf_counter() - begun)
    return p50(taken)


# The desk


def set_up(config: Path, sandbox: Sandbox, server: RedisServer, count: int) -> dict[str, str]:
    """The environment that each of its programs is given."""
    endpoints = sandbox.endpoints("dhan")
    for number in range(count):
        write(config / f"dhan-{number}_config.json", dhan(sandbox.dhan, number) | {"endpoints": endpoints})
    bot = {"telegram_bot_token": TOKEN, "telegram_chat_id": 4242, "store": server.address}
    write(config / "bot_config.json", bot)
    sandbox.dhan.delay(seconds=EACH_CALL, times=None)
    return {**os.environ, "KUNJI_KEY": write_ring(new_key()).strip()}


def asked(server: RedisServer) -> float:
    return float(cast(Mapping[str, Any], server.client.info("stats"))["total_commands_processed"])


def used(server: RedisServer) -> float:
    return float(cast(Mapping[str, Any], server.client.info("memory"))["used_memory"])


# A worker


def worker(config: Path, environment: Mapping[str, str], first: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.benchmarks.scale", str(config), first]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)


def told(one: subprocess.Popen[str]) -> str:
    assert one.stdout is not None
    return one.stdout.readline()


def ended(one: subprocess.Popen[str]) -> dict[str, float]:
    said, _ = one.communicate("end\n", timeout=60)
    figures: dict[str, float] = json.loads(said)
    return figures


def main(config: str, name: str) -> None:
    """Logs this account in alone, says how long that took, then does what is offered until it is told to end."""
    works = Works.of(load(Path(config)))
    crew = works.store.crew()
    assert crew is not None
    print(json.dumps({"alone": seconds(lambda: log_in(works, name))}), flush=True)
    labour = Shared(crew, lambda name: log_in(works, name), works.executor, known=works.tokens.accounts, hands=THREADS)
    busy = time.process_time()
    labour.begin()
    sys.stdin.readline()
    labour.stop()
    status = Path("/proc/self/status").read_text()
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    print(json.dumps({"processor": time.process_time() - busy, "memory": memory / 1024}), flush=True)
    os._exit(0)


def log_in(works: Works, name: str) -> None:
    works.tokens.refresh(name, who="schedule")


def seconds(work: Callable[[], object]) -> float:
    """Begun well inside a TOTP window."""
    gone = time.time() % 30
    if not 2.5 < gone < 15:
        time.sleep((32.5 - gone) % 30)
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(*sys.argv[1:])
