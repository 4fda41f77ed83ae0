"""Many accounts at slow brokers, logged in side by side.

The stand-in for the broker runs here and the logins in a process of their own, so that they share no interpreter.

    python -m tests.benchmarks.logins ENDPOINTS
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

from bot.app import THREADS
from bot.keeping import StoredCodes
from bot.life import Account
from bot.sandbox import Sandbox
from bot.store import Store
from bot.tokens import TokenService
from bot.trading import Hours, Rules, TradingDays
from brokers import Drift, Secret, Surroundings, SystemClock, TotpSecret, broker_class
from tests.benchmarks.harness import ROOT, Figure
from tests.benchmarks.places import folder, store_in

ACCOUNTS = 100
EACH_CALL = 0.5
TOGETHER = 50
PIN = "123456"


def figures() -> Iterator[Figure]:
    with Sandbox() as sandbox:
        for number in range(ACCOUNTS):
            sandbox.dhan.add_client(client(number), PIN, seed(number))
        sandbox.dhan.delay(seconds=EACH_CALL, times=None)
        command = [sys.executable, "-m", "tests.benchmarks.logins", json.dumps(sandbox.endpoints("dhan"))]
        ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=120)
        logins = sandbox.dhan.calls("generateAccessToken") - ACCOUNTS + 1
    alone, everybody = json.loads(ended.stdout)
    promise = f"{ACCOUNTS} accounts, each call {EACH_CALL * 1000:.0f} ms"
    yield Figure(promise, everybody, "s", alone, "one login alone", ratio_at_most=1.3)
    yield Figure(f"{TOGETHER} threads ask for one dead token: logins", logins, "", at_most=1)


def main(endpoints: str) -> None:
    """Prints for how long one account takes alone, and all others together."""
    with folder() as config, ThreadPoolExecutor(THREADS) as executor:
        store = store_in(config)
        tokens = service(json.loads(endpoints), store)
        first, *rest = tokens.accounts
        alone = seconds(lambda: at_once(executor, tokens, [first] * TOGETHER))
        everybody = seconds(lambda: at_once(executor, tokens, rest))
        store.close()
    print(json.dumps([alone, everybody]))


def at_once(executor: Executor, tokens: TokenService, names: list[str]) -> None:
    list(executor.map(lambda name: tokens.refresh(name, who="program"), names))


def service(endpoints: dict[str, str], store: Store) -> TokenService:
    clock, drift, dhan = SystemClock(), Drift(), broker_class("dhan")
    known = {}
    for number in range(ACCOUNTS):
        name = f"dhan-{number}"
        config = dhan.Config(client_id=client(number), pin=Secret(PIN), totp_secret=TotpSecret.parse(seed(number)))
        given = Surroundings("auto", endpoints, clock, StoredCodes(store, name), drift)
        known[name] = Account(name, dhan.title, dhan(config, given), "auto", Hours().morning, "config")
    return TokenService(known, store, clock, drift, rules=Rules(Hours(), TradingDays()), tell=lambda *_: None)


def client(number: int) -> str:
    return f"1{number:09d}"


def seed(number: int) -> str:
    return base64.b32encode(b"benchmark%011d" % number).decode()


def seconds(work: Callable[[], object]) -> float:
    """A login waits for a TOTP window with time left; so that all find the same, begin well inside one."""
    gone = time.time() % 30
    if not 2.5 < gone < 15:
        time.sleep((32.5 - gone) % 30)
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(sys.argv[1])
