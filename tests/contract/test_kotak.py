from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from brokers import (
    IST,
    AccessToken,
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    LoginRejected,
    NotSupported,
    RateLimited,
    Secret,
    TokenRejected,
    TotpSecret,
    UnexpectedReply,
    WrongClient,
)
from brokers.kotak import Config, Kotak
from brokers.kotak._credentials import ConsumerKey, MobileNumber, Mpin, Ucc
from tests.contract.samples import Samples
from tests.contract.stand_in import Seen, StandIn, account, everything_said, jwt, says
from tests.contract.suite import TROUBLES, BrokerContract, CodeContract
from tests.fakes import FakeClock

NOW = datetime(2026, 11, 20, 3, 20, 3, tzinfo=UTC)
"""When the session of the samples was opened."""
MIDNIGHT = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
CLIENT = "ZT4K9"
PAN = "AAAPZ0000A"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
KEY = "1f6a0c52-9b1d-4f0e-8a77-5c2d9e3b4a60"
SID = "c2f7d0a4-7a6b-4d0e-8d2c-19f5b7e3a611"
BASICS = Ucc(CLIENT), ConsumerKey(KEY), MobileNumber("9000000042"), Mpin("730251")
AUTO = Config(*BASICS, TotpSecret.parse(SECRET))
TYPED = Config(*BASICS)
LOGIN, VALIDATE = "/login/1.0/tradeApiLogin", "/login/1.0/tradeApiValidate"


SAMPLES = Samples("kotak")
sample = SAMPLES.body


def changed(name: str, **changes: object) -> dict[str, object]:
    """The sample of a step's answer with other values in its `data`; None takes a value out."""
    data = {key: value for key, value in (sample(name)["data"] | changes).items() if changes.get(key, "") is not None}
    return {"data": data}


VIEWED, TRADED = sample("login_ok_view"), sample("validate_ok_trade")


def held(address: str, **extra: str) -> AccessToken:
    told = {"sid": SID, "base_url": address} | extra
    return AccessToken(
        Secret("token-that-is-alive"),
        CLIENT,
        NOW,
        MIDNIGHT,
        extra={name: Secret(value) for name, value in told.items()},
    )


def kotak(server: StandIn, config: Config = AUTO, way: str = "auto", clock: FakeClock | None = None) -> Kotak:
    made: Kotak = account(Kotak, config, server, clock or FakeClock(NOW), way=way)
    return made


class TestKotak(CodeContract, BrokerContract):
    broker = Kotak
    config = AUTO
    secrets = ("730251", SECRET, KEY, "9000000042", PAN, TRADED["data"]["token"], SID, VIEWED["data"]["token"])
    now = NOW
    before: ClassVar = [(LOGIN, VIEWED)]
    path = VALIDATE
    granted = TRADED
    client = CLIENT
    other = "AB1C2"
    undated = changed("validate_ok_trade", token="opaque")
    another_client = changed("validate_ok_trade", ucc="AB1C2")
    refused: ClassVar = [
        (401, sample("login_err_totp_401"), CodeRejected),
        (200, sample("login_err_ucc_200"), LoginRejected),
        (400, sample("login_err_missing_field_400"), LoginRejected),
        (403, sample("login_err_too_many_attempts_inferred"), LoginRejected),
        (422, sample("login_err_unprocessable_422"), LoginRejected),
        (424, sample("dependency_err_424"), BrokerUnreachable),
        (429, sample("rate_limited_429"), RateLimited),
        (200, {"stCode": 429, "errMsg": "Too many requests", "stat": "Not_Ok"}, RateLimited),
        (200, {"stCode": 424, "errMsg": "Dependency error", "status": "failure"}, BrokerUnreachable),
        (401, "", LoginRejected),
        (403, "", LoginRejected),
        (401, {}, LoginRejected),
        (200, {"status": "error", "message": "Words nobody has seen"}, LoginRejected),
        (200, {"stat": "Not_Ok"}, LoginRejected),
        (200, {"error": "Words nobody has seen", "stCode": 7}, LoginRejected),
        (200, {"data": {"status": "failure", "errMsg": "Invalid UCC", "stCode": 429}}, LoginRejected),
        (403, {"message": "Your account is locked: Invalid credentials or TOTP."}, LoginRejected),
        (502, {"status": "error", "message": "Bad gateway"}, BrokerUnreachable),
    ]
    dead = 403, sample("session_err_100022")
    wrong_code = 401, sample("login_err_totp_401")

    def code_in(self, seen: Seen) -> str:
        return str(json.loads(seen.body)["totp"])

    @pytest.fixture(autouse=True)
    def _where_it_trades(self, server: StandIn) -> None:
        self.address = server.url

    def token(self) -> AccessToken:
        return held(self.address)


