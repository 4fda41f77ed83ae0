"""Who may post at the door for postbacks, and that nothing of a postback is believed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from bot.web.postbacks import BODY_LIMIT, address, routes
from brokers import Secret
from brokers.dhan import Dhan
from brokers.zerodha import Zerodha
from tests.contract.stand_in import SAMPLES, account
from tests.fake_broker import FakeBroker, Script
from tests.fakes import FakeClock
from tests.unit.test_orders import Bench, an_order

NOW = datetime(2026, 11, 17, 4, 30, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:9"
URL = "https://kunji.example"
API_SECRET = "samplesecret00000000000000000001"
DHAN = json.loads((SAMPLES / "dhan/postback_order.json").read_text())
KITE = json.loads((SAMPLES / "zerodha/postback_order.json").read_text())
FIGURES = [key for key in DHAN if key not in ("orderId", "dhanClientId")]


def derive(purpose: str) -> bytes:
    return hmac.digest(b"key", purpose.encode(), "sha256")


def path_of(name: str) -> str:
    return urlsplit(address(URL, name, derive)).path


class Door:
    """The route by itself, as a proxy would reach it."""

    def __init__(self, bench: Bench | None = None) -> None:
        brokers = {
            "dhan": account(Dhan, Dhan.Config("1000000001"), NOWHERE, FakeClock(NOW)),
            "dhan-wife": account(Dhan, Dhan.Config("1000000002"), NOWHERE, FakeClock(NOW)),
            "zerodha": account(
                Zerodha, Zerodha.Config("AB1234", Secret("samplekey"), Secret(API_SECRET)), NOWHERE, FakeClock(NOW)
            ),
            "fake": account(FakeBroker, Script(), NOWHERE, FakeClock(NOW)),
        }
        self.bench = bench or Bench()
        self.hints: list[tuple[str, str]] = []
        self.app = Starlette(routes=routes(brokers, derive, self._hint))

    def _hint(self, name: str, order: str) -> None:
        self.hints.append((name, order))
        self.bench.watch.hint(name, order)

    def asked(
        self, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
    ) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=URL) as client:
                return await client.request(method, path, content=body, headers={"Content-Type": content_type})

        return asyncio.run(ask())

    def takes(self, name: str, told: object, content_type: str = "application/json") -> int:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        answer = self.asked("POST", path_of(name), body, content_type)
        assert answer.content == b""
        return answer.status_code


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", "x"])
def test_a_postback_is_a_hint_whatever_its_content_type_says(content_type: str) -> None:
    door = Door()

    assert door.takes("zerodha", KITE, content_type) == 200

    assert door.hints == [("zerodha", KITE["order_id"])]


def test_every_account_has_an_address_that_nobody_can_guess() -> None:
    parts = [path_of(name).rpartition("/")[2] for name in ("dhan", "dhan-wife")]

    assert len(set(parts)) == 2
    assert all(len(part) == 32 for part in parts)
    assert address(URL, "dhan", derive).startswith("https://kunji.example/postback/dhan/")


def test_without_the_right_address_there_is_nothing_to_be_found() -> None:
    door = Door()
    wrong = "A" * 32
    paths = [
        f"/postback/dhan/{wrong}",
        f"/postback/nobody/{wrong}",
        f"/postback/nobody/{path_of('').rpartition('/')[2]}",
        f"/postback/dhan/{path_of('dhan-wife').rpartition('/')[2]}",
        f"/postback/dhan/{path_of('dhan').rpartition('/')[2][:-1]}",
        f"/postback/dhan/{path_of('dhan').rpartition('/')[2]}x",
        "/postback/dhan/%C3%A9%00",
        path_of("fake"),
    ]

    answers = [door.asked("POST", path, json.dumps(DHAN).encode()) for path in paths]

    elsewhere = door.asked("POST", "/nowhere")
    assert elsewhere.status_code == 404
    for answer in answers:
        assert (answer.status_code, answer.content, answer.headers) == (404, elsewhere.content, elsewhere.headers)
    assert door.hints == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_a_post_is_taken(method: str) -> None:
    door = Door()

    assert door.asked(method, path_of("dhan")).status_code == 405
    assert door.hints == []


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(KITE | {"checksum": "0" * 64}, id="wrong checksum"),
        pytest.param(KITE | {"order_id": "261116000308933"}, id="another order"),
        pytest.param(KITE | {"order_timestamp": None}, id="no time"),
        pytest.param(KITE | {"user_id": "ZZ9999"}, id="another user"),
        pytest.param(b"\xff{", id="no JSON"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"[" * 60_000, id="a depth bomb"),
    ],
)
def test_what_cannot_be_the_brokers_is_answered_alike_and_does_nothing(
    told: object, caplog: pytest.LogCaptureFixture
) -> None:
    door = Door()

    assert door.takes("zerodha", told) == 200

    assert door.hints == []
    assert "zerodha: 1 postbacks were not taken so far" in caplog.text
    assert not any(value in caplog.text for value in (KITE["checksum"], KITE["order_id"], "ZZ9999", API_SECRET))


def test_a_thousand_of_them_are_a_few_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    door = Door()

    for _ in range(1000):
        door.takes("dhan", b"{}")

    assert len(caplog.messages) == 4
    assert caplog.messages[-1].startswith("dhan: 1000 postbacks were not taken")


def test_a_postback_for_one_account_is_no_hint_for_another_one() -> None:
    door = Door()

    door.takes("dhan-wife", DHAN)

    assert door.hints == []


def test_a_body_beyond_measure_is_refused() -> None:
    door = Door()

    assert door.takes("dhan", json.dumps(DHAN | {"x": "x" * BODY_LIMIT}).encode()) == 413
    assert door.takes("dhan", json.dumps(DHAN | {"x": "x" * (BODY_LIMIT - 4000)}).encode()) == 200


@given(
    altered=st.dictionaries(
        st.sampled_from(FIGURES),
        st.none() | st.integers(-5, 10**9) | st.text(max_size=20) | st.sampled_from(["TRADED", "REJECTED"]),
    ),
    times=st.integers(1, 4),
    rest=st.booleans(),
)
def test_whatever_a_postback_says_what_is_told_is_what_the_book_says(
    altered: dict[str, Any], times: int, rest: bool
) -> None:
    order = an_order(DHAN["orderId"])
    bench = Bench(books={"dhan": [replace(order, end=None) if rest else order]})
    door = Door(bench)

    for _ in range(times):
        door.takes("dhan", DHAN | altered)
    bench.passes(30)

    said = [(a.kind, a.facts["filled"], a.facts["quantity"], a.facts["average_price"]) for a in bench.alerts]
    assert said == ([] if rest else [("order_filled", 4, 4, "3345.8")])


def test_a_replayed_postback_with_an_altered_quantity_changes_nothing_that_is_told() -> None:
    bench = Bench(books={"zerodha": [an_order(KITE["order_id"])]})
    door = Door(bench)
    signed = hashlib.sha256(f"{KITE['order_id']}{KITE['order_timestamp']}{API_SECRET}".encode()).hexdigest()

    door.takes("zerodha", KITE)
    bench.passes(5)
    door.takes("zerodha", KITE | {"quantity": 9999, "filled_quantity": 9999, "status": "REJECTED"})
    bench.passes(5)

    assert KITE["checksum"] == signed
    assert [(alert.kind, alert.facts["quantity"]) for alert in bench.alerts] == [("order_filled", 4)]
