"""What every broker that sends postbacks owes: the order's id, of its own client, and nothing else taken for true."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import Broker, NotSupported, Secret, UnexpectedReply, WrongClient
from brokers.angelone import AngelOne
from brokers.dhan import Dhan
from brokers.zerodha import Zerodha
from tests.contract.samples import Samples
from tests.contract.stand_in import account, everything_said
from tests.fake_broker import FakeBroker, Script
from tests.fakes import FakeClock

NOWHERE = "http://127.0.0.1:9"
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
API_SECRET = "samplesecret00000000000000000001"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)

Told = dict[str, Any]


def signed(told: Told) -> Told:
    text = f"{told['order_id']}{told['order_timestamp']}{API_SECRET}"
    return told | {"checksum": hashlib.sha256(text.encode()).hexdigest()}


@dataclass(frozen=True)
class Sender:
    broker: type[Broker[Any]]
    config: Any
    sample: str
    order: str
    """The sample's."""
    order_key: str
    client_key: str
    kept: tuple[str, ...] = ()
    """What its signature covers besides, and the signature."""
    sealed: Callable[[Told], Told] = lambda told: told
    """With the signature that the broker would give it."""

    def told(self, **changes: object) -> Told:
        sample: Told = Samples(self.broker.name).body(self.sample)
        return sample | changes

    def read(self, body: bytes) -> str:
        ours: Broker[Any] = account(self.broker, self.config, NOWHERE, FakeClock(NOW))
        assert ours.posts_back
        return ours.postback(body)

    def understands(self, told: Told) -> str:
        return self.read(json.dumps(told).encode())


DHAN = Sender(
    Dhan, Dhan.Config("1000000001"), "postback_order", "112611160001", order_key="orderId", client_key="dhanClientId"
)
ANGELONE = Sender(
    AngelOne,
    AngelOne.Config("T100042", Secret("planted-key"), Secret("0246")),
    "postback_partial_fill",
    "261120000000131",
    order_key="orderid",
    client_key="clientcode",
)
ZERODHA = Sender(
    Zerodha,
    Zerodha.Config("AB1234", Secret("samplekey0000001"), Secret(API_SECRET)),
    "postback_order",
    "261116000308932",
    order_key="order_id",
    client_key="user_id",
    kept=("order_timestamp", "checksum"),
    sealed=signed,
)
every_sender = pytest.mark.parametrize("sender", [DHAN, ANGELONE, ZERODHA], ids=lambda sender: sender.broker.name)


@every_sender
def test_a_postback_names_its_order(sender: Sender) -> None:
    assert sender.read(Samples(sender.broker.name).raw(f"{sender.sample}.json")) == sender.order


def test_one_about_a_part_that_was_filled_names_its_order_too() -> None:
    assert ZERODHA.read(Samples("zerodha").raw("postback_update_partial_fill.json")) == ZERODHA.order


@every_sender
def test_whatever_it_says_besides_changes_nothing(sender: Sender) -> None:
    kept = {sender.order_key, sender.client_key, *sender.kept}

    altered = {key: value if key in kept else "altered" for key, value in sender.told().items()}

    assert sender.understands(altered) == sender.order


@every_sender
def test_one_of_another_client_is_not_taken(sender: Sender) -> None:
    told = sender.sealed(sender.told(**{sender.client_key: "ZZ9999"}))

    with pytest.raises(WrongClient) as caught:
        sender.understands(told)

    assert "ZZ9999" not in everything_said(caught.value)


@every_sender
@pytest.mark.parametrize("order", [None, "", [], {}, "a b", "x" * 41, "१२३", "<b>", -1.5, True], ids=str)
def test_an_order_that_can_be_none_is_not_taken(sender: Sender, order: object) -> None:
    told = sender.sealed(sender.told(**{sender.order_key: order}))

    with pytest.raises(UnexpectedReply):
        sender.understands(told)


@pytest.mark.parametrize(
    "change",
    [
        {"checksum": "0" * 64},
        {"checksum": ""},
        {"checksum": None},
        {"checksum": "é"},
        {"order_id": "261116000308933"},
        {"order_timestamp": "2026-11-16 09:24:26"},
    ],
    ids=str,
)
def test_one_whose_checksum_is_wrong_is_not_taken(change: Told) -> None:
    with pytest.raises(UnexpectedReply):
        ZERODHA.understands(ZERODHA.told(**change))


def test_one_without_a_time_is_not_taken_whatever_its_checksum() -> None:
    with pytest.raises(UnexpectedReply):
        ZERODHA.understands(signed(ZERODHA.told(order_timestamp=None)))


@every_sender
@given(body=st.binary() | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_postback_is_refused_in_our_words(sender: Sender, body: bytes) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        sender.read(body)

    assert API_SECRET not in everything_said(caught.value)


@every_sender
@given(key=st.integers(0, 60), value=ANYTHING)
def test_a_changed_one_is_understood_or_refused_in_our_words(sender: Sender, key: int, value: object) -> None:
    told = sender.told()
    changed = sender.sealed(told | {sorted(told)[key % len(told)]: value})

    try:
        found: object = sender.understands(changed)
    except (UnexpectedReply, WrongClient) as error:
        found = error

    assert str(changed[sender.order_key]) == found or isinstance(found, UnexpectedReply | WrongClient)
    assert API_SECRET not in (everything_said(found) if isinstance(found, BaseException) else "")


def test_a_broker_that_sends_none_says_so() -> None:
    ours = account(FakeBroker, Script(), NOWHERE, FakeClock(NOW))

    assert not ours.posts_back
    with pytest.raises(NotSupported):
        ours.postback(b"{}")
