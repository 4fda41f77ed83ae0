"""The order book of a client nobody gave any: there is nothing in it but what fits the day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from bot.sandbox import Sandbox
from bot.sandbox.bank import Row
from brokers import IST

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SUNDAY, EARLY = datetime(2026, 11, 15, 10, tzinfo=IST), datetime(2026, 11, 16, 8, 45, tzinfo=IST)
TRADING, NEXT_DAY = datetime(2026, 11, 16, 11, tzinfo=IST), datetime(2026, 11, 17, 11, tzinfo=IST)
CLIENTS = {
    "dhan": ("1000000001", "123456", SEED),
    "zerodha": ("AB1234", "right horse", SEED),
    "angelone": ("T100042", "1234", SEED, "key-1"),
    "kotak": ("ZT4K9", "+919000000042", "730251", SEED, "key-1"),
}
SPELLINGS = {"dhan": "%Y-%m-%d", "zerodha": "%Y-%m-%d", "angelone": "%d-%b-%Y", "kotak": "%d-%b-%Y"}
every_broker = pytest.mark.parametrize("name", CLIENTS)


def admitted(sandbox: Sandbox, name: str, at: datetime) -> Any:
    sandbox.clock.freeze()
    sandbox.clock.set(at)
    broker: Any = sandbox.brokers[name]
    broker.add_client(*CLIENTS[name])
    return broker


def book(sandbox: Sandbox, name: str) -> list[Row]:
    broker = sandbox.brokers[name]
    found: list[Row] = broker.bank.book(broker.bank.clients[CLIENTS[name][0]])
    return found


@every_broker
@pytest.mark.parametrize("at", [SUNDAY, EARLY])
def test_while_nobody_trades_there_is_no_order(sandbox: Sandbox, name: str, at: datetime) -> None:
    admitted(sandbox, name, at)

    assert book(sandbox, name) == []


@every_broker
def test_orders_are_of_today_on_every_day_of_trading(sandbox: Sandbox, name: str) -> None:
    admitted(sandbox, name, SUNDAY)
    books = []
    for day in (TRADING, NEXT_DAY):
        sandbox.clock.set(day)
        books.append(str(book(sandbox, name)))

    assert [day.strftime(SPELLINGS[name]) in one for day in (TRADING, NEXT_DAY) for one in books] == [
        *(True, False),
        *(False, True),
    ]


def test_what_was_placed_before_the_made_up_ones_stays_for_the_day(sandbox: Sandbox) -> None:
    dhan = admitted(sandbox, "dhan", EARLY)
    placed = dhan.place("1000000001", "SBIN", 10, 812.4)
    sandbox.clock.set(TRADING)
    today = book(sandbox, "dhan")
    sandbox.clock.set(NEXT_DAY)

    assert placed in [row["orderId"] for row in today]
    assert len(today) > 1
    assert placed not in [row["orderId"] for row in book(sandbox, "dhan")]


def test_orders_that_were_given_stay_as_they_are(sandbox: Sandbox) -> None:
    dhan = admitted(sandbox, "dhan", TRADING)
    dhan.change("1000000001", orders=[])
    sandbox.clock.set(NEXT_DAY)

    assert book(sandbox, "dhan") == []
