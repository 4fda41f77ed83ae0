"""Everything of the bot but the chat, in this process: tokens, schedule and proof, with real brokers at stand-ins.

The time is the sandbox's, and passes when it is told to. A restart makes everything anew but the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from bot.accounts import Accounts
from bot.keeping import StoredCodes
from bot.life import Account
from bot.sandbox import Sandbox
from bot.scheduler import Scheduler
from bot.store import Alert, Store
from bot.tokens import TokenService
from bot.trading import Hours, Rules, TradingDays
from brokers import IST, Clock, Drift, Secret, Surroundings, TotpSecret, broker_class
from tests.contract.stand_in import Patience
from tests.fakes import MemoryStore
from tests.unit.scheduler.world import AtOnce

Dhan: Any = broker_class("dhan")
CLIENT, PIN, SEED = "1000000001", "482913", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OTHER_SEED = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
API = {"api_key": "app-key-7f3a91", "api_secret": "app-secret-c84e20d1"}
LOGIN, CONSENT = "generateAccessToken", "generate-consent"
MONDAY = datetime(2026, 11, 16, tzinfo=IST)
"""Midnight in India, of a day that trades."""


def hasty(sandbox: Sandbox) -> Any:
    """Dhan, where a call that may meet a fault is given up after a fifth of a second, not after half a minute."""
    return type("HastyDhan", (Dhan,), {"limits": Patience(lambda: sandbox.dhan.faults.planned)})


def dhan_account(
    sandbox: Sandbox,
    store: Store,
    clock: Clock,
    *,
    name: str = "dhan",
    login: str = "auto",
    is_hasty: bool = False,
    **config: str,
) -> Account:
    """An account at the stand-in. What is not given is right."""
    kind = hasty(sandbox) if is_hasty else Dhan
    given = {"client_id": CLIENT, "pin": PIN, "totp_secret": SEED, **config}
    readers: dict[str, Callable[[str], Any]] = {"client_id": str, "totp_secret": TotpSecret.parse}
    kept = {field: readers.get(field, Secret)(value) for field, value in given.items()}
    codes = StoredCodes(store, name)
    where = Surroundings(login, sandbox.endpoints("dhan"), clock, codes, Drift())
    return Account(name, "Dhan", kind(kind.Config(**kept), where), login, Hours().morning, "config-1")


class Desk:
    """The accounts of `make`, which is called at every start as a config is read."""

    def __init__(
        self,
        sandbox: Sandbox,
        make: Callable[[Store], list[Account]],
        *,
        reopen: Callable[[], Store] | None = None,
        holidays: tuple[date, ...] = (),
        hours: Hours | None = None,
    ) -> None:
        """`reopen` gives the store anew at every start; without it the store is in memory."""
        self.sandbox = sandbox
        self.clock = sandbox.clock
        self.rules = Rules(hours or Hours(), TradingDays(extra_holidays=holidays))
        self.told: list[Alert] = []
        self.starts = 0
        self._make = make
        self._reopen = reopen
        self.store: Store = MemoryStore()
        self.restart()

    def restart(self) -> None:
        """As a process does that was killed: nobody said goodbye."""
        self.starts += 1
        if self._reopen is not None:
            self.store.close()
            self.store = self._reopen()
        accounts = {account.name: account for account in self._make(self.store)}
        self.tokens = TokenService(accounts, self.store, self.clock, Drift(), rules=self.rules, tell=self.tell)
        self.scheduler = Scheduler(
            self.tokens,
            Accounts(self.tokens, _InOrder()),
            self.store,
            clock=self.clock,
            rules=self.rules,
            tell=self.tell,
            executor=AtOnce(),
        )

    def tell(self, *alerts: Alert) -> None:
        self.told.extend(alerts)

    def kinds(self) -> list[str]:
        return [alert.kind for alert in self.told]

    def alerts(self, kind: str) -> list[Alert]:
        return [alert for alert in self.told if alert.kind == kind]

    def has_given_up(self) -> bool:
        """No further login comes by itself."""
        return self.tokens.next_login("dhan") is None

    def sweep(self) -> None:
        """Twice: what came of the first is looked at in the second."""
        self.scheduler.pump()
        self.scheduler.sweep()
        self.scheduler.sweep()

    def go_to(self, moment: datetime, step: float = 60) -> None:
        """Let time pass, with a sweep every `step` seconds."""
        while (left := (moment - self.clock.now()).total_seconds()) > 0:
            self.clock.advance(min(step, left))
            self.sweep()


class _InOrder(AtOnce):
    def map(self, fn: Callable[..., Any], *iterables: Any, **_: Any) -> Iterator[Any]:
        return map(fn, *iterables)


@contextmanager
def sandbox_at(moment: datetime) -> Iterator[Sandbox]:
    """A sandbox whose time stands still until it is moved, with one client at Dhan."""
    with Sandbox(at=moment, skip_sleeps=True) as sandbox:
        sandbox.clock.freeze()
        sandbox.dhan.add_client(CLIENT, PIN, SEED, redirect_url="https://trader.example/callback", **API)
        yield sandbox


@contextmanager
def desk_at(moment: datetime, *, login: str = "auto", is_hasty: bool = False, **config: str) -> Iterator[Desk]:
    """One account at Dhan."""
    with sandbox_at(moment) as sandbox:
        yield Desk(sandbox, partial(_one, sandbox, login=login, is_hasty=is_hasty, config=config))


def _one(sandbox: Sandbox, store: Store, *, login: str, is_hasty: bool, config: dict[str, str]) -> list[Account]:
    return [dhan_account(sandbox, store, sandbox.clock, login=login, is_hasty=is_hasty, **config)]


def indian(hour: int, minute: int = 0, second: int = 0, *, day: int = 0) -> datetime:
    """That time in India, so many days after MONDAY."""
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute, seconds=second)
