"""Every recorded or documented answer of Zerodha to a call kunji makes, and what kunji makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import (
    AccessToken,
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    ConsentRejected,
    End,
    Funds,
    KunjiError,
    LoginRejected,
    NotEntitled,
    Profile,
    RateLimited,
    Secret,
    TokenRejected,
    UnexpectedReply,
)
from brokers.zerodha import Zerodha
from brokers.zerodha._account import funds_in, holdings_in, orders_in, positions_in, profile_in
from brokers.zerodha._answers import instant, issued
from brokers.zerodha._refusals import accepted, granted, let_in
from tests.contract.nonsense import STATUSES, anything, pasted, raises_only_ours, raw, reply, taken
from tests.contract.samples import SamplesContract
from tests.contract.stand_in import StandIn, account, says
from tests.contract.test_zerodha import (
    ASSISTED,
    CLIENT,
    ISSUED,
    REQUEST_TOKEN,
    SAMPLES,
    UNOFFICIAL,
    held,
    sample,
    zerodha,
)
from tests.fakes import FakeClock

CALLS: dict[str, Any] = {
    "web login": lambda server: zerodha(server, UNOFFICIAL, "unofficial").login(),
    "exchange": lambda server: zerodha(server).exchange(Secret(REQUEST_TOKEN)),
    "revoke": lambda server: zerodha(server).revoke(held()),
    "profile": lambda server: zerodha(server).profile(held()),
    "funds": lambda server: zerodha(server).funds(held()),
    "holdings": lambda server: zerodha(server).holdings(held()),
    "positions": lambda server: zerodha(server).positions(held()),
    "orders": lambda server: zerodha(server).orders(held()),
}
CALLS["second step"] = CALLS["web login"]

USED: dict[str, tuple[str, object]] = {
    "web_login_error_bad_password.json": ("web login", LoginRejected),
    "web_login_error_blocked_inferred.json": ("web login", LoginRejected),
    "web_login_success_native_app_code.json": ("web login", LoginRejected),
    "web_twofa_error_invalid_totp.json": ("second step", CodeRejected),
    "web_twofa_error_invalid_app_code.json": ("second step", CodeRejected),
    "web_twofa_error_type_unavailable.json": ("second step", LoginRejected),
    "session_token_success.json": ("exchange", AccessToken),
    "session_token_error_invalid_or_expired.json": ("exchange", ConsentRejected),
    "session_token_error_bad_checksum.json": ("exchange", LoginRejected),
    "session_token_error_missing_param_inferred.json": ("exchange", ConsentRejected),
    "session_token_delete_success.json": ("revoke", None),
    "profile_success.json": ("profile", Profile(CLIENT, "Sample Trader")),
    "error_token_exception.json": ("profile", TokenRejected),
    "error_rate_limited.json": ("profile", RateLimited),
    "error_permission_no_ip_configured.json": ("orders", NotEntitled),
    "error_permission_ip_not_allowed.json": ("orders", NotEntitled),
    "error_insufficient_permission_inferred.json": ("funds", NotEntitled),
    "error_input_exception.json": ("profile", UnexpectedReply),
    "error_general_exception.json": ("profile", BrokerUnreachable),
    "error_data_exception.json": ("profile", BrokerUnreachable),
    "error_network_exception.json": ("profile", BrokerUnreachable),
    "margins_success.json": (
        "funds",
        Funds(Decimal("54210.35"), Decimal(27220), Decimal("81430.35"), "total is available and used together"),
    ),
    "holdings_success.json": ("holdings", None),
    "holdings_empty.json": ("holdings", []),
    "positions_success.json": ("positions", None),
    "positions_empty.json": ("positions", []),
    "orders_success.json": ("orders", None),
    "orders_empty.json": ("orders", []),
}
"""The call, and what comes of it; None where a test below or elsewhere looks closer."""

USED_OTHERWISE = {
    "web_login_success.json": "test_zerodha_web.py",
    "web_twofa_success.json": "test_zerodha_web.py",
    "connect_redirect_chain.json": "test_zerodha_web.py",
    "session_token_request_form.json": "test_zerodha.py, as what is sent",
    "checksum_vectors.json": "test_zerodha.py",
    "postback_order.json": "test_postbacks.py",
    "postback_update_partial_fill.json": "test_postbacks.py",
}
LEFT_OUT = {
    "session_refresh_request_form.json": "renewal is for approved platforms only",
    "session_refresh_success.json": "renewal is for approved platforms only",
    "profile_full_success.json": "personal data; not asked for",
    "margins_equity_success.json": "both segments are asked for at once",
    "ticker_order_frame.json": "the ticker socket is not opened",
    "ticker_error_frame.json": "the ticker socket is not opened",
    "ticker_message_frame.json": "the ticker socket is not opened",
    "ticker_subscribe_frame.json": "the ticker socket is not opened",
    "ticker_mode_frame.json": "the ticker socket is not opened",
}


def success(data: object) -> dict[str, object]:
    return {"status": "success", "data": data}


def rows_of(server: StandIn, call: str, name: str) -> Any:
    server.will(says(200, sample(name)))
    return CALLS[call](server)


class TestZerodhaSamples(SamplesContract):
    samples = SAMPLES
    calls = CALLS
    used = USED
    used_otherwise = USED_OTHERWISE
    left_out = LEFT_OUT
    before: ClassVar = {"second step": [sample("web_login_success")]}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error_type": "TokenException", "message": "x", "status": "error"}, TokenRejected),
        (200, {"error_type": "TokenException", "message": "x", "status": "error"}, TokenRejected),
        (401, {}, TokenRejected),
        (403, {"error_type": "PermissionError", "message": "x", "status": "error"}, NotEntitled),
        (
            403,
            {"error_type": "GeneralException", "message": "No IPs configured for this app.", "status": "error"},
            None,
        ),
        (403, {"error_type": "UserException", "message": "x", "status": "error"}, NotEntitled),
        (403, {"error_type": "NewException", "message": "x", "status": "error"}, UnexpectedReply),
        (403, {"status": "error", "message": "x"}, UnexpectedReply),
        (403, "<html>Request blocked</html>", BrokerUnreachable),
        (429, {"error_type": "TokenException", "message": "x", "status": "error"}, RateLimited),
        (500, {"error_type": "NewException", "message": "x", "status": "error"}, BrokerUnreachable),
        (504, "<html>", BrokerUnreachable),
        (200, {"data": []}, UnexpectedReply),
    ],
)
def test_the_error_type_decides_and_not_the_status(
    server: StandIn, status: int, body: object, expected: type[BrokerError] | None
) -> None:
    server.will(says(status, body))

    with pytest.raises(expected or NotEntitled) as caught:
        zerodha(server).profile(held())

    assert type(caught.value) is (expected or NotEntitled)


def test_an_address_that_may_not_order_is_told_with_where_to_enter_it(server: StandIn) -> None:
    server.will(says(403, sample("error_permission_ip_not_allowed")))

    with pytest.raises(NotEntitled, match="IP Whitelist") as caught:
        zerodha(server).orders(held())

    assert "198.51.100.7" not in str(caught.value)


def test_funds_go_by_net_as_cash_may_be_nothing_on_a_funded_account(server: StandIn) -> None:
    body = sample("margins_success")
    body["data"]["equity"]["available"]["cash"] = 0
    server.will(says(200, body))

    assert zerodha(server).funds(held()).available == Decimal("54210.35")


def test_funds_of_two_segments_are_told_apart_and_what_is_pledged_is_said(server: StandIn) -> None:
    body = sample("margins_success")
    body["data"]["commodity"] |= {"net": 0.5, "utilised": {"debits": 1}}
    body["data"]["equity"]["available"]["collateral"] = 12000
    server.will(says(200, body))

    funds = zerodha(server).funds(held())

    assert (funds.available, funds.used, funds.total) == (Decimal("54210.85"), 27221, Decimal("81431.85"))
    assert "54210.35 in equity and 0.50 in commodity" in (funds.note or "")
    assert "₹12,000.00 of it is pledged" in (funds.note or "")


@pytest.mark.parametrize("other", [{"enabled": False, "net": 5}, None])
def test_a_segment_that_is_off_does_not_count(server: StandIn, other: object) -> None:
    body = sample("margins_success")
    body["data"]["commodity"] = other
    server.will(says(200, body))

    assert zerodha(server).funds(held()).available == Decimal("54210.35")


def test_without_a_segment_there_are_no_figures_rather_than_zeros(server: StandIn) -> None:
    server.will(says(200, success({"equity": {"enabled": False}})))

    funds = zerodha(server).funds(held())

    assert (funds.available, funds.total) == (None, None)
    assert funds.note


def test_holdings_are_told_to_the_last_digit(server: StandIn) -> None:
    (one,) = rows_of(server, "holdings", "holdings_success")

    assert (one.symbol, one.exchange, one.quantity) == ("SBIN", "BSE", 16)
    assert (one.average_price, one.last_price, one.pnl) == (
        Decimal("801.78125"),
        Decimal("812.45"),
        Decimal("170.7000000000007"),
    )


def test_shares_that_are_bought_and_not_delivered_are_owned_too(server: StandIn) -> None:
    row = sample("holdings_success")["data"][0]
    server.will(says(200, success([row | {"quantity": 3, "t1_quantity": 2}])))

    assert zerodha(server).holdings(held())[0].quantity == 5


def test_a_holding_without_a_last_price_has_no_profit_rather_than_a_total_loss(server: StandIn) -> None:
    row = sample("holdings_success")["data"][0]
    server.will(says(200, success([row | {"last_price": 0, "pnl": -12828.5}])))

    (holding,) = zerodha(server).holdings(held())

    assert (holding.last_price, holding.pnl) == (None, None)


def test_positions_are_those_of_net_and_not_counted_twice(server: StandIn) -> None:
    (one,) = rows_of(server, "positions", "positions_success")

    assert (one.symbol, one.exchange, one.product, one.net_quantity) == ("NIFTY26NOVFUT", "NFO", "NRML", 75)
    assert (one.pnl, one.day_pnl, one.last_price) == (Decimal("1406.25"), Decimal("1406.25"), Decimal("26030.25"))


def test_orders_say_why_they_were_rejected_and_when(server: StandIn) -> None:
    complete, rejected = rows_of(server, "orders", "orders_success")

    assert (complete.id, complete.side, complete.filled, complete.reason) == ("261116000308932", "BUY", 1, None)
    assert complete.at == rejected.at == datetime(2026, 11, 16, 3, 54, 25, tzinfo=UTC)
    assert (complete.average_price, complete.price) == (Decimal("812.4"), None)
    assert rejected.status == "REJECTED"
    assert "Insufficient funds" in (rejected.reason or "")
    assert (complete.end, rejected.end) == (End.FILLED, End.REJECTED)


@pytest.mark.parametrize("never", ["0001-01-01 00:00:00", "", None, "later", "2026-11-16T10:00:00+05:30"])
def test_a_time_that_is_none_is_none(never: str | None) -> None:
    assert instant(never) is None
    assert issued(never, ISSUED) == ISSUED


# No reply whatever makes a parser raise anything but the tree.

PARSERS = [profile_in, funds_in, holdings_in, positions_in, orders_in, accepted, granted, let_in]
BODIES = SAMPLES.bodies()
WORDS = ("TokenException", "error", "success")


@given(raw(BODIES, *WORDS), STATUSES)
def test_no_reply_makes_a_parser_raise_anything_but_our_errors(body: object, status: int) -> None:
    for parse in PARSERS:
        assert raises_only_ours(parse, reply(body, status))


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("login_time", "user_id", "access_token", "api_key"), anything(*WORDS))
    )
)
def test_no_session_makes_anything_but_a_token_or_one_of_our_errors(odd: dict[str, object]) -> None:
    body = success(sample("session_token_success")["data"] | odd)
    try:
        token = without_a_server()._token(granted(reply(body)), ISSUED)
    except KunjiError:
        return
    assert token.expires_at > token.issued_at
    assert token.expires_at.tzinfo is UTC


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_money_survives_as_it_was_written(amount: Decimal) -> None:
    raw = f'{{"status": "success", "data": {{"equity": {{"enabled": true, "net": {amount}}}}}}}'.encode()

    assert str(funds_in(reply(raw)).available) == str(amount)


@given(pasted(BODIES))
def test_nothing_pasted_makes_anything_but_an_answer_or_a_refusal(text: str) -> None:
    assert taken(without_a_server().answer_in, text) != ""


def without_a_server() -> Any:
    return account(Zerodha, ASSISTED, Zerodha.endpoints, FakeClock(ISSUED), way="assisted")
