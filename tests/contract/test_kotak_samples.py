"""Every recorded or documented answer of Kotak Neo to a call kunji makes, and what kunji makes of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pytest

from brokers import (
    AccessToken,
    BrokerUnreachable,
    CodeRejected,
    End,
    LoginRejected,
    OrderAddress,
    Profile,
    RateLimited,
    TokenRejected,
    UnexpectedReply,
)
from tests.contract.samples import SamplesContract
from tests.contract.stand_in import StandIn, says
from tests.contract.test_kotak import (
    CLIENT,
    KEY,
    SAMPLES,
    VIEWED,
    held,
    kotak,
    sample,
)

CALLS: dict[str, Any] = {
    "login": lambda server: kotak(server).login(),
    "profile": lambda server: kotak(server).profile(held(server.url)),
    "funds": lambda server: kotak(server).funds(held(server.url)),
    "holdings": lambda server: kotak(server).holdings(held(server.url)),
    "positions": lambda server: kotak(server).positions(held(server.url)),
    "orders": lambda server: kotak(server).orders(held(server.url)),
    "order address": lambda server: kotak(server).order_address(held(server.url)),
}
CALLS["second step"] = CALLS["login"]

USED: dict[str, tuple[str, object]] = {
    "login_ok_view.json": ("login", UnexpectedReply),
    "login_ok_view_minimal.json": ("login", UnexpectedReply),
    "login_err_totp_401.json": ("login", CodeRejected),
    "login_err_ucc_200.json": ("login", LoginRejected),
    "login_err_missing_field_400.json": ("login", LoginRejected),
    "login_err_bad_consumer_key_401.json": ("login", CodeRejected),  # in the words of a wrong code
    "login_err_too_many_attempts_inferred.json": ("login", LoginRejected),
    "login_err_unprocessable_422.json": ("login", LoginRejected),
    "validate_ok_trade.json": ("second step", AccessToken),
    "validate_ok_trade_with_feeds.json": ("second step", AccessToken),
    "validate_err_mpin_401.json": ("second step", LoginRejected),
    "validate_err_mpin_200.json": ("second step", LoginRejected),
    "validate_err_missing_mpin_400.json": ("second step", LoginRejected),
    "validate_err_missing_header.json": ("second step", LoginRejected),
    "dependency_err_424.json": ("profile", BrokerUnreachable),
    "rate_limited_429.json": ("profile", RateLimited),
    "service_unavailable_503.html": ("profile", BrokerUnreachable),
    "gateway_timeout_504.html": ("login", BrokerUnreachable),
    "limits_ok.json": ("profile", Profile(CLIENT)),
    "limits_filtered_all_zero.json": ("funds", None),
    "limits_err_session.json": ("profile", TokenRejected),
    "session_err_1003.json": ("holdings", TokenRejected),
    "session_err_100022.json": ("orders", TokenRejected),
    "session_err_100022_gateway.json": ("positions", TokenRejected),
    "order_err_ip_100008.json": ("positions", TokenRejected),  # on a read: a dead session
    "holdings_ok.json": ("holdings", None),
    "holdings_ok_short.json": ("holdings", None),
    "holdings_empty_5203.json": ("holdings", []),
    "holdings_empty_array.json": ("holdings", []),
    "positions_ok.json": ("positions", None),
    "positions_empty_5203.json": ("positions", []),
    "order_book_ok.json": ("orders", None),
    "order_book_empty_5203.json": ("orders", []),
    "whatsmyip_ok.json": ("order address", OrderAddress("203.0.113.24", (), None)),
}
"""The call, and what comes of it; None where a test below looks closer."""

USED_OTHERWISE = {
    **dict.fromkeys(
        (
            "req_headers_login.json",
            "req_login.json",
            "req_headers_validate.json",
            "req_validate.json",
            "req_headers_reports.json",
            "req_headers_form.json",
            "limits_form_body.txt",
        ),
        "test_kotak.py, as what is sent",
    ),
    "req_limits_jdata.json": "below",
}
LEFT_OUT = {
    "order_err_session_ip_1037.json": "answers the placing of an order",
    "order_err_completed_1021.json": "answers the changing of an order",
    "trade_book_ok.json": "trades are not asked for",
    "config_ok.json": "the feeds' addresses are not asked for",
    "ws_connect_frame_raw.txt": "the order socket is not opened",
    "ws_heartbeat_frame_raw.txt": "the order socket is not opened",
    "ws_order_ack_ok.json": "the order socket is not opened",
    "ws_order_ack_refused.json": "the order socket is not opened",
    "ws_order_update.json": "the order socket is not opened",
    "ws_order_update_minimal.json": "the order socket is not opened",
    "ws_position_update.json": "the order socket is not opened",
}


def rows_of(server: StandIn, call: str, body: object) -> Any:
    server.will(says(200, body))
    return CALLS[call](server)


def row_of(name: str, **changes: object) -> dict[str, object]:
    body = sample(name)
    return body | {"data": [body["data"][0] | changes]}


class TestKotakSamples(SamplesContract):
    samples = SAMPLES
    calls = CALLS
    used = USED
    used_otherwise = USED_OTHERWISE
    left_out = LEFT_OUT
    before: ClassVar = {"second step": [VIEWED]}
    # A session to look with is none for the second step.
    after: ClassVar = {f"{name}.json": [sample(name)] for name in ("login_ok_view", "login_ok_view_minimal")}


@pytest.mark.parametrize("file", [file for file in USED if "session" in file or "100008" in file])
def test_a_dead_session_may_be_told_with_http_200(server: StandIn, file: str) -> None:
    server.will(says(200, sample(file.removesuffix(".json"))))

    with pytest.raises(TokenRejected):
        kotak(server).holdings(held(server.url))

    assert len(server.seen) == 1


@pytest.mark.parametrize(("status", "body"), [(401, ""), (403, ""), (401, {}), (403, {"stat": "Not_Ok"})])
def test_an_unauthorised_status_means_a_dead_session(server: StandIn, status: int, body: object) -> None:
    server.will(says(status, body))

    for call in ("profile", "orders"):
        with pytest.raises(TokenRejected):
            CALLS[call](server)


def test_a_firewalls_page_says_nothing_about_the_session(server: StandIn) -> None:
    server.will(says(403, "<html>Request blocked</html>"))

    for call in ("profile", "login"):
        with pytest.raises(BrokerUnreachable):
            CALLS[call](server)


@pytest.mark.parametrize("call", ["holdings", "positions", "orders"])
@pytest.mark.parametrize(
    "body",
    [
        {"stCode": 1005, "errMsg": "internal error", "stat": "Not_Ok"},
        {"stat": "Not_Ok", "data": []},
        {"stat": "Ok"},
        {"stat": "Ok", "data": None},
        {"stat": "Ok", "data": {}},
        {"stCode": 5204, "errMsg": "No Data", "stat": "Not_Ok"},
    ],
)
def test_no_failure_is_an_empty_book(server: StandIn, call: str, body: object) -> None:
    server.will(says(200, body))

    with pytest.raises(UnexpectedReply):
        CALLS[call](server)


def test_an_unknown_refusal_is_told_by_its_code_and_not_by_its_text(server: StandIn) -> None:
    server.will(says(422, {"stCode": 4711, "errMsg": f"no such thing for {KEY}", "stat": "Not_Ok"}))

    with pytest.raises(UnexpectedReply, match="4711") as caught:
        CALLS["profile"](server)

    assert KEY not in str(caught.value)


def test_limits_are_asked_for_with_the_documented_words(server: StandIn) -> None:
    rows_of(server, "funds", sample("limits_ok"))

    ((name, words),) = parse_qsl(server.seen[0].body.decode())
    assert (name, json.loads(words)) == ("jData", sample("req_limits_jdata"))


def test_funds_say_what_of_them_is_no_cash_and_have_no_noise(server: StandIn) -> None:
    funds = rows_of(server, "funds", sample("limits_ok"))

    assert (funds.available, funds.used, funds.total) == (Decimal("87640.70"), Decimal("18.78"), Decimal("87659.48"))
    assert "72,369.98" in funds.note
    assert "cash is ₹15,270.72" in funds.note


def test_an_account_without_money_has_none(server: StandIn) -> None:
    funds = rows_of(server, "funds", sample("limits_filtered_all_zero"))

    assert (funds.available, funds.used, funds.total) == (0, 0, 0)


@pytest.mark.parametrize("net", [None, "", "--", "plenty", "NaN", "Infinity", "1e99", "9" * 30, True, "１２"])
def test_funds_that_are_no_number_are_told_as_such(server: StandIn, net: object) -> None:
    server.will(says(200, sample("limits_ok") | {"Net": net}))

    with pytest.raises(UnexpectedReply, match="Net"):
        CALLS["funds"](server)


@pytest.mark.parametrize("name", ["holdings_ok", "holdings_ok_short"])
def test_holdings_are_worth_what_the_closing_price_says(server: StandIn, name: str) -> None:
    row = json.loads(SAMPLES.raw(f"{name}.json"), parse_float=Decimal)["data"][0]

    (holding,) = rows_of(server, "holdings", sample(name))

    assert (holding.symbol, holding.exchange, holding.quantity) == (row["symbol"], "nse_cm", row["quantity"])
    assert (holding.average_price, holding.last_price) == (row["averagePrice"], row["closingPrice"])
    assert holding.pnl == row["mktValue"] - row["holdingCost"]


def test_a_holding_without_a_price_has_no_profit_rather_than_a_total_loss(server: StandIn) -> None:
    (holding,) = rows_of(server, "holdings", row_of("holdings_ok", closingPrice=0, mktValue=0))

    assert (holding.last_price, holding.pnl) == (None, None)


def test_an_open_position_has_a_price_and_no_profit(server: StandIn) -> None:
    (position,) = rows_of(server, "positions", sample("positions_ok"))

    assert (position.symbol, position.exchange, position.product) == ("TCS26NOVFUT", "nse_fo", "NRML")
    assert (position.net_quantity, position.average_price) == (225, Decimal("2112.00"))
    assert (position.last_price, position.pnl, position.day_pnl) == (None, None, None)


def test_a_position_sold_short_has_the_price_it_was_sold_at(server: StandIn) -> None:
    short = row_of("positions_ok", flBuyQty="0", buyAmt="0.00", flSellQty="100", sellAmt="150050.00", multiplier="2")

    (position,) = rows_of(server, "positions", short)

    assert (position.net_quantity, position.average_price) == (-100, Decimal("750.25"))


@pytest.mark.parametrize("odd", [{"flBuyQty": "0", "flSellQty": "-5"}, {"multiplier": "1e-99", "genNum": "1e-99"}])
def test_a_position_whose_numbers_make_no_sense_together_has_no_price(server: StandIn, odd: dict[str, object]) -> None:
    (position,) = rows_of(server, "positions", row_of("positions_ok", **odd))

    assert position.average_price is None


def test_a_position_counted_in_next_to_nothing_has_no_price(server: StandIn) -> None:
    body = json.dumps(row_of("positions_ok", prcDen="tiny")).replace('"tiny"', "1e-999999")

    (position,) = rows_of(server, "positions", body)

    assert position.average_price is None


def test_a_position_closed_today_was_earned_today(server: StandIn) -> None:
    closed = row_of("positions_ok", flSellQty="225", sellAmt="475650.50")

    (position,) = rows_of(server, "positions", closed)

    assert (position.net_quantity, position.average_price) == (0, None)
    assert (position.pnl, position.day_pnl) == (Decimal("450.50"), Decimal("450.50"))


def test_of_a_position_carried_over_the_days_profit_is_not_guessed(server: StandIn) -> None:
    carried = row_of(
        "positions_ok", cfBuyQty="225", cfBuyAmt="475200", flBuyQty="0", buyAmt="0", flSellQty="225", sellAmt="475300"
    )

    (position,) = rows_of(server, "positions", carried)

    assert (position.pnl, position.day_pnl) == (Decimal(100), None)


def test_an_amount_that_is_blank_is_unknown_and_not_nothing(server: StandIn) -> None:
    (position,) = rows_of(server, "positions", row_of("positions_ok", flSellQty="225", sellAmt="475650.50", buyAmt=""))

    assert position.pnl is None


def test_orders_keep_their_long_numbers_and_say_when(server: StandIn) -> None:
    first = rows_of(server, "orders", sample("order_book_ok"))[0]

    assert (first.id, first.symbol, first.side, first.status) == ("261120000612876", "IDEA-EQ", "BUY", "open")
    assert (first.quantity, first.filled, first.price, first.average_price) == (1, 0, Decimal("9.39"), None)
    assert first.reason is None
    assert first.end is None
    assert first.at == datetime(2026, 11, 20, 8, 58, 1, tzinfo=UTC)


def test_a_time_in_india_that_is_before_all_times_in_utc_is_none(server: StandIn) -> None:
    (order,) = rows_of(server, "orders", row_of("order_book_ok", ordDtTm="01-Jan-0001 00:00:00"))

    assert order.at is None


def test_a_rejected_order_says_why(server: StandIn) -> None:
    body = row_of("order_book_ok", ordSt="rejected", rejRsn="RMS: margin exceeds", trnsTp="S", ordDtTm="--")

    (order,) = rows_of(server, "orders", body)

    assert (order.side, order.status, order.reason, order.at) == ("SELL", "rejected", "RMS: margin exceeds", None)
    assert order.end is End.REJECTED


def test_the_address_is_asked_for_where_logins_are(server: StandIn) -> None:
    rows_of(server, "order address", sample("whatsmyip_ok"))

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", "/login/1.0/get-client-ip")
    assert (seen.headers["authorization"], seen.headers["auth"]) == (KEY, "token-that-is-alive")


@pytest.mark.parametrize("rows", [[], [{"ip": "unknown"}]])
def test_an_address_that_is_none_is_unknown(server: StandIn, rows: list[object]) -> None:
    body = sample("whatsmyip_ok") | {"data": rows}

    assert rows_of(server, "order address", body) == OrderAddress(None, (), None)
