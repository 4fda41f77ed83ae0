from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from brokers import (
    AccessToken,
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    Consent,
    ConsentRejected,
    LoginRejected,
    RateLimited,
    Secret,
    TotpSecret,
    UnexpectedReply,
    WrongClient,
)
from brokers.dhan import Config, Dhan, Pin
from tests.contract.samples import Samples
from tests.contract.stand_in import Seen, StandIn, account, everything_said, hangs, jwt, says, slowly
from tests.contract.suite import BrokerContract, CodeContract, refused_in_one_sentence
from tests.fakes import FakeClock

ISSUED = datetime(2026, 11, 16, 2, 35, 12, tzinfo=UTC)
"""As the tokens of the samples say."""
NOW = ISSUED + timedelta(seconds=3)
CLIENT = "1000000001"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
AUTO = Config(CLIENT, Pin("908172"), TotpSecret.parse(SECRET))
ASSISTED = Config(CLIENT, api_key=Secret("planted-key"), api_secret=Secret("planted-secret"))
TOKEN_ID = "3f9b1c7e-0a44-4f1b-8a51-6a2f0d9e7c11"


SAMPLES = Samples("dhan")
sample = SAMPLES.body


def token_of(client: str, *, kind: str = "SELF", issued: datetime = ISSUED, days: int = 1) -> str:
    expires = issued + timedelta(days=days)
    return jwt(
        iss="dhan",
        dhanClientId=client,
        tokenConsumerType=kind,
        iat=int(issued.timestamp()),
        exp=int(expires.timestamp()),
    )


def held(value: str = "", *, renewable: bool = True) -> AccessToken:
    return AccessToken(
        Secret(value or token_of(CLIENT)), CLIENT, ISSUED, ISSUED + timedelta(hours=24), renewable=renewable
    )


def dhan(server: StandIn, config: Config = AUTO, way: str = "auto", clock: FakeClock | None = None) -> Dhan:
    made: Dhan = account(Dhan, config, server, clock or FakeClock(NOW), way=way)
    return made


class TestDhan(CodeContract, BrokerContract):
    broker = Dhan
    config = AUTO
    secrets = ("908172", SECRET, sample("generate_access_token_success")["accessToken"])
    now = NOW
    path = "/app/generateAccessToken"
    granted = sample("generate_access_token_success")
    client = CLIENT
    other = "1000000002"
    undated: ClassVar = {"dhanClientId": CLIENT, "accessToken": "opaque"}
    another_client: ClassVar = {"dhanClientId": "1000000002", "accessToken": token_of("1000000002", kind="APP")}
    refused: ClassVar = [
        (200, sample("generate_access_token_error_invalid_pin"), LoginRejected),
        (200, sample("generate_access_token_error_invalid_totp"), CodeRejected),
        (200, sample("generate_access_token_error_rate_limited"), RateLimited),
        (200, sample("generate_access_token_error_blocked_inferred"), LoginRejected),
        (200, sample("generate_access_token_error_login_failed"), LoginRejected),
        (400, sample("generate_access_token_error_missing_param_inferred"), LoginRejected),
        (200, {"message": "Words nobody has seen", "status": "error"}, LoginRejected),
        (200, {"message": "Blocked for 30 minutes: wrong PIN", "status": "error"}, LoginRejected),
        (200, [{"message": "Invalid Pin", "status": "ERROR"}], LoginRejected),
        (500, {"message": "Invalid Pin", "status": "error"}, LoginRejected),
        (500, {"message": "Connection of a client was lost", "status": "error"}, BrokerUnreachable),
    ]
    dead = 400, sample("error_dh906_invalid_token")
    wrong_code = 200, sample("generate_access_token_error_invalid_totp")

    def code_in(self, seen: Seen) -> str:
        return seen.query["totp"]


# The automatic login.


def test_the_login_sends_what_dhan_documents(server: StandIn) -> None:
    server.will(says(200, sample("generate_access_token_success")))
    clock = FakeClock(NOW)

    dhan(server, clock=clock).login()

    (seen,) = server.seen
    code = TotpSecret.parse(SECRET).code_at(clock.now().timestamp()).reveal()
    assert (seen.method, seen.body) == ("POST", b"")
    assert seen.query == {"dhanClientId": CLIENT, "pin": "908172", "totp": code}


