"""Every recorded or documented answer of Angel One to a call kunji makes, and what kunji makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import (
    IST,
    AccessToken,
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    End,
    Funds,
    KunjiError,
    LoginRejected,
    NotEntitled,
    Profile,
    RateLimited,
    TokenRejected,
    UnexpectedReply,
)
from brokers.angelone import AngelOne
from brokers.angelone._account import (
    amount,
    funds_in,
    holdings_in,
    instant,
    orders_in,
    positions_in,
    profile_in,
)
from brokers.angelone._refusals import accepted, granted, refusal_in, renewed
from tests.contract.nonsense import STATUSES, nonsense, pasted, raises_only_ours, raw, reply, taken
from tests.contract.samples import SamplesContract
from tests.contract.stand_in import StandIn, account, says
from tests.contract.test_angelone import CLIENT, NOW, SAMPLES, TYPED, angel, held, no, sample
from tests.fakes import FakeClock

CALLS: dict[str, Any] = {
    "login": lambda server: angel(server).login(),
    "renew": lambda server: angel(server).renew(held()),
    "profile": lambda server: angel(server).profile(held()),
    "funds": lambda server: angel(server).funds(held()),
    "holdings": lambda server: angel(server).holdings(held()),
    "positions": lambda server: angel(server).positions(held()),
    "orders": lambda server: angel(server).orders(held()),
}

USED: dict[str, tuple[str, object]] = {
    "login_ok.json": ("login", AccessToken),
    "login_ok_no_state.json": ("login", AccessToken),
    "login_err_totp_AB1050.json": ("login", CodeRejected),
    "login_err_credentials_AB1007.json": ("login", LoginRejected),
    "login_err_credentials_AB1007_string_status.json": ("login", LoginRejected),
    "login_err_credentials_AB1000.json": ("login", LoginRejected),
    "login_err_blocked_AB1007.json": ("login", LoginRejected),
    "login_err_blocked_AB1006.json": ("login", LoginRejected),
    "login_err_account_locked_inferred.json": ("login", LoginRejected),
    "login_err_pin_AB1007_invalid_mpin.json": ("login", LoginRejected),
    "login_err_use_mpin_AB7001.json": ("login", LoginRejected),
    "login_err_api_key_AG8004.json": ("login", LoginRejected),
    "login_err_generic_AB1004.json": ("login", BrokerUnreachable),
    "login_err_internal_AB2001.json": ("login", BrokerUnreachable),
    "generate_tokens_ok.json": ("renew", AccessToken),
    "generate_tokens_err_invalid_AB8050.json": ("renew", AccessToken),
    "generate_tokens_err_expired_AB8051.json": ("renew", AccessToken),
    "profile_ok.json": ("profile", Profile(CLIENT, "TEST USER")),
    "profile_ok_segment_names.json": ("profile", Profile(CLIENT, "TEST USER")),
    "secure_err_invalid_token_AG8001.json": ("profile", TokenRejected),
    "secure_err_token_expired_AG8002.json": ("profile", TokenRejected),
    "secure_err_token_missing_AG8003.json": ("profile", TokenRejected),
    "secure_err_amx_session_AB1010.json": ("profile", TokenRejected),
    "secure_err_not_logged_in_AB1011.json": ("profile", TokenRejected),
    "secure_err_rate_AB1021.json": ("positions", RateLimited),
    "order_err_ip_AG7002.json": ("funds", NotEntitled),
    "rms_ok.json": ("funds", None),
    "rms_ok_nulls.json": ("funds", Funds(Decimal(0), Decimal(0), Decimal(0), "total is available and used together")),
    "all_holding_ok.json": ("holdings", None),
    "all_holding_empty.json": ("holdings", []),
    "all_holding_empty_null.json": ("holdings", []),
    "position_ok.json": ("positions", None),
    "position_empty_null.json": ("positions", []),
    "order_book_ok.json": ("orders", None),
    "order_book_empty_null.json": ("orders", []),
    "rate_limited_403.txt": ("orders", RateLimited),
    "rate_limited_403_doc_wording.txt": ("profile", RateLimited),
    "waf_request_rejected.html": ("login", BrokerUnreachable),
    "maintenance_503.html": ("login", BrokerUnreachable),
    "empty_body_502.txt": ("login", BrokerUnreachable),
}
"""The call, and what comes of it; None where a test below looks closer."""

USED_OTHERWISE = {
    "req_login.json": "test_angelone.py, as what is sent",
    "req_headers_login.json": "test_angelone.py, as what is sent",
    "req_headers_authenticated.json": "test_angelone.py, as what is sent",
    "req_generate_tokens.json": "test_angelone.py, as what is sent",
    "req_logout.json": "test_angelone.py, as what is sent",
    "logout_ok.json": "test_angelone.py, as the first of two answers",
    "postback_partial_fill.json": "test_postbacks.py",
}
LEFT_OUT = {
    "publisher_redirect_query.json": "the publisher login no longer works for new apps, and is not offered",
    "holding_ok.json": "getAllHolding is asked, whose shape is documented",
    "holding_empty_null.json": "getAllHolding is asked, whose shape is documented",
    "holding_empty_array.json": "getAllHolding is asked, whose shape is documented",
    "order_details_ok.json": "single orders are not asked for",
    "ws_order_AB00_connected.json": "the order socket is not opened",
    "ws_order_AB01_open.json": "the order socket is not opened",
    "ws_order_AB03_rejected.json": "the order socket is not opened",
    "ws_order_AB05_complete.json": "the order socket is not opened",
    "ws_order_AB09_open_pending.json": "the order socket is not opened",
}
FOLLOWED_BY_A_LOGIN = {"generate_tokens_err_invalid_AB8050.json", "generate_tokens_err_expired_AB8051.json"}


def yes(data: object) -> dict[str, object]:
    return {"status": True, "message": "SUCCESS", "errorcode": "", "data": data}


def rows_of(server: StandIn, call: str, name: str) -> Any:
    server.will(says(200, sample(name)))
    return CALLS[call](server)


class TestAngelOneSamples(SamplesContract):
    samples = SAMPLES
    calls = CALLS
    used = USED
    used_otherwise = USED_OTHERWISE
    left_out = LEFT_OUT
    after: ClassVar = {file: [sample("login_ok")] for file in FOLLOWED_BY_A_LOGIN}


# Refusals, by their words first.


@pytest.mark.parametrize("file", ["rate_limited_403.txt", "waf_request_rejected.html", "empty_body_502.txt"])
@pytest.mark.parametrize("judge", [granted, accepted, renewed])
def test_what_is_no_json_says_nothing_about_credentials_or_token(file: str, judge: Any) -> None:
    with pytest.raises(RateLimited if file.startswith("rate") else BrokerUnreachable):
        judge(reply(SAMPLES.raw(file), SAMPLES.index()[file] or 0))


def test_a_firewalls_page_with_403_is_no_dead_token() -> None:
    with pytest.raises(BrokerUnreachable):
        accepted(reply(SAMPLES.raw("waf_request_rejected.html"), 403))


@pytest.mark.parametrize(
    ("message", "at_login", "at_a_read"),
    [
        ("Login Id or password is invalid", LoginRejected, BrokerUnreachable),
        ("USER IS BLOCKED FOR TRADING", LoginRejected, NotEntitled),
        ("AMX Error", LoginRejected, BrokerUnreachable),
        ("Invalid totp", CodeRejected, BrokerUnreachable),
        ("Something Went Wrong, Please Try After Sometime", BrokerUnreachable, BrokerUnreachable),
        ("Access denied because of exceeding access rate", RateLimited, RateLimited),
    ],
)
def test_one_code_means_what_its_words_say(
    message: str, at_login: type[BrokerError], at_a_read: type[BrokerError]
) -> None:
    for judge, expected in ((granted, at_login), (accepted, at_a_read)):
        with pytest.raises(expected) as caught:
            judge(reply(no(message, "AB1007")))
        assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (sample("login_err_blocked_AB1007"), "blocked.*app"),
        (sample("login_err_use_mpin_AB7001"), "PIN of four digits"),
        (sample("login_err_api_key_AG8004"), "api_key.*smartapi.angelone.in"),
        (sample("login_err_totp_AB1050"), "TOTP.*clock"),
        (sample("login_err_credentials_AB1000"), "PIN.*open the app"),
        (no("AMX Error", "AB1007"), "force one attempt"),
        (no("Words nobody has seen", "AB9999"), "AB9999.*app"),
    ],
)
def test_a_refused_login_says_what_to_do(text: object, hint: str) -> None:
    with pytest.raises(LoginRejected, match=hint) as caught:
        granted(reply(text))

    assert str(caught.value)[0].isupper()
    assert not str(caught.value).endswith(".")


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [no("Unauthorized"), {"message": "Forbidden", "errorCode": "AG9999"}])
def test_an_unauthorised_status_means_a_dead_token(status: int, body: object) -> None:
    with pytest.raises(TokenRejected):
        accepted(reply(body, status))


def test_an_unauthorised_status_without_a_word_means_a_dead_token() -> None:
    with pytest.raises(TokenRejected):
        accepted(reply(b"", 401))


@pytest.mark.parametrize("code", ["AB1013", "AB1014", "AB1015", "AB1016"])
def test_not_found_is_an_empty_list(code: str) -> None:
    for parser in (holdings_in, positions_in, orders_in):
        assert parser(reply(no("Holding not found", code))) == []


@pytest.mark.parametrize("data", [None, "", "null", []])
def test_nothing_is_an_empty_list_however_it_is_written(data: object) -> None:
    assert positions_in(reply(yes(data))) == []
    assert orders_in(reply(yes(data))) == []


@pytest.mark.parametrize("data", [None, "", "null"])
def test_a_profile_of_nothing_proves_nothing(data: object) -> None:
    with pytest.raises(UnexpectedReply):
        profile_in(reply(yes(data)))


@pytest.mark.parametrize("yes_", [True, "true", "TRUE"])
@pytest.mark.parametrize("name", ["status", "success"])
def test_a_yes_is_one_in_both_envelopes(name: str, yes_: object) -> None:
    assert accepted(reply({name: yes_, "data": {"a": 1}})) == {"a": 1}


@pytest.mark.parametrize("no_", [False, "false", 0, 1, None, "", [], {}])
@pytest.mark.parametrize("name", ["status", "success"])
def test_whatever_is_no_yes_is_a_no(name: str, no_: object) -> None:
    with pytest.raises(TokenRejected):
        accepted(reply({name: no_, "errorCode": "AG8001", "data": {"a": 1}}))


def test_a_body_that_says_both_is_a_no() -> None:
    with pytest.raises(LoginRejected):
        granted(reply({"status": True, "success": False, "message": "hm", "data": {"jwtToken": "x"}}))


# Figures.


def test_funds_tell_cash_from_pledged_margin_and_say_that_it_is_derived(server: StandIn) -> None:
    funds = rows_of(server, "funds", "rms_ok")

    assert (funds.available, funds.used, funds.total) == (
        Decimal("248310.5500"),
        Decimal("1697.1700"),
        Decimal("250007.7200"),
    )
    assert "derived: ₹1,56,600.22 of it is pledged margin, so cash is ₹93,407.50" in funds.note


def test_funds_angel_one_does_not_tell_are_unknown_and_not_nought(server: StandIn) -> None:
    server.will(says(200, yes(None)))

    assert angel(server).funds(held()) == Funds(None, None, None)


@pytest.mark.parametrize("odd", ["", None, "lots"])
def test_funds_without_a_figure_are_no_funds(server: StandIn, odd: object) -> None:
    server.will(says(200, yes(sample("rms_ok")["data"] | {"net": odd})))

    with pytest.raises(UnexpectedReply):
        angel(server).funds(held())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("- 4125.60", "-4125.60"),
        ("-4125.60", "-4125.60"),
        (" 12 ", "12"),
        ("+ 5", "5"),
        ("1.2E7", "12000000"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0.0000", "0"),
        (7, "7"),
    ],
)
def test_a_number_is_read_as_text_and_as_number(written: object, meant: str) -> None:
    assert amount({"a": written}, "a") == Decimal(meant)


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_a_blank_is_no_number_and_not_nought(blank: object) -> None:
    assert amount({"a": blank}, "a") is None


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "1,5", "0x1", "1e999", "--1", "9" * 50, "٣", True, [], 10**20])
def test_what_is_no_number_is_refused(odd: object) -> None:
    with pytest.raises(UnexpectedReply):
        amount({"a": odd}, "a")


@given(st.decimals(-(10**14), 10**14, allow_nan=False, allow_infinity=False, places=4))
def test_money_survives_as_decimal(money: Decimal) -> None:
    for written in (f"{money:f}", f"{money:f}".replace("-", "- ")):
        assert amount({"net": written}, "net") == money
    funds = funds_in(reply(yes({"net": f"{money:f}", "utiliseddebits": "0"})))
    assert funds.available == money


def test_a_holdings_profit_is_reckoned_to_the_paisa(server: StandIn) -> None:
    first, second = rows_of(server, "holdings", "all_holding_ok")

    assert (first.symbol, first.exchange, first.quantity) == ("TATASTEEL-EQ", "NSE", 12)
    assert first.pnl == Decimal("202.20")
    assert (second.quantity, second.average_price, second.last_price) == (10, Decimal("812.4"), Decimal("805.1"))


def test_a_holding_without_a_price_has_no_profit_rather_than_a_total_loss(server: StandIn) -> None:
    row = sample("all_holding_ok")["data"]["holdings"][0]
    server.will(says(200, yes({"holdings": [row | {"ltp": 0}, row | {"ltp": None}, row | {"averageprice": 0}]})))

    assert [holding.pnl for holding in angel(server).holdings(held())] == [None, None, None]


def test_of_a_position_every_value_is_text(server: StandIn) -> None:
    (position,) = rows_of(server, "positions", "position_ok")

    assert (position.symbol, position.exchange, position.product) == ("RELIANCE-EQ", "NSE", "DELIVERY")
    assert (position.net_quantity, position.average_price, position.last_price) == (
        3,
        Decimal("1375.20"),
        Decimal("1381.05"),
    )
    assert (position.pnl, position.day_pnl) == (Decimal("17.55"), Decimal("17.55"))


@pytest.mark.parametrize("carried", [{"cfbuyqty": "75"}, {"cfsellqty": "75"}, {"cfbuyqty": ""}])
def test_of_a_position_carried_over_the_days_profit_is_not_guessed(server: StandIn, carried: dict[str, str]) -> None:
    server.will(says(200, yes([sample("position_ok")["data"][0] | carried])))

    (position,) = angel(server).positions(held())

    assert (position.pnl, position.day_pnl) == (Decimal("17.55"), None)


def test_a_position_as_the_documentation_shows_it_has_no_profit(server: StandIn) -> None:
    row = sample("position_ok")["data"][0]
    documented = {name: value for name, value in row.items() if name not in ("ltp", "pnl", "realised", "unrealised")}
    server.will(says(200, yes([documented])))

    (position,) = angel(server).positions(held())

    assert (position.last_price, position.pnl, position.day_pnl) == (None, None, None)


def test_orders_are_read_with_prices_as_text_and_as_numbers(server: StandIn) -> None:
    cancelled, filled, rejected = rows_of(server, "orders", "order_book_ok")

    assert (cancelled.price, cancelled.average_price, cancelled.reason) == (Decimal(194), None, None)
    assert cancelled.at == datetime(2026, 11, 20, 7, 40, 59, tzinfo=UTC)
    assert (filled.side, filled.quantity, filled.filled) == ("BUY", 10, 10)
    assert rejected.reason == "Your order has been rejected due to Insufficient Funds."
    assert (cancelled.end, filled.end, rejected.end) == (End.CANCELLED, End.FILLED, End.REJECTED)


def test_an_order_that_waits_for_its_trigger_is_not_called_modified(server: StandIn) -> None:
    row = sample("order_book_ok")["data"][0] | {"status": "modified", "orderstatus": "trigger pending"}
    server.will(says(200, yes([row])))

    (order,) = angel(server).orders(held())

    assert order.status == "trigger pending"
    assert order.end is None


@pytest.mark.parametrize(
    "never", ["", None, "later", "20-11-2026 13:10:59", "31-Feb-2026 00:00:00", "01-Jan-0001 00:00:00"]
)
def test_a_time_that_is_none_is_none(never: str | None) -> None:
    assert instant(never) is None


# Laws.


@given(st.integers(1_600_000_000, 2_200_000_000) | st.integers(0, 9999).map(lambda day: 1_795_199_400 + day * 86_400))
def test_a_token_ends_at_the_next_midnight_in_india(issued: int) -> None:
    issued_at = datetime.fromtimestamp(issued, UTC)

    expires_at = AngelOne.expiry(issued_at)

    assert issued_at < expires_at <= issued_at + timedelta(days=1)
    assert expires_at.astimezone(IST).time().isoformat() == "00:00:00"
    assert expires_at.utcoffset() == timedelta(0)


PARSERS = [profile_in, funds_in, holdings_in, positions_in, orders_in, accepted, granted, renewed, refusal_in]
BODIES = SAMPLES.bodies()
WORDS = ("1e99", "- 5", "AG8001", "Invalid totp")


@given(raw(BODIES, *WORDS), STATUSES)
def test_no_reply_makes_a_parser_raise_anything_but_our_errors(body: object, status: int) -> None:
    for parse in PARSERS:
        assert raises_only_ours(parse, reply(body, status))


@given(nonsense(BODIES, *WORDS))
def test_no_answer_of_a_login_makes_anything_but_a_token_or_one_of_our_errors(body: object) -> None:
    ours = angel_without_a_server()
    try:
        token = ours._token(granted(reply(body)), NOW)
    except KunjiError:
        return
    assert token.expires_at > token.issued_at
    assert token.client_id
    assert ours.environment(token)


@given(pasted(BODIES))
def test_nothing_pasted_makes_anything_but_six_digits_or_a_refusal(text: str) -> None:
    ours = angel_without_a_server()
    answer = taken(ours.answer_in, text)
    assert answer is None or len(answer) == 6


def angel_without_a_server() -> Any:
    return account(AngelOne, TYPED, AngelOne.endpoints, FakeClock(NOW), way="assisted")
