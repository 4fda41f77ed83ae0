"""A token service on a store in memory, a fake broker and a clock that is a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.keeping import StoredCodes
from bot.store import Alert, Store
from bot.tokens import TokenService
from bot.trading import Hours, Rules, TradingDays
from brokers import Drift
from tests.fake_broker import Script, fake_account
from tests.fakes import FakeClock, MemoryStore

TUESDAY_8AM = datetime(2026, 11, 17, 2, 30, tzinfo=UTC)
NAME = "fake"


@dataclass
class Bench:
    login: str = "auto"
    fingerprint: str = "config-1"
    script: Script = field(default_factory=Script)
    clock: FakeClock = field(default_factory=lambda: FakeClock(TUESDAY_8AM))
    store: Store = field(default_factory=MemoryStore)
    told: list[Alert] = field(default_factory=list)
    drift: Drift = field(default_factory=Drift)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process with the same store."""
        account = fake_account(
            self.clock,
            StoredCodes(self.store, NAME),
            self.script,
            name=NAME,
            login=self.login,
            fingerprint=self.fingerprint,
        )
        self.service = TokenService(
            {NAME: account},
            self.store,
            self.clock,
            self.drift,
            rules=Rules(Hours(), TradingDays()),
            tell=lambda *alerts: self.told.extend(alerts),
        )

    def kinds(self) -> list[str]:
        return [alert.kind for alert in self.told]