# The two steps.


def test_the_code_opens_a_session_and_the_mpin_makes_it_trade(server: StandIn) -> None:
    server.will(says(200, VIEWED), says(200, TRADED))
    clock = FakeClock(NOW)

    token = kotak(server, clock=clock).login()

    first, second = server.seen
    code = TotpSecret.parse(SECRET).code_at(clock.now().timestamp()).reveal()
    assert json.loads(first.body) == {**sample("req_login"), "totp": code}
    assert json.loads(second.body) == sample("req_validate")
    for name, value in sample("req_headers_login").items():
        assert first.headers[name.lower()] == value
    for name, value in (sample("req_headers_validate") | {"Auth": VIEWED["data"]["token"]}).items():
        assert second.headers[name.lower()] == value
    assert not {"auth", "sid"} & first.headers.keys()
    assert isinstance(token, AccessToken)
    assert token.value == Secret(TRADED["data"]["token"])
    assert {name: value.reveal() for name, value in token.extra.items()} == {
        "sid": SID,
        "base_url": "https://e43.kotaksecurities.com",
        "data_center": "E43",
    }


def test_nothing_of_a_login_is_in_an_address(server: StandIn) -> None:
    server.will(says(200, VIEWED), says(200, TRADED))

    kotak(server).login()

    assert all(seen.query == {} and seen.method == "POST" for seen in server.seen)


def test_the_shortened_answer_of_the_documentation_is_enough(server: StandIn) -> None:
    server.will(says(200, sample("login_ok_view_minimal")), says(201, sample("validate_ok_trade_with_feeds")))

    token = kotak(server).login()

    assert isinstance(token, AccessToken)
    assert token.client_id == CLIENT


@pytest.mark.parametrize("way", ["auto", "assisted"])
def test_the_pan_is_not_kept(server: StandIn, way: str) -> None:
    server.will(says(200, VIEWED), says(200, TRADED))
    ours = kotak(server, way=way)

    token = ours.login() if way == "auto" else ours.exchange(Secret("218604"))

    assert isinstance(token, AccessToken)
    kept = {*ours.environment(token).values(), *ours.headers(token).values(), repr(token)}
    assert not any(PAN in value or "TEST USER" in value for value in kept)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, sample("validate_err_mpin_401"), LoginRejected),
        (200, sample("validate_err_mpin_200"), LoginRejected),
        (400, sample("validate_err_missing_mpin_400"), LoginRejected),
        (400, sample("validate_err_missing_header"), LoginRejected),
        # The code was right already, so what is not right now is the MPIN.
        (401, sample("login_err_totp_401"), LoginRejected),
        (500, {"status": "error", "message": "Invalid MPIN."}, LoginRejected),
        (403, "", LoginRejected),
        (424, sample("dependency_err_424"), BrokerUnreachable),
        (200, VIEWED, UnexpectedReply),
        (200, changed("validate_ok_trade", kType=None), UnexpectedReply),
        (200, changed("validate_ok_trade", token=""), UnexpectedReply),
        (200, changed("validate_ok_trade", sid=None), UnexpectedReply),
    ],
)
def test_a_refused_mpin_is_sent_once(server: StandIn, status: int, body: object, error: type[BrokerError]) -> None:
    server.will(says(200, VIEWED), says(status, body))

    with pytest.raises(error) as caught:
        kotak(server).login()

    assert type(caught.value) is error
    assert [seen.path for seen in server.seen] == [LOGIN, VALIDATE]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_second_step_in_trouble_is_one_attempt_and_tells_nothing(server: StandIn, trouble: str) -> None:
    answer, error = TROUBLES[trouble]
    server.will(says(200, VIEWED), answer)

    with pytest.raises(error) as caught:
        kotak(server).login()

    assert type(caught.value) is error
    assert len(server.seen) == 2
    assert not any(secret in everything_said(caught.value) for secret in TestKotak.secrets)


