"""Time zones, clocks that are set, the turn of the year, and months that go by."""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zlib import crc32

import pytest

from bot.scheduler import Scheduler
from bot.store import Alert, Store, open_store
from bot.tokens import TokenService
from bot.trading import Hours, Rules, TradingDays, ist
from brokers import IST, Drift
from tests.e2e.house import MONDAY as MONDAY_MORNING
from tests.e2e.house import house
from tests.fake_broker import Script, fake_account
from tests.fakes import FakeClock, MemoryStore
from tests.faults.desk import CLIENT, LOGIN, Desk, desk_at, indian
from tests.unit.scheduler.world import AtOnce

ZONES = ("UTC", "Asia/Kolkata", "America/New_York")

# The host's zone


def what_a_morning_says(tmp_path: Path, zone: str) -> list[str]:
    with house(tmp_path, MONDAY_MORNING) as home:
        home.environment["TZ"] = zone
        home.sandbox.clock.freeze()
        home.auto()
        home.start()
        home.says("/status", "08:45")
        home.at(MONDAY_MORNING.replace(hour=8, minute=45, second=5))
        home.sees("refreshed by itself")
        home.at(MONDAY_MORNING.replace(hour=8, minute=55, second=5))
        home.sees("Ready for the market")
        home.at(MONDAY_MORNING + timedelta(hours=22, minutes=46))
        home.sees("⏰")
        home.says("/status", "08:45")
        assert home.sandbox.dhan.attempts(CLIENT)["refused"] == 0
        return home.texts()


@pytest.mark.long
def test_the_zone_of_the_machine_changes_nothing_that_is_done_or_said(tmp_path: Path) -> None:
    said = []
    for zone in ZONES:
        (tmp_path / zone.replace("/", "-")).mkdir()
        said.append(what_a_morning_says(tmp_path / zone.replace("/", "-"), zone))

    assert said[0] == said[1] == said[2]


@pytest.mark.long
def test_in_new_york_the_morning_login_comes_in_the_indian_morning(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY_MORNING) as home:
        home.environment["TZ"] = "America/New_York"
        home.auto()
        home.start()
        home.at(MONDAY_MORNING.replace(hour=8, minute=45, second=1))

        assert "08:45 tomorrow" in home.sees("refreshed by itself").text


# Clocks that are set


def test_a_clock_set_forward_past_a_warning_and_back_warns_once() -> None:
    with desk_at(indian(8, 40)) as desk:
        desk.go_to(indian(8, 50))
        desk.clock.jump(22.5 * 3600)
        desk.sweep()
        warned = desk.kinds().count("warning")
        desk.clock.jump(-22.5 * 3600)
        desk.go_to(indian(8, 40, day=1))

        assert warned == 1
        assert [alert.facts["expires_at"] for alert in desk.alerts("warning")] == [expires_of(desk)]


def expires_of(desk: Desk) -> str:
    held = desk.tokens.held("dhan")
    assert held is not None
    return held.token.expires_at.isoformat(timespec="seconds")


@pytest.mark.parametrize("seconds", [-86_400, -3600, -30, 30, 3600])
def test_a_clock_that_is_set_costs_no_login_and_misses_none(seconds: int) -> None:
    with desk_at(indian(8, 40)) as desk:
        desk.go_to(indian(8, 50))
        desk.clock.jump(seconds)
        desk.sandbox.dhan.run_ahead(-seconds)
        desk.sweep()
        desk.go_to(desk.clock.now() + timedelta(minutes=30))
        assert desk.sandbox.dhan.calls(LOGIN) == 1

        desk.clock.jump(-seconds)
        desk.sandbox.dhan.run_ahead(0)
        desk.go_to(indian(9, day=1))

        assert desk.sandbox.dhan.attempts(CLIENT) == {"granted": 2, "refused": 0}


# The turn of the year


def test_the_year_ends_and_every_day_that_might_trade_has_its_login() -> None:
    begins = datetime(2026, 12, 30, tzinfo=IST)
    with desk_at(begins) as desk:
        desk.go_to(begins + timedelta(days=7), step=300)

        logins = {ist(datetime.fromtimestamp(seen.at, IST)).date() for seen in desk.sandbox.dhan.requests(LOGIN)}
        week = [date(2026, 12, 30) + timedelta(days=ahead) for ahead in range(7)]
        assert logins == {day for day in week if day.weekday() < 5}
        assert len(desk.alerts("proof")) == len(logins)
        expiries = [alert.facts["expires_at"] for alert in desk.alerts("warning")]
        assert len(expiries) == len(set(expiries)) == len(logins) - 1


