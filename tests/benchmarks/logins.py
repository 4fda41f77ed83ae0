"""Many accounts at slow brokers, logged in side by side.

The stand-ins for the brokers run here and the logins in a process of their own, so that they share no interpreter.

    python -m tests.benchmarks.logins FOLDER
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from bot.config import load
from bot.sandbox import TOKEN, Sandbox
from bot.tokens import TokenService
from bot.works import Works
from tests.benchmarks.harness import ROOT, Figure, p50
from tests.benchmarks.places import folder, write

EACH = 25
"""Accounts at each broker that log in together."""
ROUNDS = 3
EACH_CALL = 0.5
TOGETHER = 50
PIN, FOUR_DIGITS = "123456", "4821"
APP, APP_SECRET = "benchmarkapikey1", "benchmarkapisecret000000000000001"
LANDING = "https://127.0.0.1/benchmark"


def figures() -> Iterator[Figure]:
    with Sandbox() as sandbox, folder() as config:
        for broker, configured in BROKERS.items():
            for number in range(1 + EACH * ROUNDS):
                values = configured(sandbox.brokers[broker], number)
                write(config / f"{broker}-{number}_config.json", values | {"endpoints": sandbox.endpoints(broker)})
        write(config / "bot_config.json", {"telegram_bot_token": TOKEN, "telegram_chat_id": 4242})
        for stand_in in (sandbox.brokers[broker] for broker in BROKERS):
            stand_in.delay(seconds=EACH_CALL, times=None)
        command = [sys.executable, "-m", "tests.benchmarks.logins", str(config)]
        ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=200)
        logins = sandbox.dhan.attempts(dhan_client(0))["granted"]
    measured = json.loads(ended.stdout)
    promise = f"{EACH * len(BROKERS)} accounts at {len(BROKERS)} brokers, each call {EACH_CALL * 1000:.0f} ms"
    yield Figure(promise, p50(measured["together"]), "s", measured["longest"], "longest login alone", ratio_at_most=1.3)
    yield Figure("  the processor's time for each of them", measured["processor"], "ms")
    yield Figure(f"{TOGETHER} threads ask for one dead token: logins", logins, "", at_most=1)


def main(config: str) -> None:
    """Prints for how long one account at each broker takes, and how long many do together."""
    works = Works.of(load(Path(config)))
    first = [f"{broker}-0" for broker in BROKERS]
    longest = seconds(lambda: at_once(works.executor, works.tokens, first + ["dhan-0"] * (TOGETHER - 1)))
    together, busy = [], time.process_time()
    for round_ in range(ROUNDS):
        numbers = range(1 + round_ * EACH, 1 + (round_ + 1) * EACH)
        names = [f"{broker}-{number}" for number in numbers for broker in BROKERS]
        together.append(seconds(lambda names=names: at_once(works.executor, works.tokens, names)))
    processor = (time.process_time() - busy) * 1000 / (ROUNDS * EACH * len(BROKERS))
    works.close()
    print(json.dumps({"longest": longest, "together": together, "processor": processor}))


def at_once(executor: Executor, tokens: TokenService, names: list[str]) -> None:
    list(executor.map(lambda name: tokens.refresh(name, who="program"), names))


def seconds(work: Callable[[], object]) -> float:
    """A login waits for a TOTP window with time left; so that all find the same, begin well inside one."""
    gone = time.time() % 30
    if not 2.5 < gone < 15:
        time.sleep((32.5 - gone) % 30)
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


# A client at each stand-in, and the config that fits


def dhan(stand_in: Any, number: int) -> dict[str, Any]:
    stand_in.add_client(dhan_client(number), PIN, seed("dhan", number))
    return {"client_id": dhan_client(number), "pin": PIN, "totp_secret": seed("dhan", number)}


def dhan_client(number: int) -> str:
    return f"1{number:09d}"


def zerodha(stand_in: Any, number: int) -> dict[str, Any]:
    client, password = f"AB{number:04d}", f"benchmark-{number}"
    if not number:
        stand_in.add_app(APP, APP_SECRET, LANDING)
    stand_in.add_client(client, password, seed("zerodha", number))
    return {
        "login": "unofficial",
        "client_id": client,
        "api_key": APP,
        "api_secret": APP_SECRET,
        "redirect_url": LANDING,
        "password": password,
        "totp_secret": seed("zerodha", number),
    }


def angelone(stand_in: Any, number: int) -> dict[str, Any]:
    client = f"T{number:06d}"
    stand_in.add_client(client, FOUR_DIGITS, seed("angelone", number), f"app-{number}")
    return {
        "client_id": client,
        "pin": FOUR_DIGITS,
        "totp_secret": seed("angelone", number),
        "api_key": f"app-{number}",
    }


def kotak(stand_in: Any, number: int) -> dict[str, Any]:
    client, mobile = f"ZT{number:03d}", f"+91900000{number:04d}"
    stand_in.add_client(client, mobile, PIN, seed("kotak", number), f"consumer-{number}")
    return {
        "client_id": client,
        "mobile_number": mobile,
        "mpin": PIN,
        "totp_secret": seed("kotak", number),
        "consumer_key": f"consumer-{number}",
    }


def seed(broker: str, number: int) -> str:
    return base64.b32encode(f"{broker:>14}{number:06d}".encode()).decode()


BROKERS: dict[str, Callable[[Any, int], dict[str, Any]]] = {
    "dhan": dhan,
    "zerodha": zerodha,
    "angelone": angelone,
    "kotak": kotak,
}


if __name__ == "__main__":
    main(sys.argv[1])
