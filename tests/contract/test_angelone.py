from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from brokers import (
    IST,
    AccessToken,
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    Consent,
    ConsentRejected,
    LoginRejected,
    NotEntitled,
    NotSupported,
    RateLimited,
    Secret,
    TotpSecret,
    UnexpectedReply,
)
from brokers.angelone import AngelOne, Config, Pin
from tests.contract.samples import Samples
from tests.contract.stand_in import Handler, Seen, StandIn, account, everything_said, hangs, jwt, says
from tests.contract.suite import BrokerContract, CodeContract, refused_in_one_sentence
from tests.fakes import FakeClock

NOW = datetime(2026, 11, 20, 3, 15, 12, tzinfo=UTC)
"""A quarter to nine in India."""
MIDNIGHT = datetime(2026, 11, 21, tzinfo=IST)
CLIENT = "T100042"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
KEY = "planted-key"
AUTO = Config(CLIENT, Secret(KEY), Pin("4821"), TotpSecret.parse(SECRET))
TYPED = Config(CLIENT, Secret(KEY), Pin("4821"))
LOGIN, RENEWAL = "/rest/auth/angelbroking/user/v1/loginByPassword", "/rest/auth/angelbroking/jwt/v1/generateTokens"
LOGOUT, PROFILE = "/rest/secure/angelbroking/user/v1/logout", "/rest/secure/angelbroking/user/v1/getProfile"
GIVEN = ("jwtToken", "refreshToken", "feedToken")


SAMPLES = Samples("angelone")
sample = SAMPLES.body


def no(message: str, code: str = "") -> dict[str, object]:
    return {"status": False, "message": message, "errorcode": code, "data": None}


def granted_to(client: str = CLIENT, **changed: object) -> dict[str, object]:
    data = sample("login_ok_no_state")["data"] | {"jwtToken": jwt(username=client, usertype="USER")} | changed
    return {"status": True, "message": "SUCCESS", "errorcode": "", "data": data}


def held(*, refresh_token: str | None = "held-refresh") -> AccessToken:
    extra = {"feed_token": Secret("held-feed")}
    if refresh_token is not None:
        extra["refresh_token"] = Secret(refresh_token)
    return AccessToken(
        Secret("held-token"), CLIENT, NOW, MIDNIGHT.astimezone(UTC), renewable=refresh_token is not None, extra=extra
    )


def angel(server: StandIn, config: Config = AUTO, clock: FakeClock | None = None) -> AngelOne:
    way = "auto" if config.totp_secret else "assisted"
    made: AngelOne = account(AngelOne, config, server, clock or FakeClock(NOW), way=way)
    return made


def body_of(seen: Seen) -> Any:
    return json.loads(seen.body)


class TestAngelOne(CodeContract, BrokerContract):
    broker = AngelOne
    config = AUTO
    # Four digits turn up by chance in any log; in quotes they do not.
    secrets = ('"4821"', "'4821'", SECRET, KEY, *(sample("login_ok_no_state")["data"][name] for name in GIVEN))
    now = NOW
    path = LOGIN
    granted = sample("login_ok_no_state")
    client = CLIENT
    other = "T100043"
    undated = granted_to(jwtToken="opaque-token")
    another_client = granted_to("T100043")
    refused: ClassVar = [
        (200, sample("login_err_totp_AB1050"), CodeRejected),
        (200, sample("login_err_credentials_AB1007"), LoginRejected),
        (200, sample("login_err_credentials_AB1007_string_status"), LoginRejected),
        (200, sample("login_err_blocked_AB1007"), LoginRejected),
        (200, sample("login_err_use_mpin_AB7001"), LoginRejected),
        (200, sample("login_err_api_key_AG8004"), LoginRejected),
        (200, no("AMX Error", "AB1007"), LoginRejected),
        (200, no("Words nobody has seen"), LoginRejected),
        (200, no("", "AB9999"), LoginRejected),
        (200, {"success": False, "message": "", "errorCode": "AB1050", "data": ""}, CodeRejected),
        (200, no("Account locked: wrong PIN too often, try after 30 minutes", "AB1007"), LoginRejected),
        (403, no("Invalid MPIN", "AB1007"), LoginRejected),
        (500, no("Invalid totp", "AB1050"), CodeRejected),
        (500, no("Words nobody has seen"), BrokerUnreachable),
        (200, sample("secure_err_invalid_token_AG8001"), BrokerUnreachable),
        (200, sample("login_err_generic_AB1004"), BrokerUnreachable),
        (403, sample("secure_err_rate_AB1021"), RateLimited),
        (403, "Access denied because of exceeding access rate", RateLimited),
    ]
    dead = 200, sample("secure_err_invalid_token_AG8001")
    wrong_code = 200, sample("login_err_totp_AB1050")

    def code_in(self, seen: Seen) -> str:
        return str(body_of(seen)["totp"])


