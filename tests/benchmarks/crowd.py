"""Thousands of accounts with live tokens, and a scheduler that looks after them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.life import Account
from bot.scheduler import Scheduler
from bot.store import AccountNote, Alert, HeldToken, Store
from bot.trading import Hours, Rules, TradingDays
from brokers import AccessToken, Secret, SystemClock
from tests.fake_broker import CLIENT, Script, fake_account
from tests.fakes import MemoryStore

CROWD = 10_000


@dataclass(slots=True)
class Desk:
    """What the scheduler asks of the token service; nothing is ever logged in."""

    accounts: Mapping[str, Account]
    store: Store

    def held(self, name: str, /) -> HeldToken | None:
        return self.store.load(name)

    def note(self, name: str, /) -> AccountNote:
        return self.store.note(name)

    def refresh(self, name: str, /, *, who: str) -> object:
        raise RuntimeError(f"a login of {name} was not expected")

    def probe(self, name: str, /) -> bool:
        return True

    def prove(self, names: Sequence[str], /) -> list[Alert]:
        return []


def scheduler(lasts: Callable[[int], timedelta], tell: Callable[..., None], executor: ThreadPoolExecutor) -> Scheduler:
    """`lasts`: for how long from now the token of each account is good."""
    clock, store, codes = SystemClock(), MemoryStore(), Any
    now = datetime.now(UTC)
    accounts = {}
    for number in range(CROWD):
        name = f"fake-{number}"
        accounts[name] = fake_account(clock, codes, Script(), name=name, login="assisted")
        token = AccessToken(Secret(f"token-{number}"), CLIENT, now, now + lasts(number))
        store.save(name, HeldToken(token, proven=True))
    desk = Desk(accounts, store)
    rules = Rules(Hours(), TradingDays())
    return Scheduler(desk, desk, store, clock=clock, rules=rules, tell=tell, executor=executor)
