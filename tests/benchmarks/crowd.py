"""Thousands of accounts with live tokens, and a scheduler that looks after them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from bot.life import Account, Standing
from bot.scheduler import Scheduler
from bot.store import Alert, HeldToken, Store
from bot.store.tinydb import TinyStore
from bot.trading import Hours, Rules, TradingDays
from brokers import AccessToken, Secret, SystemClock
from kunji._seal import KEY_SIZE
from tests.fake_broker import CLIENT, Script, fake_account
from tests.fakes import MemoryStore

CROWD = 10_000


@dataclass(slots=True)
class Desk:
    """What the scheduler asks of the token service; nothing is ever logged in."""

    accounts: Mapping[str, Account]
    store: Store

    def standing(self, name: str, /) -> Standing:
        return self.standings([name])[name]

    def standings(self, names: Sequence[str], /) -> Mapping[str, Standing]:
        now, kept = datetime.now(UTC), self.store.tokens_and_notes(names)
        return {name: Standing(self.accounts[name], held, note, now) for name, (held, note) in kept.items()}

    def refresh(self, name: str, /, *, who: str) -> object:
        raise RuntimeError(f"a login of {name} was not expected")

    def probe(self, name: str, /) -> bool:
        return True

    def prove(self, names: Sequence[str], /) -> list[Alert]:
        return []


class BulkStore(TinyStore):
    """The store of `kunji run`, which can be filled with thousands of tokens in one write."""

    def fill(self, tokens: Mapping[str, HeldToken]) -> None:
        self._tokens.change(lambda: self._tokens.put(tokens))


def tokens(lasts: Callable[[int], timedelta], count: int = CROWD) -> dict[str, HeldToken]:
    """One for each account. `lasts`: for how long from now it is good."""
    now = datetime.now(UTC)
    return {
        f"fake-{number}": HeldToken(
            AccessToken(Secret(f"token-{number}"), CLIENT, now, now + lasts(number)), proven=True
        )
        for number in range(count)
    }


def in_memory(tokens: Mapping[str, HeldToken]) -> Store:
    store = MemoryStore()
    for name, held in tokens.items():
        store.save(name, held)
    return store


def on_disk(folder: Path, tokens: Mapping[str, HeldToken]) -> Store:
    store = BulkStore(folder, partial(bytes, KEY_SIZE))
    store.fill(tokens)
    return store


def scheduler(store: Store, tell: Callable[..., None], executor: ThreadPoolExecutor, count: int = CROWD) -> Scheduler:
    clock, codes = SystemClock(), Any
    accounts = {
        name: fake_account(clock, codes, Script(), name=name, login="assisted")
        for name in (f"fake-{number}" for number in range(count))
    }
    desk = Desk(accounts, store)
    rules = Rules(Hours(), TradingDays())
    return Scheduler(desk, desk, store, clock=clock, rules=rules, tell=tell, executor=executor)