# The automatic login.


def test_the_login_sends_what_angel_one_documents(server: StandIn) -> None:
    server.will(says(200, sample("login_ok_no_state")))
    clock = FakeClock(NOW)

    angel(server, clock=clock).login()

    (seen,) = server.seen
    code = TotpSecret.parse(SECRET).code_at(clock.now().timestamp()).reveal()
    assert (seen.method, seen.query) == ("POST", {})
    assert body_of(seen) == {"clientcode": CLIENT, "password": "4821", "totp": code}
    assert body_of(seen).keys() == sample("req_login").keys() - {"state"}
    assert {name.lower() for name in sample("req_headers_login")} <= seen.headers.keys()
    assert seen.headers["x-privatekey"] == KEY
    assert seen.headers["content-type"] == "application/json"
    assert "authorization" not in seen.headers


def test_a_token_ends_at_midnight_whatever_it_says_of_itself(server: StandIn) -> None:
    server.will(says(200, granted_to(jwtToken=jwt(username=CLIENT, exp=1_894_882_912))))

    token = angel(server).login()

    assert isinstance(token, AccessToken)
    assert token.expires_at == MIDNIGHT


def test_of_a_login_across_midnight_the_token_ends_at_once(server: StandIn) -> None:
    clock = FakeClock(MIDNIGHT.astimezone(UTC) - timedelta(seconds=10))

    def slowly(handler: Handler) -> None:
        clock.go(20)
        says(200, sample("login_ok"))(handler)

    server.will(slowly)

    token = angel(server, TYPED, clock).exchange(Secret("123456"))

    assert token.expires_at == MIDNIGHT
    assert token.expires_at < clock.now()


def test_with_the_token_come_what_streams_and_renewals_need(server: StandIn) -> None:
    server.will(says(200, sample("login_ok")))
    data = sample("login_ok")["data"]

    token = angel(server).login()

    assert isinstance(token, AccessToken)
    assert token.renewable
    assert {name: secret.reveal() for name, secret in token.extra.items()} == {
        "refresh_token": data["refreshToken"],
        "feed_token": data["feedToken"],
    }


@pytest.mark.parametrize("feed", ["1234567", 1_234_567])
def test_an_older_accounts_short_feed_token_is_taken(server: StandIn, feed: object) -> None:
    server.will(says(200, granted_to(feedToken=feed, refreshToken=None)))

    token = angel(server).login()

    assert isinstance(token, AccessToken)
    assert token.extra == {"feed_token": Secret("1234567")}
    assert not token.renewable


def test_a_token_that_is_called_bearer_is_not_called_so_twice(server: StandIn) -> None:
    value = jwt(username=CLIENT)
    server.will(says(200, granted_to(jwtToken=f"Bearer {value}")))
    ours = angel(server)

    token = ours.login()

    assert isinstance(token, AccessToken)
    assert token.value == Secret(value)
    assert ours.headers(token)["Authorization"] == f"Bearer {value}"


@pytest.mark.parametrize("value", ["opaque", jwt(roles=0), jwt(username=["x"]), jwt(username="t100042")])
def test_whose_a_token_is_that_does_not_say_so_is_left_to_the_profile(server: StandIn, value: str) -> None:
    server.will(says(200, granted_to(jwtToken=value)))

    token = angel(server).login()

    assert isinstance(token, AccessToken)
    assert token.client_id == CLIENT


@pytest.mark.parametrize("data", [None, "", [], {}, {"jwtToken": ""}, {"jwtToken": "two words"}, {"jwtToken": "ключ"}])
def test_a_login_without_a_token_that_could_be_sent_is_no_login(server: StandIn, data: object) -> None:
    server.will(says(200, {"status": True, "message": "SUCCESS", "errorcode": "", "data": data}))

    with pytest.raises(UnexpectedReply):
        angel(server).login()