def test_the_token_itself_says_when_it_expires(server: StandIn) -> None:
    server.will(says(200, sample("generate_access_token_success") | {"expiryTime": "2026-11-17T02:35:12"}))

    token = dhan(server).login()

    assert isinstance(token, AccessToken)
    assert (token.issued_at, token.expires_at) == (ISSUED, ISSUED + timedelta(hours=24))
    assert not token.renewable


@pytest.mark.parametrize("fraction", ["", ".3", ".345", ".345678"])
def test_a_token_that_cannot_be_read_expires_by_the_naive_time_in_ist(server: StandIn, fraction: str) -> None:
    answer = {"dhanClientId": CLIENT, "accessToken": "opaque", "expiryTime": f"2026-11-17T08:05:12{fraction}"}
    server.will(says(200, answer))

    token = dhan(server).login()

    assert isinstance(token, AccessToken)
    assert token.expires_at.replace(microsecond=0) == datetime(2026, 11, 17, 2, 35, 12, tzinfo=UTC)


def test_without_any_word_on_expiry_the_rule_holds(server: StandIn) -> None:
    server.will(says(200, {"dhanClientId": CLIENT, "accessToken": "opaque", "expiryTime": "soon"}))
    clock = FakeClock(NOW)

    token = dhan(server, clock=clock).login()

    assert isinstance(token, AccessToken)
    assert token.expires_at == clock.now() + timedelta(hours=24)


def test_an_answer_that_names_two_clients_is_refused(server: StandIn) -> None:
    server.will(says(200, {"dhanClientId": CLIENT, "accessToken": token_of("1000000002")}))

    with pytest.raises(WrongClient):
        dhan(server).login()


@pytest.mark.parametrize("value", [5, None, "", "two words", "line\nbreak", "ключ"])
def test_an_access_token_that_could_not_be_sent_is_no_token(server: StandIn, value: object) -> None:
    server.will(says(200, {"dhanClientId": CLIENT, "accessToken": value}))

    with pytest.raises(UnexpectedReply):
        dhan(server).login()


def test_the_two_minutes_are_told(server: StandIn) -> None:
    server.will(says(200, sample("generate_access_token_error_rate_limited")))

    with pytest.raises(RateLimited) as caught:
        dhan(server).login()

    assert caught.value.retry_after == 130
    assert Dhan.login_gap >= timedelta(seconds=125)


# The login by consent.


def test_a_consent_is_a_link_to_dhans_page(server: StandIn) -> None:
    server.will(says(200, sample("generate_consent_success")))

    consent = dhan(server, ASSISTED, "assisted").login()

    (seen,) = server.seen
    assert isinstance(consent, Consent)
    assert consent.url == f"{server.url}/login/consentApp-login?consentAppId=5b0f6a52-3c1d-4c8e-9a77-1f2e3d4c5b6a"
    assert (seen.method, seen.path, seen.query) == ("POST", "/app/generate-consent", {"client_id": CLIENT})
    assert (seen.headers["app_id"], seen.headers["app_secret"]) == ("planted-key", "planted-secret")
    assert not consent.asks_totp


def test_the_page_asks_for_a_code_where_a_secret_is_configured(server: StandIn) -> None:
    server.will(says(200, sample("generate_consent_success")))
    config = Config(CLIENT, None, TotpSecret.parse(SECRET), Secret("k"), Secret("s"))

    consent = dhan(server, config, "assisted").login()

    assert isinstance(consent, Consent)
    assert consent.asks_totp


@pytest.mark.parametrize("bad", ["../x?y=1", "a b", "", "x" * 500, '"><script>'])
def test_a_consent_id_that_is_none_makes_no_link(server: StandIn, bad: str) -> None:
    server.will(says(200, {"consentAppId": bad, "status": "success"}))

    with pytest.raises(UnexpectedReply):
        dhan(server, ASSISTED, "assisted").login()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, sample("generate_consent_error_bad_app_inferred"), LoginRejected),
        (429, sample("generate_consent_error_daily_cap_inferred"), RateLimited),
        (500, {}, BrokerUnreachable),
    ],
)
def test_a_consent_that_is_refused_is_not_asked_for_again(
    server: StandIn, status: int, body: object, error: type[BrokerError]
) -> None:
    server.will(says(status, body))

    with pytest.raises(error):
        dhan(server, ASSISTED, "assisted").login()

    assert len(server.seen) == 1


