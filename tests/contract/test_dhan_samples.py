"""Every recorded or documented answer of Dhan to a call kunji makes, and what kunji makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from brokers import (
    AccessToken,
    BrokerUnreachable,
    CodeRejected,
    Consent,
    ConsentRejected,
    End,
    KunjiError,
    LoginRejected,
    NotEntitled,
    NotSupported,
    OrderAddress,
    Profile,
    RateLimited,
    Secret,
    TokenRejected,
    UnexpectedReply,
)
from brokers.dhan import Dhan
from brokers.dhan._account import funds_in, holdings_in, order_address_in, orders_in, positions_in, profile_in
from brokers.dhan._answers import claims_of, instant
from brokers.dhan._refusals import accepted, granted, renewal_refused
from tests.contract.nonsense import STATUSES, nonsense, pasted, raises_only_ours, raw, reply, taken
from tests.contract.samples import SamplesContract
from tests.contract.stand_in import StandIn, account, jwt, says
from tests.contract.test_dhan import ASSISTED, CLIENT, ISSUED, SAMPLES, TOKEN_ID, dhan, held, sample
from tests.fakes import FakeClock

CALLS: dict[str, Any] = {
    "login": lambda server: dhan(server).login(),
    "consent": lambda server: dhan(server, ASSISTED, "assisted").login(),
    "exchange": lambda server: dhan(server, ASSISTED, "assisted").exchange(Secret(TOKEN_ID)),
    "renew": lambda server: dhan(server, ASSISTED, "assisted").renew(held()),
    "profile": lambda server: dhan(server).profile(held()),
    "funds": lambda server: dhan(server).funds(held()),
    "holdings": lambda server: dhan(server).holdings(held()),
    "positions": lambda server: dhan(server).positions(held()),
    "orders": lambda server: dhan(server).orders(held()),
    "order address": lambda server: dhan(server).order_address(held()),
}

USED: dict[str, tuple[str, object]] = {
    "generate_access_token_success.json": ("login", AccessToken),
    "generate_access_token_error_invalid_pin.json": ("login", LoginRejected),
    "generate_access_token_error_invalid_totp.json": ("login", CodeRejected),
    "generate_access_token_error_rate_limited.json": ("login", RateLimited),
    "generate_access_token_error_login_failed.json": ("login", LoginRejected),
    "generate_access_token_error_blocked_inferred.json": ("login", LoginRejected),
    "generate_access_token_error_missing_param_inferred.json": ("login", LoginRejected),
    "generate_consent_success.json": ("consent", Consent),
    "generate_consent_error_bad_app_inferred.json": ("consent", LoginRejected),
    "generate_consent_error_daily_cap_inferred.json": ("consent", RateLimited),
    "consume_app_consent_success.json": ("exchange", AccessToken),
    "consume_app_consent_error_token_id_inferred.json": ("exchange", ConsentRejected),
    "renew_token_success.json": ("renew", AccessToken),
    "renew_token_error_token_type.json": ("renew", NotSupported),
    "renew_token_error_wrong_verb.json": ("renew", UnexpectedReply),
    "renew_token_error_expired_inferred.json": ("renew", TokenRejected),
    "profile_success.json": ("profile", Profile(CLIENT)),
    "profile_success_live_short_segments.json": ("profile", Profile(CLIENT)),
    "profile_success_official_sandbox.json": ("profile", Profile("2611160001")),
    "error_dh901_invalid_authentication.json": ("profile", TokenRejected),
    "error_dh906_invalid_token.json": ("profile", TokenRejected),
    "error_data_api_808.json": ("profile", TokenRejected),
    "error_data_api_807_inferred.json": ("profile", TokenRejected),
    "error_data_api_806_inferred.json": ("profile", NotEntitled),
    "error_dh902_invalid_access_inferred.json": ("funds", NotEntitled),
    "error_dh903_user_account_inferred.json": ("positions", NotEntitled),
    "error_dh904_rate_limit.json": ("profile", RateLimited),
    "error_dh905_input.json": ("profile", UnexpectedReply),
    "error_dh908_internal_inferred.json": ("profile", BrokerUnreachable),
    "error_dh909_network_inferred.json": ("profile", BrokerUnreachable),
    "error_gateway_404.json": ("profile", UnexpectedReply),
    "fundlimit_success.json": ("funds", None),
    "holdings_success.json": ("holdings", None),
    "holdings_empty_error_dh1111.json": ("holdings", []),
    "holdings_empty_official_sandbox.json": ("holdings", []),
    "positions_success.json": ("positions", None),
    "positions_empty.json": ("positions", []),
    "orders_success.json": ("orders", None),
    "orders_empty.json": ("orders", []),
    "ip_get_success_documented.json": (
        "order address",
        OrderAddress(None, ("203.0.113.42", "203.0.113.43"), None),
    ),
    "ip_get_success_extended.json": ("order address", OrderAddress("203.0.113.42", ("203.0.113.42",), True)),
    "ip_get_mismatch_extended.json": ("order address", OrderAddress("198.51.100.7", ("203.0.113.42",), False)),
    "ip_get_error.json": ("order address", OrderAddress(None, (), None)),
}
"""The call, and what comes of it; None where a test below looks closer."""

USED_OTHERWISE = {
    "jwt_claims_totp_app.json": "below",
    "jwt_claims_web_self.json": "below",
    "consent_login_redirect.json": "test_dhan.py, as an address that is pasted",
    "postback_order.json": "test_postbacks.py",
}
LEFT_OUT = {
    "partner_generate_consent_success.json": "platforms only",
    "partner_consume_consent_success.json": "platforms only",
    "error_dh905_invalid_ip.json": "answers the placing of an order",
    "order_by_id_success.json": "single orders are not asked for",
    "order_by_id_unknown.json": "single orders are not asked for",
    "order_by_correlation_unknown.json": "single orders are not asked for",
    "ip_set_request.json": "addresses are not changed",
    "ip_set_success.json": "addresses are not changed",
    "ip_modify_error_locked_inferred.json": "addresses are not changed",
    "ws_order_login_self.json": "the order socket is not opened",
    "ws_order_login_partner.json": "the order socket is not opened",
    "ws_order_update_camel.json": "the order socket is not opened",
    "ws_order_update_pascal.json": "the order socket is not opened",
}


def rows_of(server: StandIn, call: str, name: str) -> Any:
    server.will(says(200, sample(name)))
    return CALLS[call](server)


class TestDhanSamples(SamplesContract):
    samples = SAMPLES
    calls = CALLS
    used = USED
    used_otherwise = USED_OTHERWISE
    left_out = LEFT_OUT


def test_an_empty_demat_account_is_not_asked_again_although_it_is_a_500(server: StandIn) -> None:
    server.will(says(500, sample("holdings_empty_error_dh1111")))

    assert dhan(server).holdings(held()) == []
    assert len(server.seen) == 1


def test_funds_say_what_of_them_is_pledged(server: StandIn) -> None:
    funds = rows_of(server, "funds", "fundlimit_success")

    assert (funds.available, funds.used, funds.total) == (Decimal("98440.5"), Decimal("15201.5"), Decimal("113642.0"))
    assert "12,000.00" in funds.note
    assert "86,440.50" in funds.note


def test_funds_are_read_should_the_spelling_ever_be_mended(server: StandIn) -> None:
    server.will(says(200, {"availableBalance": 5}))

    assert dhan(server).funds(held()).available == 5


def test_holdings_are_worth_what_the_last_price_says(server: StandIn) -> None:
    first, second = rows_of(server, "holdings", "holdings_success")

    assert (first.symbol, first.exchange, first.quantity) == ("NIFTYBEES", "ALL", 12)
    assert first.pnl == (Decimal("261.4") - Decimal("252.05")) * 12
    assert second.average_price == Decimal("1522.8")


def test_a_holding_without_a_last_price_has_no_profit_rather_than_a_total_loss(server: StandIn) -> None:
    row = sample("holdings_success")[0]
    server.will(says(200, [row | {"lastTradedPrice": 0.0}, {**row, "lastTradedPrice": None}]))

    for holding in dhan(server).holdings(held()):
        assert (holding.last_price, holding.pnl) == (None, None)


def test_what_was_opened_today_was_earned_today(server: StandIn) -> None:
    open_one, closed = rows_of(server, "positions", "positions_success")

    assert (open_one.pnl, open_one.day_pnl, open_one.net_quantity) == (Decimal("61.2"), Decimal("61.2"), 4)
    assert (closed.pnl, closed.average_price, closed.product) == (Decimal("487.5"), None, "MARGIN")


@pytest.mark.parametrize(
    "carried", [{"carryForwardBuyQty": 75}, {"carryForwardSellQty": 75}, {"carryForwardBuyQty": None}]
)
def test_of_a_position_carried_over_the_days_profit_is_not_guessed(server: StandIn, carried: dict[str, object]) -> None:
    server.will(says(200, [sample("positions_success")[0] | carried]))

    (position,) = dhan(server).positions(held())

    assert (position.pnl, position.day_pnl) == (Decimal("61.2"), None)


def test_orders_say_why_they_were_rejected_and_when(server: StandIn) -> None:
    traded, rejected = rows_of(server, "orders", "orders_success")[:2]

    assert (traded.id, traded.side, traded.filled, traded.reason) == ("112611160001", "BUY", 4, None)
    assert traded.at == datetime(2026, 11, 16, 3, 51, 4, tzinfo=UTC)
    assert rejected.status == "REJECTED"
    assert rejected.reason
    assert (traded.end, rejected.end) == (End.FILLED, End.REJECTED)
    assert rejected.average_price is None


def test_an_unregistered_address_is_told_even_where_dhan_only_gives_addresses(server: StandIn) -> None:
    server.will(says(200, {"primaryIP": "203.0.113.42", "detectedIP": "198.51.100.7", "secondaryIP": "none", "ip": 7}))

    address = dhan(server).order_address(held())

    assert address == OrderAddress("198.51.100.7", ("203.0.113.42",), False)


def test_a_dead_token_is_told_in_a_list_too(server: StandIn) -> None:
    server.will(says(200, [{"message": "Invalid Token", "status": "ERROR"}]))

    with pytest.raises(TokenRejected):
        dhan(server).order_address(held())


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", ["", {}, {"errorCode": "UNAUTHORIZED", "httpStatus": "UNAUTHORIZED"}])
def test_an_unauthorised_status_means_a_dead_token(server: StandIn, status: int, body: object) -> None:
    server.will(says(status, body))
    expected = UnexpectedReply if (status, body) == (403, "") else TokenRejected

    with pytest.raises(expected):
        dhan(server).profile(held())


def test_a_firewalls_page_says_nothing_about_the_token(server: StandIn) -> None:
    server.will(says(403, "<html>Request blocked</html>"))

    with pytest.raises(BrokerUnreachable):
        dhan(server).profile(held())


@pytest.mark.parametrize(("name", "by_hand"), [("jwt_claims_totp_app", False), ("jwt_claims_web_self", True)])
def test_a_token_tells_how_it_was_made(name: str, by_hand: bool) -> None:
    claims = claims_of(Secret(jwt(**sample(name))))

    assert claims is not None
    assert (claims.client_id, claims.issued_at, claims.made_by_hand) == (CLIENT, ISSUED, by_hand)
    assert claims.expires_at == ISSUED + timedelta(hours=24)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"exp": 10**30},
        {"exp": -5},
        {"exp": "soon"},
        {"exp": True},
        {"dhanClientId": None},
        {"iat": 1_894_882_912},
        {"exp": 1e99},
    ],
)
def test_claims_that_make_no_sense_are_none(nonsense: dict[str, object]) -> None:
    assert claims_of(Secret(jwt(**sample("jwt_claims_web_self") | nonsense))) is None


@pytest.mark.parametrize("never", ["0001-01-01 00:00:00", "", None, "later", "2026-11-16T10:00:00+05:30"])
def test_a_time_that_is_none_is_none(never: str | None) -> None:
    assert instant(never) is None


# No reply whatever makes a parser raise anything but the tree.

PARSERS = [
    profile_in,
    funds_in,
    holdings_in,
    positions_in,
    orders_in,
    order_address_in,
    accepted,
    renewal_refused,
    lambda got: granted(got, "accessToken"),
    lambda got: granted(got, "consentAppId", otherwise=ConsentRejected),
]
BODIES = SAMPLES.bodies()


@given(raw(BODIES), STATUSES)
def test_no_reply_makes_a_parser_raise_anything_but_our_errors(body: object, status: int) -> None:
    for parse in PARSERS:
        assert raises_only_ours(parse, reply(body, status))


@given(nonsense(BODIES))
def test_no_answer_of_a_login_makes_anything_but_a_token_or_one_of_our_errors(body: object) -> None:
    ours = dhan_without_a_server()
    try:
        token = ours._token(granted(reply(body), "accessToken"), ISSUED, owner=CLIENT)
    except KunjiError:
        return
    assert token.expires_at > token.issued_at
    assert token.expires_at.tzinfo is UTC


@given(pasted(BODIES))
def test_nothing_pasted_makes_anything_but_an_answer_or_a_refusal(text: str) -> None:
    ours = dhan_without_a_server()
    assert taken(ours.answer_in, text) != ""


def dhan_without_a_server() -> Any:
    return account(Dhan, ASSISTED, Dhan.endpoints, FakeClock(ISSUED), way="assisted")