def test_a_client_code_is_sent_and_compared_in_capitals(server: StandIn) -> None:
    server.will(says(200, sample("login_ok")))
    ours = angel(server, Config("t100042", Secret(KEY), Pin("4821"), TotpSecret.parse(SECRET)))

    token = ours.login()

    assert body_of(server.seen[0])["clientcode"] == CLIENT
    assert isinstance(token, AccessToken)
    assert token.client_id == ours.client_id == CLIENT


@pytest.mark.parametrize("pin", ["", "123", "12345", "abcd", "١٢٣٤", "my-Old-Passw0rd", "1234\n"])
def test_a_pin_of_anything_but_four_digits_is_found_before_any_login(pin: str) -> None:
    with pytest.raises(ValueError, match="four digits"):
        Pin(pin)


# The typed code.


def test_without_a_totp_secret_the_six_digits_are_asked_for_without_a_request(server: StandIn) -> None:
    consent = angel(server, TYPED).login()

    assert consent == Consent(None, "the six digits of your authenticator app")
    assert server.seen == []


@pytest.mark.parametrize("pasted", ["503917", " 503917\n", "503 917", "50 39 17", "503\u00a0917"])
def test_six_digits_are_taken_however_they_are_grouped_and_sent_once(server: StandIn, pasted: str) -> None:
    server.will(says(200, sample("login_ok")))
    ours = angel(server, TYPED)

    token = ours.exchange(ours.answer_in(Secret(pasted)))

    (seen,) = server.seen
    assert body_of(seen) == {"clientcode": CLIENT, "password": "4821", "totp": "503917"}
    assert (token.client_id, token.expires_at) == (CLIENT, MIDNIGHT)


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "hello",
        "50391",
        "5039171",
        "503-917",
        "٥٠٣٩١٧",
        "code 503917",
        SECRET,
        "x" * 5000,
        "https://smartapi.angelone.in/publisher-login?api_key=planted",
        "https://trader.example/?auth_token=eyJhbGciOiJIUzUxMiJ9&feed_token=1",
        "http://127.0.0.1/?request_token=abcdefghijklmnopqrstuvwxyz123456&status=success",
        "http://127.0.0.1/?tokenId=3f9b1c7e-0a44-4f1b-8a51-6a2f0d9e7c11",
        "https://example.com/503917",
        sample("login_ok")["data"]["jwtToken"],
    ],
)
def test_anything_else_is_refused_in_one_sentence_without_asking_anybody(server: StandIn, pasted: str) -> None:
    refused_in_one_sentence(angel(server, TYPED).answer_in, pasted, "six digits of your authenticator app")

    assert server.seen == []


def test_an_account_that_logs_in_by_itself_takes_no_code(server: StandIn) -> None:
    with pytest.raises(ConsentRejected, match="logs in by itself"):
        angel(server).answer_in(Secret("503917"))


def test_a_refused_typed_code_counts_as_one_and_is_not_in_the_error(server: StandIn) -> None:
    typed = "503917"
    server.will(says(200, sample("login_err_totp_AB1050")))

    with pytest.raises(CodeRejected) as caught:
        angel(server, TYPED).exchange(Secret(typed))

    assert typed not in everything_said(caught.value)
    assert caught.value.hint == "was it this account's, and did your app still show it when you sent it?"
    assert len(server.seen) == 1


# Renewing.


def test_a_live_token_is_renewed_with_its_refresh_token_and_replaced_whole(server: StandIn) -> None:
    server.will(says(200, sample("generate_tokens_ok")))
    clock = FakeClock(NOW + timedelta(hours=2))
    data = sample("generate_tokens_ok")["data"]

    token = angel(server, clock=clock).renew(held())

    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", RENEWAL)
    assert body_of(seen) == {"refreshToken": "held-refresh"}
    assert body_of(seen).keys() == sample("req_generate_tokens").keys()
    assert seen.headers["authorization"] == "Bearer held-token"
    assert {name.lower() for name in sample("req_headers_authenticated")} <= seen.headers.keys()
    assert isinstance(token, AccessToken)
    assert (token.client_id, token.issued_at, token.expires_at) == (CLIENT, NOW + timedelta(hours=2), MIDNIGHT)
    assert token.value.reveal() == data["jwtToken"]
    assert token.extra["refresh_token"].reveal() == data["refreshToken"]