def test_a_key_that_no_header_can_hold_is_told_without_a_request_and_without_the_key(server: StandIn) -> None:
    config = Config(CLIENT, api_key=Secret("пароль"), api_secret=Secret("planted\nsecret"))

    with pytest.raises(LoginRejected) as caught:
        dhan(server, config, "assisted").login()

    assert server.seen == []
    assert "пароль" not in everything_said(caught.value)
    assert "planted" not in everything_said(caught.value)


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("body", ["<html>no such page</html>", {"status": 404, "error": "Not Found"}])
def test_a_token_id_is_exchanged_with_get_then_once_with_post(server: StandIn, status: int, body: object) -> None:
    server.will(says(status, body), says(200, sample("consume_app_consent_success")))

    token = dhan(server, ASSISTED, "assisted").exchange(Secret(TOKEN_ID))

    assert token.client_id == CLIENT
    assert [(seen.method, seen.query["tokenId"]) for seen in server.seen] == [("GET", TOKEN_ID), ("POST", TOKEN_ID)]
    assert all(seen.headers["app_secret"] == "planted-secret" for seen in server.seen)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (says(400, sample("consume_app_consent_error_token_id_inferred")), ConsentRejected),
        (says(400, {"message": "Words nobody has seen", "status": "error"}), ConsentRejected),
        (says(401, {"message": "Invalid app credentials", "status": "error"}), LoginRejected),
        (says(502, "<html>"), BrokerUnreachable),
        (hangs, BrokerUnreachable),
    ],
)
def test_a_used_token_id_is_not_tried_again(server: StandIn, answer: Any, error: type[BrokerError]) -> None:
    server.will(answer)

    with pytest.raises(error) as caught:
        dhan(server, ASSISTED, "assisted").exchange(Secret(TOKEN_ID))

    assert server.saw(1)
    assert TOKEN_ID not in everything_said(caught.value)
    assert "planted" not in everything_said(caught.value)


@pytest.mark.parametrize("ask", [lambda ours: ours.exchange(Secret(TOKEN_ID)), lambda ours: ours.renew(held())])
def test_an_exchanged_or_renewed_token_without_a_time_is_as_old_as_the_question_for_it(
    server: StandIn, ask: Callable[[Dhan], AccessToken]
) -> None:
    clock, asked_at = FakeClock(NOW), list[datetime]()
    server.will(slowly(clock, says(200, TestDhan.undated), asked_at))

    token = ask(dhan(server, ASSISTED, "assisted", clock))

    assert [token.issued_at] == asked_at
    assert token.expires_at == NOW + timedelta(hours=24)


# What the admin sends.


@pytest.mark.parametrize(
    "pasted",
    [
        TOKEN_ID,
        f"  {TOKEN_ID}\n",
        TOKEN_ID.upper(),
        sample("consent_login_redirect")["location"],
        f"http://127.0.0.1:8723/?tokenId={TOKEN_ID}",
        f"http://127.0.0.1:8723?tokenId={TOKEN_ID}",
        f"https://example.com/callback?state=1&tokenId={TOKEN_ID}#top",
        f"127.0.0.1:8723/dhan/callback/?tokenId={TOKEN_ID}",
        f"<http://127.0.0.1/?tokenId={TOKEN_ID}>",
        f"This site can't be reached http://127.0.0.1/?tokenId={TOKEN_ID}",
    ],
)
def test_the_token_id_is_found_in_what_was_pasted(server: StandIn, pasted: str) -> None:
    found = dhan(server, ASSISTED, "assisted").answer_in(Secret(pasted))

    assert found.reveal().lower() == TOKEN_ID
    assert server.seen == []


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "hello",
        "👍" * 50,
        "x" * 5000,
        "123456",
        "https://auth.dhan.co/login/consentApp-login?consentAppId=5b0f6a52-3c1d-4c8e-9a77-1f2e3d4c5b6a",
        "http://127.0.0.1/?request_token=abcdefghijklmnopqrstuvwxyz123456&status=success",
        "http://127.0.0.1/?auth_code=eyJhbGciOiJIUzI1NiJ9&s=ok",
        "http://[::1/?a=b",
        f"http://127.0.0.1/?tokenId={TOKEN_ID}&tokenId=another-token-id",
        f"http://a/?tokenId={TOKEN_ID} http://b/?tokenId={TOKEN_ID}",
        "http://127.0.0.1/?tokenId=",
        "http://127.0.0.1/?tokenId=%00%0a",
        "http://127.0.0.1/?" + "&".join(f"a{n}=1" for n in range(100)),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzb21lYm9keSJ9.c2ln",
        "eyJ.eyJ.eyJ",
        token_of("1000000002"),
        token_of(CLIENT, issued=ISSUED - timedelta(days=3)),
    ],
)
def test_anything_else_is_refused_in_one_sentence_without_asking_anybody(server: StandIn, pasted: str) -> None:
    refused_in_one_sentence(dhan(server, ASSISTED, "assisted").answer_in, pasted)

    assert server.seen == []