@pytest.mark.parametrize("missing", ["token", "sid", "kType"])
def test_without_a_whole_first_step_the_mpin_is_not_sent(server: StandIn, missing: str) -> None:
    server.will(says(200, changed("login_ok_view", **{missing: None})))

    with pytest.raises(UnexpectedReply):
        kotak(server).login()

    assert [seen.path for seen in server.seen] == [LOGIN]


def test_the_mpin_is_not_sent_for_another_client(server: StandIn) -> None:
    server.will(says(200, changed("login_ok_view", ucc="AB1C2")))

    with pytest.raises(WrongClient):
        kotak(server).login()

    assert [seen.path for seen in server.seen] == [LOGIN]


def test_where_no_answer_names_the_client_the_token_itself_does(server: StandIn) -> None:
    server.will(says(200, sample("login_ok_view_minimal")), says(200, changed("validate_ok_trade", ucc=None)))

    token = kotak(server).login()

    assert isinstance(token, AccessToken)
    assert token.client_id == CLIENT


def test_a_session_of_nobody_is_not_taken(server: StandIn) -> None:
    opaque = changed("validate_ok_trade", ucc=None, token="opaque")
    server.will(says(200, sample("login_ok_view_minimal")), says(200, opaque))

    with pytest.raises(UnexpectedReply, match="whose session"):
        kotak(server).login()


# Where a session is used, and how long.


def logged_in(server: StandIn, **trade: object) -> AccessToken:
    server.will(says(200, VIEWED), says(200, changed("validate_ok_trade", **trade)))
    token = kotak(server).login()
    assert isinstance(token, AccessToken)
    return token


@pytest.mark.parametrize("address", ["https://cis.kotaksecurities.com", "https://e21.kotaksecurities.com/some/path/"])
def test_the_address_is_taken_fresh_from_each_login(server: StandIn, address: str) -> None:
    assert logged_in(server, baseUrl=address).extra["base_url"] == Secret(address.rstrip("/"))


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        5,
        "e43.kotaksecurities.com",
        "http://e43.kotaksecurities.com",
        "https://e43.kotaksecurities.com.example.com",
        "https://kotaksecurities.com@example.com",
        "https://example.com/kotaksecurities.com",
        "https://e43.kotaksecurities.com/?x=1",
        "https://e43.kotaksecurities.com\\@example.com",
    ],
)
def test_a_session_is_not_taken_to_an_address_that_is_not_kotaks(server: StandIn, address: object) -> None:
    with pytest.raises(UnexpectedReply):
        logged_in(server, baseUrl=address)


def test_a_session_of_the_real_kotak_is_not_taken_to_this_machine() -> None:
    ours = account(Kotak, AUTO, Kotak.endpoints, FakeClock(NOW))

    with pytest.raises(UnexpectedReply):
        ours._token(changed("validate_ok_trade", baseUrl="http://127.0.0.1:8080")["data"], None, NOW)


def token_until(expires: datetime | int) -> str:
    return jwt(exp=expires if isinstance(expires, int) else int(expires.timestamp()), ucc=CLIENT)


def test_a_session_ends_at_midnight_in_india(server: StandIn) -> None:
    assert logged_in(server).expires_at == MIDNIGHT


