"""The stand-ins post what becomes of an order as the brokers' contracts say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from bot.sandbox import Sandbox
from bot.sandbox.ordering import Ordering
from brokers import IST
from tests.contract.stand_in import SAMPLES, StandIn, resets, says, stand_in

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
API_SECRET = "secret0000000000000000000000001a"
CLIENTS = {"dhan": "1000000001", "zerodha": "AB1234", "angelone": "T100042"}
every_broker = pytest.mark.parametrize("name", CLIENTS)


@pytest.fixture
def listener() -> Iterator[StandIn]:
    with stand_in() as server:
        server.will(says(200, ""))
        yield server


@pytest.fixture
def house(sandbox: Sandbox, listener: StandIn) -> Sandbox:
    """A client at every broker, who has entered the listener's address."""
    sandbox.clock.freeze()
    sandbox.clock.set(datetime(2026, 11, 20, 10, 22, 2, tzinfo=IST))
    more = {"postback_url": f"{listener.url}/postback"}
    brokers: dict[str, Any] = sandbox.brokers
    brokers["dhan"].add_client(CLIENTS["dhan"], "123456", SEED, **more)
    brokers["zerodha"].add_app("key0000000000001", API_SECRET)
    brokers["zerodha"].add_client(CLIENTS["zerodha"], "right horse", SEED, **more)
    brokers["angelone"].add_client(CLIENTS["angelone"], "1234", SEED, "key-1", **more)
    return sandbox


def broker_of(house: Sandbox, name: str) -> Ordering[Any]:
    found = house.brokers[name]
    assert isinstance(found, Ordering)
    return found


def placed(house: Sandbox, name: str, **more: Any) -> str:
    return broker_of(house, name).place(CLIENTS[name], "SBIN", 10, 812.4, **more)


def last(listener: StandIn) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(listener.seen[-1].body)
    return told


def sample_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(next((SAMPLES / name).glob("postback_*.json")).read_text())
    return found


@every_broker
def test_a_postback_has_the_fields_of_the_sample(house: Sandbox, listener: StandIn, name: str) -> None:
    broker_of(house, name).fill(placed(house, name), 4)

    assert last(listener).keys() == sample_of(name).keys()
    kinds = {key: type(value) for key, value in last(listener).items() if value is not None}
    expected = {key: type(value) for key, value in sample_of(name).items() if value is not None}
    assert {key for key in kinds.keys() & expected.keys() if kinds[key] is not expected[key]} <= {"price"}


@every_broker
def test_the_book_shows_what_was_posted_and_nothing_else_changes_in_it(
    house: Sandbox, listener: StandIn, name: str
) -> None:
    broker = broker_of(house, name)
    client = broker.bank.clients[CLIENTS[name]]
    before = broker.bank.book(client)

    order = placed(house, name)
    broker.fill(order, 4)
    broker.cancel(order)

    assert before
    assert broker.bank.book(client)[:-1] == before
    assert client.orders[-1][broker.order_key] == last(listener)[broker.order_key] == order


@every_broker
def test_an_order_that_is_over_does_not_move_any_more(house: Sandbox, name: str) -> None:
    order = placed(house, name)
    broker_of(house, name).reject(order, "Insufficient funds")

    with pytest.raises(ValueError, match="no open order"):
        broker_of(house, name).fill(order)


def test_zerodha_signs_each_state_and_posts_nothing_of_an_order_that_rests(house: Sandbox, listener: StandIn) -> None:
    order = placed(house, "zerodha")
    rested = len(listener.seen)
    kite = broker_of(house, "zerodha")
    kite.fill(order, 4)
    kite.fill(order)

    told = [json.loads(seen.body) for seen in listener.seen]
    assert rested == 0
    assert [one["status"] for one in told] == ["UPDATE", "COMPLETE"]
    for one in told:
        signed = hashlib.sha256(f"{one['order_id']}{one['order_timestamp']}{API_SECRET}".encode()).hexdigest()
        assert one["checksum"] == signed


@pytest.mark.parametrize("altered", [{"checksum": "0" * 64}, {"quantity": 9999}, {"order_timestamp": None}], ids=str)
def test_what_is_altered_is_altered_after_it_was_signed(
    house: Sandbox, listener: StandIn, altered: dict[str, Any]
) -> None:
    order = placed(house, "zerodha")
    broker_of(house, "zerodha").fill(order)
    honest = last(listener)

    broker_of(house, "zerodha").post_back(order, altered)

    assert last(listener) == honest | altered


def test_a_postback_may_come_late_and_more_than_once(house: Sandbox, listener: StandIn) -> None:
    order = placed(house, "dhan", post=False)
    broker_of(house, "dhan").fill(order, post=False)
    in_time = len(listener.seen)

    assert broker_of(house, "dhan").post_back(order, times=3) == [200, 200, 200]
    assert in_time == 0
    assert len(listener.seen) == 3


def test_a_broker_does_not_mind_that_nobody_takes_its_postbacks(house: Sandbox, listener: StandIn) -> None:
    listener.will(resets)

    order = placed(house, "dhan")
    house.brokers["dhan"].change(CLIENTS["dhan"], postback_url=None)

    assert broker_of(house, "dhan").post_back(order) == []
