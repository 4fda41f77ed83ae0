"""/orders shows today's book; what is told of an order that ended can be read in a second."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from brokers import BrokerUnreachable, End, Order
from handlers import text
from handlers.tokens import OrderBook
from tests.unit.handlers.markup import plain
from tests.unit.handlers.stage import ADMIN, GROUP, NOW, VIEWER

TCS = Order("1", "TCS", "BUY", 4, 4, Decimal(3346), Decimal("3345.8"), "TRADED", None, NOW, End.FILLED)
RESTING = replace(TCS, id="2", filled=0, status="PENDING", end=None, at=NOW - timedelta(minutes=5))
REFUSED = replace(
    TCS, id="3", side="SELL", filled=0, status="REJECTED", reason="Insufficient <funds>", at=None, end=End.REJECTED
)


@dataclass(frozen=True)
class Alert:
    kind: str
    facts: dict[str, Any]
    account: str | None = "dhan"
    at: datetime = NOW


def ended(kind: str, **changes: Any) -> Alert:
    facts = {"symbol": "TCS", "side": "BUY", "quantity": 4, "filled": 4, "price": "3346", "average_price": "3345.8"}
    return Alert(f"order_{kind}", {**facts, "reason": None, **changes})


def said(*alerts: Alert) -> str:
    return plain("\n".join(text.alerts(list(alerts), NOW)))


async def test_orders_are_shown_newest_first_with_what_became_of_them(stage):
    stage.tokens.books["dhan"] = OrderBook("dhan", "Dhan", [REFUSED, RESTING, TCS])

    await stage.hears(VIEWER, "/orders dhan")

    assert plain(stage.telegram.last()).splitlines() == [
        "dhan (Dhan): 3 orders today",
        "08:45 ✅ BUY TCS 4/4 at ₹3,345.80: traded",
        "08:40 ⏳ BUY TCS 0/4 at ₹3,346.00: pending",
        "– ❌ SELL TCS 0/4 at ₹3,346.00: rejected (Insufficient <funds>)",
    ]


async def test_an_account_that_fails_is_one_line_among_the_others(stage):
    stage.tokens.books["dhan"] = BrokerUnreachable("Dhan did not answer")

    await stage.hears(ADMIN, "/orders")

    assert plain(stage.telegram.last()).splitlines() == [
        "❌ dhan: Dhan did not answer",
        "",
        "dhan-wife (Dhan): no orders today",
    ]


async def test_a_long_book_is_cut_and_says_so(stage):
    many = [
        replace(TCS, id=str(number), symbol=f"S{number}", at=NOW - timedelta(seconds=number)) for number in range(75)
    ]
    stage.tokens.books["dhan"] = OrderBook("dhan", "Dhan", many)

    await stage.hears(VIEWER, "/orders dhan")

    lines = plain(stage.telegram.last()).splitlines()
    assert lines[0] == "dhan (Dhan): 75 orders today"
    assert "S0 " in lines[1]
    assert lines[-1] == "… and 45 more"
    assert len(lines) == 32


async def test_a_book_beyond_one_message_is_sent_in_several(stage):
    for name in ("dhan", "dhan-wife"):
        long = [replace(REFUSED, reason="x" * 120, id=str(number)) for number in range(30)]
        stage.tokens.books[name] = OrderBook(name, "Dhan", long)

    await stage.hears(VIEWER, "/orders")

    assert sum(sent.count("x" * 120) for sent in stage.telegram.texts()) == 60


@pytest.mark.parametrize(("chat", "who"), [(GROUP, ADMIN), (GROUP, VIEWER)])
async def test_in_a_group_no_order_is_shown(stage, chat, who):
    await stage.hears(who, "/orders", chat=chat)

    assert stage.tokens.done("orders") == []


async def test_a_locked_bot_shows_no_orders(stage):
    stage.tokens.is_locked = True

    await stage.hears(ADMIN, "/orders")

    assert stage.tokens.done("orders") == []


async def test_an_account_of_somebody_else_is_not_asked(stage):
    await stage.hears(VIEWER, "/orders hidden")

    assert stage.tokens.done("orders") == []


@pytest.mark.parametrize(
    ("alert", "sentence"),
    [
        (ended("filled"), "✅ dhan: bought 4 TCS at ₹3,345.80."),
        (ended("filled", side="SELL", average_price=None), "✅ dhan: sold 4 TCS."),
        (ended("filled", filled=3), "✅ dhan: bought 3 of 4 TCS at ₹3,345.80."),
        (
            ended("rejected", filled=0, reason="Insufficient funds."),
            "❌ dhan: the order to buy 4 TCS at ₹3,346.00 was rejected: Insufficient funds.",
        ),
        (
            ended("rejected", filled=0, price=None),
            "❌ dhan: the order to buy 4 TCS was rejected; the broker gives no reason.",
        ),
        (
            ended("cancelled", filled=0, side="SELL"),
            "🚫 dhan: the order to sell 4 TCS at ₹3,346.00 was cancelled. Nothing was sold.",
        ),
        (
            ended("cancelled", filled=1),
            "🚫 dhan: the order to buy 4 TCS at ₹3,346.00 was cancelled. "
            "Before that it bought 1 of 4 TCS at ₹3,345.80.",
        ),
    ],
)
def test_the_end_of_an_order_is_one_line(alert, sentence):
    assert said(alert) == sentence


def test_several_are_one_list_and_none_is_lost_because_it_is_like_another_one():
    assert said(ended("filled"), ended("filled"), ended("cancelled", filled=0)).splitlines() == [
        "✅ dhan: bought 4 TCS at ₹3,345.80.",
        "✅ dhan: bought 4 TCS at ₹3,345.80.",
        "🚫 dhan: the order to buy 4 TCS at ₹3,346.00 was cancelled. Nothing was bought.",
    ]