REFUSED_RENEWALS = [
    sample("generate_tokens_err_invalid_AB8050"),
    sample("generate_tokens_err_expired_AB8051"),
    sample("login_err_generic_AB1004"),
    sample("secure_err_invalid_token_AG8001"),
    sample("secure_err_not_logged_in_AB1011"),
    no("Words nobody has seen", "AB9999"),
]


@pytest.mark.parametrize("refusal", [*((200, body) for body in REFUSED_RENEWALS), (401, "")])
def test_where_renewing_is_refused_it_logs_in_once(server: StandIn, refusal: tuple[int, object]) -> None:
    server.will(says(*refusal), says(200, sample("login_ok")))

    token = angel(server).renew(held())

    assert isinstance(token, AccessToken)
    assert [seen.path for seen in server.seen] == [RENEWAL, LOGIN]


def test_where_renewing_is_refused_the_admin_is_asked_for_a_code_if_there_is_no_secret(server: StandIn) -> None:
    server.will(says(200, sample("generate_tokens_err_expired_AB8051")))

    assert isinstance(angel(server, TYPED).renew(held()), Consent)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (says(503, "<html>"), BrokerUnreachable),
        (says(503, no("Service unavailable")), BrokerUnreachable),
        (hangs, BrokerUnreachable),
        (says(200, ""), UnexpectedReply),
        (says(429, {}), RateLimited),
        (says(403, "Access denied because of exceeding rate limit"), RateLimited),
        (says(200, sample("login_err_api_key_AG8004")), LoginRejected),
        (says(200, sample("login_err_blocked_AB1006")), NotEntitled),
    ],
)
def test_a_renewal_whose_outcome_is_unknown_or_final_is_neither_repeated_nor_followed_by_a_login(
    server: StandIn, answer: Any, error: type[BrokerError]
) -> None:
    server.will(answer)

    with pytest.raises(error) as caught:
        angel(server).renew(held())

    assert type(caught.value) is error
    assert server.saw(1)
    assert "held-" not in everything_said(caught.value)


@pytest.mark.parametrize("token", [held(refresh_token=None), held()])
def test_what_cannot_be_renewed_is_not_tried(server: StandIn, token: AccessToken) -> None:
    server.will(says(200, sample("login_ok")))
    clock = FakeClock(token.expires_at if token.renewable else NOW)

    angel(server, clock=clock).renew(token)

    assert [seen.path for seen in server.seen] == [LOGIN]


# Logging out.


def test_a_logout_ends_the_token_and_is_looked_after(server: StandIn) -> None:
    server.will(says(200, sample("logout_ok")), says(200, sample("secure_err_invalid_token_AG8001")))

    angel(server).revoke(held())

    out, look = server.seen
    assert (out.method, out.path, body_of(out)) == ("POST", LOGOUT, sample("req_logout"))
    assert (look.method, look.path) == ("GET", PROFILE)
    assert AngelOne.revokes


def test_a_logout_that_did_not_end_the_token_is_told(server: StandIn) -> None:
    server.will(says(200, sample("logout_ok")), says(200, sample("profile_ok")))

    with pytest.raises(NotSupported, match="goes on working"):
        angel(server).revoke(held())


def test_a_logout_that_was_refused_is_told(server: StandIn) -> None:
    server.will(says(200, sample("login_err_generic_AB1004")))

    with pytest.raises(BrokerUnreachable):
        angel(server).revoke(held())

    assert len(server.seen) == 1


# For programs.


def test_programs_get_what_smart_connect_and_its_sockets_ask_for(server: StandIn) -> None:
    assert angel(server).environment(held()) == {
        "ANGELONE_API_KEY": KEY,
        "ANGELONE_CLIENT_CODE": CLIENT,
        "ANGELONE_ACCESS_TOKEN": "held-token",
        "ANGELONE_REFRESH_TOKEN": "held-refresh",
        "ANGELONE_FEED_TOKEN": "held-feed",
    }


def test_the_headers_are_all_that_a_request_needs(server: StandIn) -> None:
    headers = angel(server).headers(held())

    assert headers.keys() == sample("req_headers_authenticated").keys()
    assert headers["Authorization"] == "Bearer held-token"


def test_a_secret_never_stands_in_an_address(server: StandIn) -> None:
    server.will(says(200, sample("profile_ok")))

    angel(server).profile(held())

    assert server.seen[0].query == {}