# Months


class Month:
    """Many accounts with tokens of all ages, restarted every day, on a clock that is a value.

    Counts what is told and keeps none of it, so that what grows is the bot's own.
    """

    def __init__(self, accounts: int, reopen: Callable[[], Store] | None) -> None:
        self.clock = FakeClock(indian(0).astimezone(UTC))
        self.names = [f"fake-{number}" for number in range(accounts)]
        self.rules = Rules(Hours(probe_every=timedelta(0)), TradingDays())
        self.warned: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        self.scripts = {
            # Never whole hours: a warning that is due in the very sweep of a login may be sent or not.
            name: Script(life=timedelta(hours=14 + crc32(name.encode()) % 21, minutes=1 + crc32(name.encode()) % 59))
            for name in self.names
        }
        self._reopen = reopen
        self.store: Store = MemoryStore()
        self.restart()

    def restart(self) -> None:
        if self._reopen is not None:
            self.store.close()
            self.store = self._reopen()
        accounts = {
            name: fake_account(self.clock, None, self.scripts[name], name=name, login="auto") for name in self.names
        }
        self.tokens = TokenService(accounts, self.store, self.clock, Drift(), rules=self.rules, tell=self.tell)
        self.scheduler = Scheduler(
            self.tokens, self, self.store, clock=self.clock, rules=self.rules, tell=self.tell, executor=AtOnce()
        )

    def prove(self, names: object, /) -> list[Alert]:
        return []

    def tell(self, *alerts: Alert) -> None:
        for alert in alerts:
            if alert.kind == "warning" and alert.account:
                self.warned[alert.account, str(alert.facts["expires_at"])].append(alert.at)

    def live(self, until: datetime, step: float) -> None:
        while self.clock.now() < until:
            self.clock.go(step)
            self.scheduler.pump()
            self.scheduler.sweep()

    def expected(self) -> dict[tuple[str, str], datetime]:
        """Every token's warning, by what is in the history: two hours before its end, unless it was replaced before."""
        wanted = {}
        for name in self.names:
            issued = sorted(row.at for row in self.store.history(name) if row.outcome == "granted")
            for at, next_ in zip(issued, [*issued[1:], None], strict=True):
                expires_at = at + self.scripts[name].life
                warn_at = expires_at - self.rules.hours.warn_before
                if warn_at <= self.clock.now() and (next_ is None or warn_at < next_):
                    wanted[name, expires_at.isoformat(timespec="seconds")] = warn_at
        return wanted


def resident_mib() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def a_month(month: Month, step: float) -> None:
    """Warnings as they should be, and neither memory nor files that grow between the tenth day and the last."""
    measured = []
    for day in range(30):
        month.live(indian(0, day=day + 1), step)
        month.restart()
        if day in {9, 29}:
            measured.append((resident_mib(), open_files()))

    expected = month.expected()
    assert {key: len(at) for key, at in month.warned.items()} == dict.fromkeys(expected, 1)
    for key, [at] in month.warned.items():
        assert timedelta(0) <= at - expected[key] <= timedelta(seconds=2 * step)
    (memory, files), (memory_at_last, files_at_last) = measured
    assert files_at_last <= files
    assert memory_at_last - memory < 60 * len(month.names) / 1000 + 8


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is counted by /proc")


@needs_proc
def test_a_month_of_twenty_accounts_warns_of_every_token_once(tmp_path: Path) -> None:
    a_month(Month(20, None), 600)


@needs_proc
@pytest.mark.long
def test_a_month_of_a_thousand_accounts_warns_of_every_token_once_and_grows_nothing() -> None:
    a_month(Month(1000, None), 60)


@needs_proc
@pytest.mark.long
def test_a_month_with_a_store_on_disk_leaves_no_file_open(tmp_path: Path) -> None:
    a_month(Month(20, lambda: open_store(tmp_path, environment={})), 600)