@pytest.mark.parametrize("address", ["{auth}/login/consentApp-login?consentAppId=5b0f6a52", "{auth}/login"])
def test_the_login_pages_own_address_is_answered_with_what_to_do(server: StandIn, address: str) -> None:
    with pytest.raises(ConsentRejected, match="log in there first"):
        dhan(server, ASSISTED, "assisted").answer_in(Secret(address.format(auth=server.url)))


@pytest.mark.parametrize(("config", "way"), [(ASSISTED, "assisted"), (AUTO, "auto")])
def test_a_token_made_on_dhan_web_is_taken_without_a_request(server: StandIn, config: Config, way: str) -> None:
    ours = dhan(server, config, way)

    token = ours.exchange(ours.answer_in(Secret(token_of(CLIENT))))

    assert (token.client_id, token.expires_at) == (CLIENT, ISSUED + timedelta(hours=24))
    assert token.renewable
    assert server.seen == []


@pytest.mark.parametrize("claims", ["foreign", "expired"])
def test_a_token_that_cannot_be_ours_is_refused_without_a_request(server: StandIn, claims: str) -> None:
    foreign, expired = token_of("1000000002"), token_of(CLIENT, issued=ISSUED - timedelta(days=2))

    with pytest.raises(ConsentRejected):
        dhan(server, ASSISTED, "assisted").exchange(Secret(foreign if claims == "foreign" else expired))

    assert server.seen == []


def test_an_account_that_logs_in_by_itself_takes_no_token_id(server: StandIn) -> None:
    with pytest.raises(ConsentRejected, match="logs in by itself"):
        dhan(server).answer_in(Secret(TOKEN_ID))


# Renewing.


def test_a_token_made_by_hand_is_renewed_with_get(server: StandIn) -> None:
    server.will(says(200, sample("renew_token_success")))

    token = dhan(server).renew(held())

    (seen,) = server.seen
    assert isinstance(token, AccessToken)
    assert token.expires_at == datetime(2026, 11, 17, 15, 35, 12, tzinfo=UTC)
    assert token.renewable
    assert (seen.method, seen.path) == ("GET", "/RenewToken")
    assert (seen.headers["access-token"], seen.headers["dhanclientid"]) == (token_of(CLIENT), CLIENT)


def test_a_renewed_token_is_read_from_the_other_name_too(server: StandIn) -> None:
    server.will(says(200, {"token": token_of(CLIENT)}))

    token = dhan(server).renew(held())

    assert isinstance(token, AccessToken)
    assert token.client_id == CLIENT


@pytest.mark.parametrize(
    "refusal",
    [
        (500, sample("renew_token_error_token_type")),
        (500, sample("renew_token_error_token_type") | {"errorType": "INVALID_REQUEST"}),
        (401, sample("renew_token_error_expired_inferred")),
        (400, sample("error_dh906_invalid_token")),
    ],
)
def test_where_renewing_is_refused_the_configured_way_is_gone(server: StandIn, refusal: tuple[int, object]) -> None:
    server.will(says(*refusal), says(200, sample("generate_access_token_success")))

    token = dhan(server).renew(held())

    assert isinstance(token, AccessToken)
    assert [seen.path for seen in server.seen] == ["/RenewToken", "/app/generateAccessToken"]


@pytest.mark.parametrize("token", [held(renewable=False), held()])
def test_what_cannot_be_renewed_is_not_tried(server: StandIn, token: AccessToken) -> None:
    server.will(says(200, sample("generate_access_token_success")))
    clock = FakeClock(NOW if not token.renewable else token.expires_at)

    dhan(server, clock=clock).renew(token)

    assert [seen.path for seen in server.seen] == ["/app/generateAccessToken"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (says(503, "<html>"), BrokerUnreachable),
        (hangs, BrokerUnreachable),
        (says(400, sample("renew_token_error_wrong_verb")), UnexpectedReply),
        (says(429, sample("error_dh904_rate_limit")), RateLimited),
    ],
)
def test_a_renewal_whose_outcome_is_unknown_is_neither_repeated_nor_followed_by_a_login(
    server: StandIn, answer: Any, error: type[BrokerError]
) -> None:
    server.will(answer)

    with pytest.raises(error):
        dhan(server).renew(held())

    assert server.saw(1)
