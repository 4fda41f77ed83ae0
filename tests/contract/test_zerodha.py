from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import (
    IST,
    AccessToken,
    BrokerError,
    BrokerUnreachable,
    Consent,
    ConsentRejected,
    LoginRejected,
    NotEntitled,
    RateLimited,
    Secret,
    TokenRejected,
    TotpSecret,
    UnexpectedReply,
)
from brokers.zerodha import Config, RedirectUrl, Zerodha, checksum
from tests.contract.samples import Samples
from tests.contract.stand_in import StandIn, account, everything_said, hangs, jwt, says
from tests.contract.suite import BrokerContract, refused_in_one_sentence
from tests.fakes import FakeClock

ISSUED = datetime(2026, 11, 16, 2, 33, 27, tzinfo=UTC)
"""As the session of the samples says."""
NOW = ISSUED + timedelta(seconds=3)
CLIENT = "AB1234"
KEY, API_SECRET = "samplekey0000001", "samplesecret00000000000000000001"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
LANDING = "http://127.0.0.1:8723/kite/callback"
REQUEST_TOKEN = "Rq7sampleRequestToken0000000001A"
STATE = Secret("sample-State_000000000000000000000000000001")
ASSISTED = Config(CLIENT, Secret(KEY), Secret(API_SECRET))
UNOFFICIAL = Config(
    CLIENT,
    Secret(KEY),
    Secret(API_SECRET),
    Secret("planted-password"),
    TotpSecret.parse(SECRET),
    RedirectUrl(LANDING),
)


SAMPLES = Samples("zerodha")
sample = SAMPLES.body


def held(value: str = "Ac7sampleAccessToken00000000001B") -> AccessToken:
    return AccessToken(Secret(value), CLIENT, ISSUED, datetime(2026, 11, 17, 0, 30, tzinfo=UTC))


def zerodha(
    server: StandIn, config: Config = ASSISTED, way: str = "assisted", clock: FakeClock | None = None
) -> Zerodha:
    made: Zerodha = account(Zerodha, config, server, clock or FakeClock(NOW), way=way)
    return made


class FromTheRequestTokenOn(Zerodha):
    """The login that Zerodha documents starts in a browser; this is what of it kunji does."""

    def login(self) -> AccessToken:
        return self.exchange(Secret(REQUEST_TOKEN))


def error(kind: str | None, message: str) -> dict[str, object]:
    return {"status": "error", "message": message, "data": None} | ({"error_type": kind} if kind else {})


class TestZerodha(BrokerContract):
    broker = FromTheRequestTokenOn
    config = ASSISTED
    secrets = (
        KEY,
        API_SECRET,
        REQUEST_TOKEN,
        sample("checksum_vectors")["login"]["sha256_hex"],
        sample("session_token_success")["data"]["access_token"],
        sample("session_token_success")["data"]["public_token"],
    )
    now = NOW
    path = "/session/token"
    granted = sample("session_token_success")
    client = CLIENT
    other = "XY9876"
    undated: ClassVar = {"status": "success", "data": granted["data"] | {"login_time": None}}
    another_client: ClassVar = {"status": "success", "data": granted["data"] | {"user_id": "XY9876"}}
    refused: ClassVar = [
        (403, sample("session_token_error_invalid_or_expired"), ConsentRejected),
        (400, sample("session_token_error_invalid_or_expired"), ConsentRejected),
        (403, sample("session_token_error_bad_checksum"), LoginRejected),
        (400, sample("session_token_error_missing_param_inferred"), ConsentRejected),
        (403, sample("error_token_exception"), LoginRejected),
        (400, error("InputException", "Invalid `api_key`."), LoginRejected),
        (403, error("TokenException", "Words nobody has seen"), ConsentRejected),
        (401, error(None, "Words nobody has seen"), ConsentRejected),
        (403, error("UserException", "Words nobody has seen"), NotEntitled),
        (403, error(None, "Words nobody has seen"), UnexpectedReply),
        (400, error("InputException", "Words nobody has seen"), UnexpectedReply),
        (429, sample("error_rate_limited"), RateLimited),
        (503, sample("error_network_exception"), BrokerUnreachable),
    ]
    dead = 403, sample("error_token_exception")


# The login by a person.


def link(server: StandIn, clock: FakeClock | None = None, config: Config = ASSISTED) -> Consent:
    ours = zerodha(server, config, clock=clock)
    consent = ours.login()
    assert isinstance(consent, Consent)
    return ours.with_state(consent, STATE)


def state_in(consent: Consent) -> str:
    query = parse_qs(urlsplit(consent.url or "").query)
    return parse_qs(query["redirect_params"][0])["state"][0]


def landed(consent: Consent, **told: str) -> str:
    query = {"action": "login", "status": "success", "request_token": REQUEST_TOKEN, "state": state_in(consent)} | told
    return f"{LANDING}?{'&'.join(f'{name}={value}' for name, value in query.items() if value)}"


