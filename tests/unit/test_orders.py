"""What becomes of orders is told once, by the broker's own book, and the broker is not asked more than need be."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.accounts import NoLiveToken
from bot.orders import HINTS_KEPT, READ_AGAIN, TOLD_KEPT, OrderWatch
from bot.store import Alert
from brokers import BrokerUnreachable, End, KunjiError, Order, TokenRejected
from handlers.tokens import OrderBook
from tests.fakes import FakeClock, MemoryStore

TUESDAY_10AM = datetime(2026, 11, 17, 4, 30, tzinfo=UTC)
ON = {"filled": "on", "rejected": "on", "cancelled": "silent"}


def an_order(number: str = "1", end: End | None = End.FILLED, **changes: Any) -> Order:
    order = Order(number, "TCS", "BUY", 4, 4, Decimal(3346), Decimal("3345.8"), "WORD", None, TUESDAY_10AM, end)
    return replace(order, **changes)


class AtOnce(Executor):
    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*args, **kwargs))
        return future


class OneBehind(Executor):
    """Each piece of work ends when the next one begins."""

    def __init__(self) -> None:
        self._before: Callable[[], Any] = lambda: None

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        before, self._before = self._before, partial(work, *args, **kwargs)
        before()
        return Future()


@dataclass
class Bench:
    """A watch over books in memory."""

    messages: dict[str, str] = field(default_factory=ON.copy)
    executor: Executor = field(default_factory=AtOnce)
    books: dict[str, list[Order]] = field(default_factory=dict)
    failing: KunjiError | None = None
    during_read: Callable[[], None] = lambda: None
    clock: FakeClock = field(default_factory=lambda: FakeClock(TUESDAY_10AM))
    store: MemoryStore = field(default_factory=MemoryStore)
    told: list[tuple[Alert, ...]] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    read_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.watch = OrderWatch(
            self._read,
            self.store,
            self.clock,
            tell=lambda *alerts: self.told.append(alerts) if alerts else None,
            messages=self.messages,
            executor=self.executor,
        )

    def _read(self, account: str) -> OrderBook:
        self.reads.append(account)
        self.read_at.append(self.clock.monotonic())
        self.during_read()
        if self.failing is not None:
            raise self.failing
        return OrderBook(account, "Fake", self.books.get(account, []))

    def hint(self, *orders: str, account: str = "dhan") -> None:
        for order in orders:
            self.watch.hint(account, order)

    def passes(self, seconds: int = 2) -> None:
        for _ in range(seconds):
            self.clock.go(1)
            self.watch.look()

    @property
    def alerts(self) -> list[Alert]:
        return [alert for alerts in self.told for alert in alerts]

    @property
    def orders_told(self) -> list[tuple[str | None, object]]:
        """The symbol stands for the order."""
        return [(alert.account, alert.facts["symbol"]) for alert in self.alerts]


def test_an_order_that_ended_is_told_with_the_figures_of_the_book() -> None:
    bench = Bench(books={"dhan": [an_order()]})

    bench.hint("1")
    bench.passes()

    (alert,) = bench.alerts
    assert (alert.kind, alert.account, alert.loud) == ("order_filled", "dhan", True)
    assert dict(alert.facts) == {
        "symbol": "TCS",
        "side": "BUY",
        "quantity": 4,
        "filled": 4,
        "price": "3346",
        "average_price": "3345.8",
        "reason": None,
    }


@given(
    book=st.lists(st.tuples(st.integers(0, 9), st.sampled_from([*End, None])), unique_by=lambda one: one[0]),
    hints=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3))),
)
def test_whatever_is_hinted_and_when_each_ended_order_of_the_book_is_told_once_and_nothing_else(
    book: list[tuple[int, End | None]], hints: list[tuple[int, int]]
) -> None:
    bench = Bench(books={"dhan": [an_order(str(number), end, symbol=f"S{number}") for number, end in book]})

    for number, wait in hints:
        bench.hint(str(number))
        bench.passes(wait)
    bench.passes(60)

    hinted = {number for number, _ in hints}
    expected = [(f"order_{end}", f"S{number}") for number, end in book if end is not None and number in hinted]
    assert sorted((alert.kind, str(alert.facts["symbol"])) for alert in bench.alerts) == sorted(expected)


def test_a_thousand_hints_in_a_second_are_one_read_and_one_message() -> None:
    bench = Bench(books={"dhan": [an_order(str(number), symbol=f"S{number}") for number in range(100)]})

    bench.hint(*(str(number % 100) for number in range(1000)))
    bench.passes(30)

    assert bench.reads == ["dhan"]
    assert [len(alerts) for alerts in bench.told] == [100]


def test_hints_that_keep_coming_are_read_no_more_than_once_a_second() -> None:
    bench = Bench(books={"dhan": [an_order(end=None)]})

    for _ in range(20):
        bench.hint(*["1"] * 50)
        bench.passes(1)

    assert len(bench.reads) == 20


def test_what_ends_in_several_accounts_at_a_time_is_one_message() -> None:
    bench = Bench(books={"dhan": [an_order()], "zerodha": [an_order()]})

    bench.hint("1", account="dhan")
    bench.hint("1", account="zerodha")
    bench.passes()

    assert [sorted(str(alert.account) for alert in alerts) for alerts in bench.told] == [["dhan", "zerodha"]]


def test_a_postback_that_is_repeated_is_told_once_and_read_once() -> None:
    bench = Bench(books={"dhan": [an_order()]})

    for _ in range(10):
        bench.hint("1")
        bench.passes()

    assert len(bench.alerts) == 1
    assert bench.reads == ["dhan"]


def test_an_order_that_two_reads_find_is_told_once_though_the_second_ends_after_it_was_told() -> None:
    bench = Bench(books={"dhan": [an_order()]}, executor=OneBehind())

    for hinted in ("8", "7", "6"):
        bench.hint(hinted, account="zerodha")
        bench.hint("1")
        bench.passes(1)
    bench.passes(10)

    assert len(bench.alerts) == 1


def test_a_restart_forgets_nothing_that_was_told() -> None:
    bench = Bench(books={"dhan": [an_order("1"), an_order("2", symbol="INFY")]})
    bench.hint("1")
    bench.passes()

    bench.restart()
    bench.hint("1", "2")
    bench.passes()

    assert bench.orders_told == [("dhan", "TCS"), ("dhan", "INFY")]
    assert bench.store.note("dhan").orders_told == ("1", "2")


def test_the_newest_of_the_day_are_kept_and_yesterdays_are_not() -> None:
    bench = Bench(books={"dhan": [an_order(str(number)) for number in range(TOLD_KEPT + 50)]})
    bench.hint(*(str(number) for number in range(TOLD_KEPT + 50)))
    bench.passes()
    kept = bench.store.note("dhan").orders_told

    bench.clock.go(timedelta(days=1).total_seconds())
    bench.books["dhan"] = [an_order("next")]
    bench.hint("next")
    bench.passes()

    assert len(kept) == TOLD_KEPT
    assert bench.store.note("dhan").orders_told == ("next",)


def test_a_postback_ahead_of_the_book_is_told_when_the_book_follows() -> None:
    bench = Bench(books={"dhan": [an_order(end=None, filled=0)]})
    bench.hint("1")
    bench.passes(1)

    bench.books["dhan"] = [an_order()]
    bench.passes(10)

    assert len(bench.alerts) == 1
    assert len(bench.reads) == 2


def test_an_order_that_is_not_over_is_soon_left_alone() -> None:
    bench = Bench(books={"dhan": [an_order(end=None)]})

    bench.hint("1", "unknown")
    bench.passes(600)

    assert len(bench.reads) == 1 + len(READ_AGAIN)
    assert bench.alerts == []


def test_a_hint_waits_for_a_live_token() -> None:
    bench = Bench(books={"dhan": [an_order()]}, failing=NoLiveToken("none"))
    bench.hint("1")
    bench.passes(3600)

    bench.failing = None
    bench.passes(10)

    assert len(bench.alerts) == 1


def test_an_order_told_in_the_evening_is_not_told_again_after_midnight() -> None:
    bench = Bench(books={"dhan": [an_order()]})
    bench.clock.go_to(TUESDAY_10AM.replace(hour=18, minute=29))
    bench.hint("1")
    bench.passes()

    bench.clock.go(120)
    bench.restart()
    bench.hint("1")
    bench.passes(30)

    assert len(bench.alerts) == 1


def test_a_hint_does_not_wait_beyond_its_day() -> None:
    bench = Bench(books={"dhan": [an_order()]}, failing=NoLiveToken("none"))
    bench.hint("1")
    bench.passes()

    bench.clock.go_to(TUESDAY_10AM + timedelta(days=1))
    bench.failing = None
    bench.passes(10)

    assert bench.alerts == []
    assert len(bench.reads) == 1


def test_of_hints_that_wait_only_so_many_are_kept_and_the_newest_stay() -> None:
    many = HINTS_KEPT * 3
    bench = Bench(books={"dhan": [an_order(str(number), symbol=f"S{number}") for number in range(many)]})

    bench.hint(*(str(number) for number in range(many)))
    bench.passes(10)

    assert len(bench.alerts) == HINTS_KEPT
    assert ("dhan", f"S{many - 1}") in bench.orders_told


def test_a_book_that_cannot_be_read_is_tried_again_a_few_times(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(books={"dhan": [an_order()]}, failing=BrokerUnreachable("no answer"))

    bench.hint("1")
    bench.passes(600)
    bench.failing = None
    bench.passes(60)

    assert bench.read_at == [1, 3, 8, 23]
    assert [(alert.kind, alert.account, alert.facts["reason"]) for alert in bench.alerts] == [
        ("orders_unread", "dhan", "no answer")
    ]
    assert "dhan: 1 hints of orders are dropped, as the book cannot be read: no answer" in caplog.text


def test_that_a_book_cannot_be_read_is_told_once_a_day_and_not_for_every_order() -> None:
    bench = Bench(failing=BrokerUnreachable("no answer"))

    for order in ("1", "2"):
        bench.hint(order)
        bench.passes(60)
    told_at_first = len(bench.alerts)
    bench.clock.go(24 * 3600)
    bench.hint("3")
    bench.passes(60)

    assert (told_at_first, len(bench.alerts)) == (1, 2)


def test_whoever_wants_no_messages_of_orders_is_not_told_that_they_cannot_be_read() -> None:
    bench = Bench(messages=dict.fromkeys(ON, "off"), failing=BrokerUnreachable("no answer"))

    bench.hint("1")
    bench.passes(60)

    assert bench.alerts == []


def test_a_book_that_comes_back_in_time_is_told_from() -> None:
    bench = Bench(books={"dhan": [an_order()]}, failing=TokenRejected("dead"))
    bench.hint("1")
    bench.passes(2)

    bench.failing = None
    bench.passes(10)

    assert len(bench.alerts) == 1


def test_one_account_in_trouble_holds_up_no_other() -> None:
    bench = Bench(books={"zerodha": [an_order()]})
    bench.during_read = lambda: setattr(bench, "failing", BrokerUnreachable("x") if bench.reads[-1] == "dhan" else None)

    bench.hint("1", account="dhan")
    bench.hint("1", account="zerodha")
    bench.passes()

    assert bench.orders_told == [("zerodha", "TCS")]


def test_what_is_hinted_while_the_book_is_read_is_looked_up_afterwards() -> None:
    bench = Bench(books={"dhan": [an_order(end=None)]})

    def fill_it() -> None:
        bench.during_read = lambda: None
        bench.hint("1")

    bench.during_read = fill_it
    bench.hint("1")
    bench.passes(1)
    bench.books["dhan"] = [an_order()]
    bench.passes(2)

    assert len(bench.alerts) == 1


def test_what_is_hinted_while_it_is_looked_up_for_the_last_time_is_looked_up_again() -> None:
    bench = Bench(books={"dhan": [an_order(end=None)]})
    bench.during_read = lambda: bench.hint("1") if len(bench.reads) == 1 + len(READ_AGAIN) else None
    bench.hint("1")
    bench.passes(23)

    bench.books["dhan"] = [an_order()]
    bench.passes(3)

    assert len(bench.alerts) == 1


@pytest.mark.parametrize(("how", "loud"), [("on", [True]), ("silent", [False]), ("off", [])])
def test_each_kind_of_end_is_told_as_it_was_asked_for(how: str, loud: list[bool]) -> None:
    bench = Bench(messages={**ON, "cancelled": how}, books={"dhan": [an_order(end=End.CANCELLED)]})

    bench.hint("1")
    bench.passes(5)

    assert [alert.loud for alert in bench.alerts] == loud
    assert len(bench.reads) == 1


def test_a_disk_that_is_full_stops_nothing_and_repeats_nothing() -> None:
    bench = Bench(books={"dhan": [an_order()]})
    bench.store.refuses_writes = True

    for _ in range(3):
        bench.hint("1")
        bench.passes(5)

    assert len(bench.alerts) == 1
