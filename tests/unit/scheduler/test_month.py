"""Thirty days of several accounts, with trouble, on a clock that is a value."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from bot.trading import ist
from brokers import BrokerUnreachable, LoginRejected
from tests.unit.scheduler.world import MONDAY, World, indian

DAYS = 30
STEP = 60


def test_a_month_goes_by_as_it_should() -> None:
    world = World(MONDAY, steady="auto", flaky="auto", refused="auto", paused="auto", zerodha="assisted")
    world.tokens.pause("paused")
    world.scripts["refused"].login = [LoginRejected("wrong PIN")] * 999

    for day in range(DAYS):
        world.scripts["flaky"].login = [BrokerUnreachable("no answer")] * (day % 4)
        world.go_to(indian(8, 32, day=day), step=STEP)
        world.hold("zerodha", indian(6, day=day + 1))
        world.restart()
        world.go_to(MONDAY + timedelta(days=day + 1), step=STEP)

    trading_days = [day for day in range(DAYS) if world.rules.days.may_trade(ist(indian(12, day=day)).date())]
    granted = {name: [row for row in world.store.history(name) if row.outcome == "granted"] for name in world.accounts}
    assert len(granted["steady"]) == len(trading_days)
    assert {ist(row.at).strftime("%H:%M") for row in granted["steady"]} == {"08:45"}
    assert len(granted["flaky"]) == len(trading_days)
    assert world.scripts["refused"].logins == 1
    assert world.scripts["paused"].logins == 0
    assert len(world.prover.asked) == len(trading_days)

    asked = Counter(ist(alert.at).date() for alert in world.alerts("ask"))
    assert set(asked.values()) == {2}
    assert len(asked) == len(trading_days)

    for kind in ("warning", "expired"):
        about = Counter((alert.account, alert.facts["expires_at"]) for alert in world.alerts(kind))
        assert set(about.values()) == {1}
    warned = Counter(alert.account for alert in world.alerts("warning"))
    assert warned["zerodha"] == DAYS
    assert warned["steady"] == len(trading_days) - 1  # the last token outlives the simulation