def test_a_consent_is_a_link_to_kites_page_and_nobody_is_asked_for_it(server: StandIn) -> None:
    consent = link(server)

    url = urlsplit(consent.url or "")
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{server.url}/connect/login"
    query = parse_qs(url.query)
    assert (query["v"], query["api_key"]) == (["3"], [KEY])
    assert API_SECRET not in (consent.url or "")
    assert server.seen == []
    assert not consent.asks_totp


def test_the_page_asks_for_a_code_where_a_secret_is_configured(server: StandIn) -> None:
    assert link(server, config=UNOFFICIAL).asks_totp


def test_the_exchange_sends_what_zerodha_documents(server: StandIn) -> None:
    server.will(says(200, sample("session_token_success")))

    token = zerodha(server).exchange(Secret(REQUEST_TOKEN))

    (seen,) = server.seen
    assert {name: values[0] for name, values in parse_qs(seen.body.decode()).items()} == sample(
        "session_token_request_form"
    )
    assert (seen.method, seen.headers["x-kite-version"]) == ("POST", "3")
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in seen.headers
    assert token.expires_at == datetime(2026, 11, 17, 6, tzinfo=IST)
    assert (token.issued_at, token.renewable) == (ISSUED, False)


def test_the_checksum_is_that_of_the_test_vector() -> None:
    vector = sample("checksum_vectors")["login"]

    made = checksum(*(Secret(vector[name]) for name in ("api_key", "request_token", "api_secret")))

    assert made == vector["sha256_hex"]


@pytest.mark.parametrize(
    ("login_time", "expires"),
    [
        ("2026-11-16 05:59:58", datetime(2026, 11, 16, 6, tzinfo=IST)),
        ("2026-11-16 06:00:00", datetime(2026, 11, 17, 6, tzinfo=IST)),
        ("2026-11-15 23:10:00", datetime(2026, 11, 16, 6, tzinfo=IST)),
        ("2016-11-16 08:03:27", datetime(2026, 11, 17, 6, tzinfo=IST)),
        ("2036-11-16 08:03:27", datetime(2026, 11, 17, 6, tzinfo=IST)),
        ("soon", datetime(2026, 11, 17, 6, tzinfo=IST)),
        (None, datetime(2026, 11, 17, 6, tzinfo=IST)),
    ],
)
def test_a_token_dies_at_the_six_o_clock_after_the_login_that_zerodha_tells(
    server: StandIn, login_time: str | None, expires: datetime
) -> None:
    data = sample("session_token_success")["data"] | {"login_time": login_time}
    server.will(says(200, {"status": "success", "data": data}))

    token = zerodha(server).exchange(Secret(REQUEST_TOKEN))

    assert token.expires_at == expires


@given(st.integers(1_500_000_000, 4_000_000_000))
def test_the_expiry_is_the_next_six_o_clock_in_india_whenever_a_token_is_made(unix: int) -> None:
    issued_at = datetime.fromtimestamp(unix, UTC)

    expires_at = Zerodha.expiry(issued_at)

    assert issued_at < expires_at <= issued_at + timedelta(days=1)
    assert expires_at.astimezone(IST).strftime("%H:%M:%S.%f") == "06:00:00.000000"


def test_a_token_of_another_app_is_not_taken(server: StandIn) -> None:
    data = sample("session_token_success")["data"] | {"api_key": "anotherkey000001"}
    server.will(says(200, {"status": "success", "data": data}))

    with pytest.raises(UnexpectedReply, match="another app"):
        zerodha(server).exchange(Secret(REQUEST_TOKEN))


@pytest.mark.parametrize("written", ["ab1234", "Ab1234", "AB1234"])
def test_the_user_id_may_be_written_in_small_letters(server: StandIn, written: str) -> None:
    server.will(says(200, sample("session_token_success")))
    ours = zerodha(server, Config(written, Secret(KEY), Secret(API_SECRET)))

    assert ours.exchange(Secret(REQUEST_TOKEN)).client_id == ours.client_id


@pytest.mark.parametrize(("answer", "error"), [(says(502, "<html>"), BrokerUnreachable), (hangs, BrokerUnreachable)])
def test_an_exchange_whose_outcome_is_unknown_is_not_tried_again(
    server: StandIn, answer: Any, error: type[BrokerError]
) -> None:
    server.will(answer)

    with pytest.raises(error) as caught:
        zerodha(server).exchange(Secret(REQUEST_TOKEN))

    assert server.saw(1)
    assert REQUEST_TOKEN not in everything_said(caught.value)


# What the admin sends.


