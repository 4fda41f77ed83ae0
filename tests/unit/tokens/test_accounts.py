"""What the proof before the market says of an account, and what is asked of a broker for its figures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from bot.accounts import Accounts, NoLiveToken
from bot.store import Alert
from brokers import BrokerUnreachable, Order, OrderAddress, TokenRejected
from tests.unit.tokens.desk import NAME, Bench


def proof_of(bench: Bench) -> Alert:
    with ThreadPoolExecutor(1) as executor:
        return next(alert for alert in Accounts(bench.service, executor).prove([NAME]) if alert.kind == "proof")


def test_an_account_with_a_token_for_the_whole_day_is_ready_and_says_whose_it_is() -> None:
    bench = Bench()
    bench.clock.go(3600)
    bench.service.refresh(NAME, who="admin")

    proof = proof_of(bench)

    assert proof.facts["ok"]
    assert proof.facts["client_id"] == "1000000001"
    assert not proof.loud


def test_a_token_that_ends_before_trading_does_is_not_ready_where_nothing_replaces_it() -> None:
    bench = Bench(login="assisted")
    bench.script.life = bench.script.life / 6
    bench.clock.go(3600)
    bench.service.refresh(NAME, who="admin")

    proof = proof_of(bench)

    assert not proof.facts["ok"]
    assert proof.facts["problem"] == "its token ends at 13:00, before trading does"
    assert proof.loud


def test_the_same_token_is_ready_where_the_next_login_comes_by_itself() -> None:
    bench = Bench()
    bench.script.life = bench.script.life / 6
    bench.clock.go(3600)
    bench.service.refresh(NAME, who="admin")

    assert proof_of(bench).facts["ok"]


def test_orders_from_an_unregistered_address_are_not_ready() -> None:
    bench = Bench()
    bench.clock.go(3600)
    bench.script.order_address = OrderAddress("198.51.100.7", ("203.0.113.42",), orders_allowed=False)
    bench.service.refresh(NAME, who="admin")

    assert proof_of(bench).facts["problem"] == "orders are not allowed from this address"


def test_a_paused_account_is_named_and_holds_up_nobody() -> None:
    bench = Bench()
    bench.service.pause(NAME)

    proof = proof_of(bench)

    assert proof.facts["paused"]
    assert proof.facts["ok"]


@pytest.mark.parametrize("error", [BrokerUnreachable("no answer"), TokenRejected("dead")])
def test_a_broker_that_does_not_answer_for_funds_is_not_kept_asking(error: BrokerUnreachable | TokenRejected) -> None:
    bench = Bench()
    bench.service.refresh(NAME, who="admin")
    bench.script.profile = [error]

    with ThreadPoolExecutor(1) as executor, suppress(TokenRejected):
        figures = Accounts(bench.service, executor).portfolio(NAME)

    assert figures.funds is figures.holdings is figures.positions is error


def test_the_orders_of_today_are_asked_for_with_the_live_token() -> None:
    bench = Bench()
    bench.script.orders = [Order("1", "TCS", "BUY", 4, 0, None, None, "OPEN", None, None)]
    bench.service.refresh(NAME, who="admin")

    with ThreadPoolExecutor(1) as executor:
        book = Accounts(bench.service, executor).orders(NAME)

    assert (book.account, book.broker, book.orders) == (NAME, "Fake", bench.script.orders)


def test_a_token_that_turns_out_dead_when_orders_are_asked_for_is_handed_to_nobody() -> None:
    bench = Bench()
    bench.service.refresh(NAME, who="admin")
    bench.script.live = None

    with ThreadPoolExecutor(1) as executor:
        accounts = Accounts(bench.service, executor)
        with pytest.raises(TokenRejected):
            accounts.orders(NAME)
        with pytest.raises(NoLiveToken):
            accounts.orders(NAME)