@pytest.mark.parametrize(
    ("value", "ends"),
    [
        (token_until(NOW + timedelta(hours=6)), NOW + timedelta(hours=6)),
        (token_until(NOW + timedelta(days=3)), MIDNIGHT),
        (token_until(NOW - timedelta(days=3)), MIDNIGHT),
        (token_until(10**14), MIDNIGHT),
        (token_until(-1), MIDNIGHT),
        (jwt(exp="soon"), MIDNIGHT),
        ("opaque", MIDNIGHT),
    ],
)
def test_a_session_ends_earlier_if_its_token_says_so_and_never_later(
    server: StandIn, value: str, ends: datetime
) -> None:
    assert logged_in(server, token=value).expires_at == ends


@pytest.mark.parametrize(("hour", "minute"), [(0, 0), (0, 1), (9, 15), (23, 59)])
def test_whenever_a_session_begins_it_ends_at_the_next_midnight(hour: int, minute: int) -> None:
    issued = datetime(2026, 11, 20, hour, minute, tzinfo=IST)

    assert Kotak.expiry(issued) == datetime(2026, 11, 21, tzinfo=IST)


def test_a_session_is_neither_renewed_nor_ended(server: StandIn) -> None:
    server.will(says(200, VIEWED), says(200, TRADED))

    kotak(server).renew(held(server.url))

    assert [seen.path for seen in server.seen] == [LOGIN, VALIDATE]
    with pytest.raises(NotSupported):
        kotak(server).revoke(held(server.url))


# Reading.


def test_a_read_goes_to_the_address_of_its_session_with_token_and_sid(server: StandIn) -> None:
    server.will(says(200, sample("positions_ok")))

    kotak(server).positions(held(f"{server.url}/e43"))

    (seen,) = server.seen
    expected = sample("req_headers_reports") | {"Auth": "token-that-is-alive"}
    assert (seen.method, seen.path, seen.body) == ("GET", "/e43/quick/user/positions", b"")
    assert {name: seen.headers[name.lower()] for name in expected} == expected


def test_limits_are_asked_for_whole_as_filtered_ones_are_all_zero(server: StandIn) -> None:
    server.will(says(200, sample("limits_ok")))

    kotak(server).funds(held(server.url))

    (seen,) = server.seen
    expected = sample("req_headers_form") | {"Auth": "token-that-is-alive"}
    form = SAMPLES.raw("limits_form_body.txt").decode().strip()
    assert (seen.method, seen.path, seen.body.decode()) == ("POST", "/quick/user/limits", form)
    assert {name: seen.headers[name.lower()] for name in expected} == expected


def test_a_stumbling_read_is_repeated_and_a_repeated_post_is_whole(server: StandIn) -> None:
    server.will(says(503, SAMPLES.raw("service_unavailable_503.html")), says(200, sample("limits_ok")))
    ours = account(Kotak, AUTO, server, FakeClock(NOW))

    assert ours.profile(held(server.url)).client_id == CLIENT
    assert len({seen.body for seen in server.seen}) == 1
    assert len(server.seen) == 2


def test_a_session_kept_without_its_id_is_a_dead_one(server: StandIn) -> None:
    bare = AccessToken(Secret("token-that-is-alive"), CLIENT, NOW, MIDNIGHT)

    for call in (kotak(server).profile, kotak(server).positions, kotak(server).environment):
        with pytest.raises(TokenRejected):
            call(bare)

    assert server.seen == []


def test_programs_find_the_session_under_the_names_of_the_sdk(server: StandIn) -> None:
    token = held("https://e43.kotaksecurities.com", data_center="E43")

    assert kotak(server).environment(token) == {
        "NEO_UCC": CLIENT,
        "NEO_CONSUMER_KEY": KEY,
        "NEO_EDIT_TOKEN": "token-that-is-alive",
        "NEO_EDIT_SID": SID,
        "NEO_BASE_URL": "https://e43.kotaksecurities.com",
        "NEO_DATA_CENTER": "E43",
    }
    assert kotak(server).headers(token) == {
        "Auth": "token-that-is-alive",
        "Sid": SID,
        "neo-fin-key": "neotradeapi",
    }