def test_the_request_token_is_found_in_what_was_pasted(server: StandIn) -> None:
    consent = link(server)
    address = landed(consent)
    mirrored = f"{LANDING}?state={state_in(consent)}&request_token={REQUEST_TOKEN}&type=login&status=success"

    for pasted in (
        REQUEST_TOKEN,
        f"  {REQUEST_TOKEN}\n",
        address,
        mirrored,
        f"{address}#top",
        address.removeprefix("http://"),
        f"<{address}>",
        f"This site can't be reached {address}",
    ):
        assert zerodha(server).answer_in(Secret(pasted)).reveal() == REQUEST_TOKEN
    assert server.seen == []


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "hello",
        "👍" * 50,
        "x" * 5000,
        "123456",
        "908 172",
        "3f9b1c7e-0a44-4f1b-8a51-6a2f0d9e7c11",
        jwt(dhanClientId="1000000001"),
        "http://127.0.0.1:8723/dhan/?tokenId=3f9b1c7e-0a44-4f1b-8a51-6a2f0d9e7c11",
        "http://127.0.0.1/?auth_code=eyJhbGciOiJIUzI1NiJ9&s=ok",
        "http://127.0.0.1/?code=abcdef&state=1",
        "http://[::1/?request_token=a",
        f"http://127.0.0.1/?status=success&request_token={REQUEST_TOKEN}",
        f"http://127.0.0.1/?status=success&request_token={REQUEST_TOKEN}&state=%0d%0aSet-Cookie:x",
        "http://127.0.0.1/?" + "&".join(f"a{n}=1" for n in range(100)),
        f"http://a/?request_token={REQUEST_TOKEN} http://b/?request_token={REQUEST_TOKEN}",
        "https://kite.zerodha.com/connect/login?v=3&api_key=samplekey0000001",
    ],
)
def test_anything_else_is_refused_in_one_sentence_without_asking_anybody(server: StandIn, pasted: str) -> None:
    refused_in_one_sentence(zerodha(server).answer_in, pasted)

    assert server.seen == []


@pytest.mark.parametrize(
    "told",
    [
        {"status": "failed"},
        {"status": ""},
        {"request_token": "%00%0a"},
        {"request_token": f"{REQUEST_TOKEN}&request_token=another0token0of0somebody0else00"},
        {"state": ""},
        {"state": f"x&state={'0' * 32}"},
    ],
)
def test_an_address_that_was_tampered_with_is_refused(server: StandIn, told: dict[str, str]) -> None:
    with pytest.raises(ConsentRejected):
        zerodha(server).answer_in(Secret(landed(link(server), **told)))


def test_what_a_link_carries_is_found_in_the_address_after_the_login(server: StandIn) -> None:
    ours, address = zerodha(server), landed(link(server))

    for pasted in (address, f"{address}#top", f"This site can't be reached {address}"):
        assert ours.state_in(Secret(pasted)) == STATE
    for pasted in (REQUEST_TOKEN, "", "http://[::1/?state=a", f"{address}&state=another-state", "x" * 5000):
        assert ours.state_in(Secret(pasted)) is None


@pytest.mark.parametrize("address", ["{web}/connect/login?v=3&api_key=k", "{web}/connect/authorize", "{web}"])
def test_the_login_pages_own_address_is_answered_with_what_to_do(server: StandIn, address: str) -> None:
    with pytest.raises(ConsentRejected, match="log in there first"):
        zerodha(server).answer_in(Secret(address.format(web=server.url)))


def test_an_account_that_logs_in_by_itself_takes_nothing(server: StandIn) -> None:
    with pytest.raises(ConsentRejected, match="logs in by itself"):
        zerodha(server, UNOFFICIAL, "unofficial").answer_in(Secret(REQUEST_TOKEN))


# Ending a session, and what programs are given.


def test_a_session_is_ended_at_zerodha(server: StandIn) -> None:
    server.will(says(200, sample("session_token_delete_success")))

    zerodha(server).revoke(held())

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("DELETE", "/session/token")
    assert seen.query == {"api_key": KEY, "access_token": held().value.reveal()}
    assert Zerodha.revokes


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(403, sample("error_token_exception"), TokenRejected), (500, {}, BrokerUnreachable)],
)
def test_a_session_that_could_not_be_ended_is_told_without_its_token(
    server: StandIn, status: int, body: object, error: type[BrokerError]
) -> None:
    server.will(says(status, body))

    with pytest.raises(error) as caught:
        zerodha(server).revoke(held())

    assert len(server.seen) == 1
    assert held().value.reveal() not in everything_said(caught.value)


def test_programs_know_the_names(server: StandIn) -> None:
    ours = zerodha(server)

    assert ours.environment(held("tok")) == {"KITE_API_KEY": KEY, "KITE_ACCESS_TOKEN": "tok"}
    assert ours.headers(held("tok")) == {"X-Kite-Version": "3", "Authorization": f"token {KEY}:tok"}


def test_nothing_of_a_session_can_be_renewed_so_the_link_comes_again(server: StandIn) -> None:
    assert isinstance(zerodha(server).renew(held()), Consent)
    assert server.seen == []
