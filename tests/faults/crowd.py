"""A process that forks workers for tests, as starting Python anew for each takes too long.

Its argument is a JSON object: the config folder, the broker's endpoints, the clock's address, client, PIN and seed. For
every line on its input it starts workers, prints `started` and their ids, and when all of them ended it prints `ended`:

`ask N M` starts N processes, each of which asks for the token in M threads and prints what each got;
`codes N` starts N processes, each of which takes TOTP codes without end, and prints each window or why there was none;
`mint` refreshes a token at a broker in memory over and over and prints its number once that was acknowledged;
`mixed` saves, notes, queues and records besides.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

from bot.budget import HeldBack
from bot.clock import RemoteClock
from bot.keeping import StoredCodes
from bot.life import Account
from bot.sandbox.totp import PERIOD
from bot.store import Alert, OutboxItem, Store, open_store
from bot.tokens import TokenService
from bot.trading import Hours, Rules, TradingDays
from brokers import Clock, Code, Drift, KunjiError, Secret, Surroundings, SystemClock, TotpSecret, broker_class
from tests.fake_broker import FakeBroker, Script

FULL_STOP = b"\n"


@dataclass(frozen=True, slots=True)
class Task:
    """What the workers are told of the world."""

    folder: str
    endpoints: dict[str, str]
    clock: str
    client: str
    pin: str
    seed: str


class Minter(FakeBroker):
    """Grants a login at any time, and numbers the tokens on from the one before, whoever made that."""

    login_gap = timedelta(0)


def service(accounts: list[Account], store: Store, clock: Clock) -> TokenService:
    known = {account.name: account for account in accounts}
    return TokenService(known, store, clock, Drift(), rules=Rules(Hours(), TradingDays()), tell=lambda *_: None)


def dhan_service(task: Task) -> TokenService:
    store = open_store(task.folder, environment={})
    clock, kind = RemoteClock(task.clock), broker_class("dhan")
    config = kind.Config(client_id=task.client, pin=Secret(task.pin), totp_secret=TotpSecret.parse(task.seed))
    where = Surroundings("auto", task.endpoints, clock, StoredCodes(store, "dhan"), Drift())
    account = Account("dhan", kind.title, kind(config, where), "auto", Hours().morning, "config-1")
    return service([account], store, clock)


def ask(task: Task, threads: int) -> None:
    """Every thread asks once; one line each: granted, kept, or the error."""
    tokens = dhan_service(task)

    def one() -> None:
        try:
            outcome: Any = tokens.refresh("dhan", who="program")
            say("kept" if outcome.already else "granted")
        except KunjiError as error:
            say(type(error).__name__)

    working = [threading.Thread(target=one) for _ in range(threads)]
    for thread in working:
        thread.start()
    for thread in working:
        thread.join()


def take_codes(task: Task) -> None:
    """As `kunji totp` takes one."""
    tokens = dhan_service(task)
    while True:
        try:
            say(str(window_of(tokens.code("dhan"))))
        except KunjiError as error:
            say(type(error).__name__)


def window_of(code: Code) -> int:
    return int(code.expires_at.timestamp()) // PERIOD - 1


def mint(task: Task, also: Callable[[Store, int], None] = lambda *_: None) -> None:
    store, clock = open_store(task.folder, environment={}), SystemClock()
    kept = store.load("dhan")
    last = int(kept.token.value.reveal().partition("-")[2]) if kept else 0
    script = Script(logins=last, live=f"token-{last}")
    where = Surroundings("auto", Minter.endpoints, clock, StoredCodes(store, "dhan"), Drift())
    account = Account("dhan", "Fake", Minter(script, where), "auto", Hours().morning, "config-1")
    tokens = service([account], store, clock)
    for number in count(1):
        with suppress(HeldBack):  # the one before was cut off: a person has to insist
            tokens.refresh("dhan", who="admin", replace=True, force=True)
            say(str(script.live).partition("-")[2])
        also(store, number)


def write_the_rest(store: Store, number: int) -> None:
    store.update({"dhan": lambda note: replace(note, order_address=str(number))})
    item = OutboxItem(7, (Alert("expired", SystemClock().now(), "dhan"),), SystemClock().now())
    store.settle(dict.fromkeys(store.queue([item])))
    store.update_bot(lambda note: replace(note, locked=not note.locked))


def work(task: Task, words: list[str]) -> None:
    match words:
        case ["ask", _, threads]:
            ask(task, int(threads))
        case ["codes", _]:
            take_codes(task)
        case ["mint"]:
            mint(task)
        case ["mixed"]:
            mint(task, write_the_rest)


def say(line: str) -> None:
    os.write(1, line.encode() + FULL_STOP)


def main(task: Task) -> None:
    for line in sys.stdin:
        words = line.split()
        children = []
        for _ in range(int(words[1]) if len(words) > 1 else 1):
            child = os.fork()
            if child == 0:
                try:
                    work(task, words)
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(0)
            children.append(child)
        say(" ".join(["started", *map(str, children)]))
        for child in children:
            os.waitpid(child, 0)
        say("ended")


if __name__ == "__main__":
    main(Task(**json.loads(sys.argv[1])))
