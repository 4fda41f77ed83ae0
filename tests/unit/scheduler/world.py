"""A whole scheduler on a clock that is a value: real token service, brokers and store in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.keeping import StoredCodes
from bot.scheduler import Scheduler
from bot.store import Alert, HeldToken
from bot.tokens import TokenService
from bot.trading import Hours, Rules, TradingDays
from brokers import AccessToken, Drift, Secret
from tests.fake_broker import CLIENT, Script, fake_account
from tests.fakes import FakeClock, MemoryStore

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
"""Half past five in the morning in India, on a day that trades."""


def indian(hour: int, minute: int = 0, second: int = 0, *, day: int = 0) -> datetime:
    """That time in India, so many days after MONDAY."""
    return MONDAY + timedelta(days=day, hours=hour - 5, minutes=minute - 30, seconds=second)


class AtOnce(Executor):
    """Does the work in the caller's thread; or, while `holds`, when `release` is called."""

    def __init__(self) -> None:
        self.holds = False
        self.held: list[Callable[[], object]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.holds:
            self.held.append(lambda: fn(*args, **kwargs))
        else:
            fn(*args, **kwargs)
        return Future()

    def release(self) -> None:
        self.holds, held, self.held = False, self.held, []
        for work in held:
            work()


class FakeProver:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.asked: list[list[str]] = []
        self.fails = 0
        self.not_ready: set[str] = set()

    def prove(self, names: Sequence[str], /) -> list[Alert]:
        self.asked.append(list(names))
        if self.fails:
            self.fails -= 1
            raise RuntimeError("a fault of ours")
        return [Alert("proof", self._now(), name, {"ok": name not in self.not_ready}) for name in names]


class World:
    def __init__(self, now: datetime = MONDAY, hours: Hours | None = None, **logins: str) -> None:
        """`logins` says of each account how it logs in."""
        self.clock = FakeClock(now)
        self.store = MemoryStore()
        self.rules = Rules(hours or Hours(), TradingDays())
        self.scripts = {name: Script() for name in logins}
        self.accounts = {
            name: fake_account(self.clock, StoredCodes(self.store, name), self.scripts[name], name=name, login=login)
            for name, login in logins.items()
        }
        self.executor = AtOnce()
        self.prover = FakeProver(self.clock.now)
        self.told: list[list[Alert]] = []
        self.tell_fails = False
        self.on_tell: Callable[[], object] = lambda: None
        self.restart()

    def restart(self, service: type[TokenService] = TokenService) -> None:
        self.tokens = service(self.accounts, self.store, self.clock, Drift(), rules=self.rules, tell=self.tell)
        self.scheduler = self.made_scheduler()

    def made_scheduler(self, **more: Any) -> Scheduler:
        return Scheduler(
            self.tokens,
            self.prover,
            self.store,
            clock=self.clock,
            rules=self.rules,
            tell=self.tell,
            executor=self.executor,
            **more,
        )

    def tell(self, *alerts: Alert) -> None:
        if self.tell_fails:
            raise RuntimeError("a fault of ours")
        self.told.append(list(alerts))
        self.on_tell()

    def alerts(self, kind: str) -> list[Alert]:
        return [alert for together in self.told for alert in together if alert.kind == kind]

    def hold(self, name: str, expires_at: datetime, **facts: Any) -> HeldToken:
        """Give the account a token as if it had been there before, live at its broker."""
        self.scripts[name].live = f"{name}-{expires_at:%d%H%M%S}"
        issued_at = expires_at - timedelta(hours=24)
        token = AccessToken(Secret(str(self.scripts[name].live)), CLIENT, issued_at, expires_at)
        held = replace(HeldToken(token, proven=True), **facts)
        self.store.save(name, held)
        self.scheduler.touched(name)
        return held

    def sweep(self) -> None:
        self.scheduler.pump()
        self.scheduler.sweep()

    def go_to(self, moment: datetime, step: float = 1) -> None:
        """Let time pass, with a sweep every `step` seconds."""
        while (left := (moment - self.clock.now()).total_seconds()) > 0:
            self.clock.go(min(step, left))
            self.sweep()
