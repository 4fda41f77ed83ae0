"""Orders placed elsewhere, at three brokers: what becomes of them is told in the chat, by the broker's own book."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.sandbox.ordering import Ordering
from bot.store import open_store
from bot.web.postbacks import address
from tests.e2e.house import CLIENT, House, house

CLIENTS = {"dhan": CLIENT, "zerodha": "AB1234", "angelone": "T100042"}
KITE = {"api_key": "samplekey0000001", "api_secret": "samplesecret00000000000000000001"}
KITE_SECRET, ANGEL_SECRET = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
BY_ITSELF = {"login": "unofficial", "password": "right horse", "totp_secret": KITE_SECRET}
LANDING = "http://127.0.0.1:8723/kite"
every_broker = pytest.mark.parametrize(
    "name", [name if name == "dhan" else pytest.param(name, marks=pytest.mark.long) for name in CLIENTS]
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    """An account at each broker, and the door at a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    with house(tmp_path) as made:
        brokers: dict[str, Any] = made.sandbox.brokers
        made.auto()
        brokers["zerodha"].add_app(KITE["api_key"], KITE["api_secret"], LANDING)
        brokers["zerodha"].add_client(CLIENTS["zerodha"], "right horse", KITE_SECRET)
        made.write("zerodha_config.json", {"client_id": "AB1234", "redirect_url": LANDING} | KITE | BY_ITSELF)
        brokers["angelone"].add_client(CLIENTS["angelone"], "4821", ANGEL_SECRET, "key-1")
        made.write(
            "angelone_config.json",
            {"client_id": "T100042", "api_key": "key-1", "pin": "4821", "totp_secret": ANGEL_SECRET},
        )
        made.bot_wide(public_url=f"http://{place}", listen=place)
        made.start()
        for name, client in CLIENTS.items():
            brokers[name].change(client, postback_url=door(made, place, name))
        yield made


def door(home: House, place: str, name: str) -> str:
    """What the admin enters at the broker."""
    store = open_store(home.folder, environment={})
    try:
        return address(f"http://{place}", name, store.derive)
    finally:
        store.close()


def at(home: House, name: str) -> Ordering[Any]:
    found = home.sandbox.brokers[name]
    assert isinstance(found, Ordering)
    return found


def logged_in(home: House, name: str) -> Ordering[Any]:
    home.says(f"/refresh {name}", "new token")
    return at(home, name)


def told(home: House, what: str) -> int:
    """How often, once everything that was posted before has been told."""
    broker, client = at(home, "dhan"), CLIENTS["dhan"]
    mark = home.sandbox.telegram.mark()
    broker.fill(broker.place(client, "LAST", 1, 10.0))
    home.sees("bought 1 LAST", after=mark)
    return sum(text.count(what) for text in home.texts())


@every_broker
def test_an_order_that_is_filled_is_told_with_the_brokers_figures(home: House, name: str) -> None:
    broker = logged_in(home, name)
    order = broker.place(CLIENTS[name], "TCS", 4, 3346.0)

    broker.fill(order, 1, 3345.0)
    broker.fill(order, price=3346.0)

    assert f"✅ {name}: bought 4 TCS at ₹3,345.75." in home.sees("bought").text
    assert "TCS 4/4 at ₹3,345.75" in home.says(f"/orders {name}", "1 order today").text


@pytest.mark.long
@every_broker
def test_one_that_is_rejected_says_why_and_one_that_is_cancelled_what_was_left(home: House, name: str) -> None:
    broker, client = logged_in(home, name), CLIENTS[name]

    broker.reject(broker.place(client, "TCS", 4, 3346.0), "Insufficient funds")
    refused = home.sees("was rejected").text
    half = broker.place(client, "INFY", 10, 1500.0, "SELL")
    broker.fill(half, 4)
    broker.cancel(half)
    cancelled = home.sees("was cancelled").text

    assert f"{name}: the order to buy 4 TCS at ₹3,346.00 was rejected: Insufficient funds." in refused
    assert f"{name}: the order to sell 10 INFY at ₹1,500.00 was cancelled. Before that it sold 4 of 10" in cancelled


@pytest.mark.long
@every_broker
def test_a_postback_that_is_repeated_or_altered_changes_nothing_that_is_told(home: House, name: str) -> None:
    broker = logged_in(home, name)
    if name != "dhan":
        logged_in(home, "dhan")
    order = broker.place(CLIENTS[name], "TCS", 4, 3346.0)
    broker.fill(order)
    home.sees("bought 4 TCS")

    statuses = broker.post_back(order, times=20)
    statuses += broker.post_back(order, {"quantity": 9999, "filled_quantity": 9999, "status": "REJECTED"})

    assert set(statuses) == {200}
    assert told(home, "TCS") == 1
    assert told(home, "9999") == 0


@pytest.mark.long
def test_one_with_a_wrong_checksum_is_answered_and_does_nothing(home: House) -> None:
    logged_in(home, "dhan")
    kite = logged_in(home, "zerodha")
    order = kite.place(CLIENTS["zerodha"], "TCS", 4, 3346.0)
    kite.fill(order, post=False)

    statuses = kite.post_back(order, {"checksum": "0" * 64}) + kite.post_back(order, {"order_timestamp": None})

    assert statuses == [200, 200]
    assert told(home, "TCS") == 0
    assert kite.calls("orders") == 0
    kite.post_back(order)
    home.sees("bought 4 TCS")


@pytest.mark.long
def test_one_to_a_wrong_address_finds_nothing(home: House) -> None:
    broker = logged_in(home, "dhan")
    right = urlsplit(str(broker.bank.clients[CLIENT].postback_url))
    broker.change(CLIENT, postback_url=right._replace(path=right.path[:-1] + "~").geturl())

    assert broker.post_back(broker.place(CLIENT, "TCS", 4, 3346.0)) == [404]

    connection = http.client.HTTPConnection(right.netloc, timeout=5)
    connection.request("GET", right.path)
    assert connection.getresponse().status in (404, 405)
    connection.close()


@pytest.mark.long
def test_a_restart_repeats_nothing(home: House) -> None:
    broker = logged_in(home, "dhan")
    order = broker.place(CLIENT, "TCS", 4, 3346.0)
    broker.fill(order)
    home.sees("bought 4 TCS")

    assert home.end() == 0
    home.start()
    broker.post_back(order)

    assert told(home, "TCS") == 1


@pytest.mark.long
def test_what_ended_without_a_live_token_is_told_once_there_is_one(home: House) -> None:
    broker = at(home, "dhan")
    order = broker.place(CLIENT, "TCS", 4, 3346.0)
    broker.fill(order)

    logged_in(home, "dhan")
    home.sandbox.clock.advance(10)

    home.sees("bought 4 TCS")


@pytest.mark.long
def test_what_is_posted_is_in_no_log_and_neither_is_the_address(home: House) -> None:
    broker = logged_in(home, "dhan")
    order = broker.place(CLIENT, "TCS", 4, 3346.0)
    broker.post_back(order, {"dhanClientId": "9999999999", "tradingSymbol": "MARKED"})
    broker.fill(order)
    home.sees("bought 4 TCS")

    log = home.log.read_text()

    assert "dhan: 1 postbacks were not taken so far" in log
    assert not any(marked in log for marked in ("MARKED", "9999999999", order))
    assert str(broker.bank.clients[CLIENT].postback_url).rpartition("/")[2] not in log
