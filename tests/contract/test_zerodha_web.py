"""The web login, which is documented nowhere: what is sent, where it stops, and that it is one attempt."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import (
    AccessToken,
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    LoginRejected,
    NotEntitled,
    RateLimited,
    Secret,
    TotpSecret,
    UnexpectedReply,
    WrongClient,
)
from brokers._reply import Reply
from brokers.zerodha import Zerodha
from brokers.zerodha._web import _next
from tests.contract.stand_in import StandIn, everything_said, hangs, resets, says, stand_in
from tests.contract.test_zerodha import CLIENT, KEY, LANDING, NOW, REQUEST_TOKEN, SECRET, UNOFFICIAL, sample, zerodha
from tests.fakes import FakeClock

PAGE = "<!doctype html><title>Kite</title>"
CALLBACK = f"{LANDING}?action=login&type=login&status=success&request_token={REQUEST_TOKEN}"
LOGIN = says(200, sample("web_login_success"), Set_Cookie="kf_session=first; Path=/; HttpOnly")
TWOFA = says(200, sample("web_twofa_success"), Set_Cookie="enctoken=planted-enctoken==; Path=/")
SESSION = says(200, sample("session_token_success"))
PLANTED = ("planted-password", "planted-enctoken", SECRET, REQUEST_TOKEN, "Wl7sample", KEY)


def to(address: str) -> Any:
    return says(302, "", Location=address)


def ours(server: StandIn, clock: FakeClock | None = None) -> Zerodha:
    return zerodha(server, UNOFFICIAL, "unofficial", clock or FakeClock(NOW))


def finish(server: StandIn) -> str:
    (first, _) = sample("connect_redirect_chain")["already_authorised"]
    return str(first["location"]).replace("https://kite.zerodha.com", server.url)


def form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


def paths(server: StandIn) -> list[str]:
    return [seen.path for seen in server.seen]


def test_the_web_login_makes_the_pages_own_calls_with_one_set_of_cookies(server: StandIn) -> None:
    server.will(LOGIN, TWOFA, to(finish(server)), to(CALLBACK), SESSION)
    clock = FakeClock(NOW)

    token = ours(server, clock).login()

    assert isinstance(token, AccessToken)
    assert token.client_id == CLIENT
    assert paths(server) == ["/api/login", "/api/twofa", "/connect/login", "/connect/finish", "/session/token"]
    login, twofa, connect, finished, session = server.seen
    assert form(login.body) == {"user_id": CLIENT, "password": "planted-password"}
    assert form(twofa.body) == {
        "user_id": CLIENT,
        "request_id": sample("web_login_success")["data"]["request_id"],
        "twofa_value": TotpSecret.parse(SECRET).code_at(clock.now().timestamp()).reveal(),
        "twofa_type": "totp",
    }
    assert "cookie" not in login.headers
    assert twofa.headers["cookie"] == "kf_session=first"
    assert connect.headers["cookie"] == finished.headers["cookie"] == "kf_session=first; enctoken=planted-enctoken=="
    assert connect.query == {"v": "3", "api_key": KEY}
    assert "cookie" not in session.headers
    assert form(session.body) == sample("session_token_request_form")
    assert all("Mozilla" in seen.headers["user-agent"] for seen in server.seen[:-1])


def test_a_redirect_may_be_relative_and_its_parameters_in_any_order(server: StandIn) -> None:
    address = f"{LANDING}?request_token={REQUEST_TOKEN}&status=success&type=login"
    server.will(LOGIN, TWOFA, to("/connect/finish?sess_id=s&api_key=k"), to(address), SESSION)

    assert isinstance(ours(server).login(), AccessToken)


def test_the_registered_address_is_never_requested(server: StandIn) -> None:
    with stand_in() as registered:
        registered.will(says(200, "hello"))
        elsewhere = CALLBACK.replace("http://127.0.0.1:8723", registered.url)
        server.will(LOGIN, TWOFA, to(elsewhere), SESSION)

        with pytest.raises(LoginRejected, match="redirect_url") as caught:
            ours(server).login()

        assert registered.seen == []
    assert REQUEST_TOKEN not in everything_said(caught.value)
    assert paths(server) == ["/api/login", "/api/twofa", "/connect/login"]


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:8723/other?status=success&request_token=x1234567890",
        "http://127.0.0.1:8724/kite/callback?status=success&request_token=x1234567890",
        "https://127.0.0.1:8723/kite/callback?status=success&request_token=x1234567890",
        "http://127.0.0.1:8723@evil.example/kite/callback?status=success&request_token=x1234567890",
        "https://evil.example/connect/finish",
        "https://kite.zerodha.com.evil.example/connect/finish",
        "//evil.example/connect/finish",
        "\\\\evil.example/connect/finish",
        "javascript:alert(1)",
        "http://[::1",
        "",
    ],
)
def test_no_foreign_address_is_followed_and_no_token_taken_from_it(server: StandIn, location: str) -> None:
    server.will(LOGIN, TWOFA, to(location), SESSION)

    with pytest.raises(BrokerError) as caught:
        ours(server).login()

    assert type(caught.value) in (LoginRejected, UnexpectedReply)
    assert len(server.seen) in (3, 13)
    assert "/session/token" not in paths(server)
    assert "evil" not in everything_said(caught.value)


def test_redirects_in_a_circle_end(server: StandIn) -> None:
    server.will(LOGIN, TWOFA, to("/connect/login?round=1"))

    with pytest.raises(UnexpectedReply):
        ours(server).login()

    assert len(server.seen) <= 13


def test_at_the_first_time_consent_page_it_stops_and_says_what_to_do(server: StandIn) -> None:
    (first, _, _) = sample("connect_redirect_chain")["first_time_consent"]
    server.will(
        LOGIN, TWOFA, to(first["location"].replace("https://kite.zerodha.com", server.url)), says(200, PAGE), SESSION
    )

    with pytest.raises(NotEntitled, match="allow it there"):
        ours(server).login()

    assert paths(server)[-1] == "/connect/authorize"
    assert all(seen.method == "GET" for seen in server.seen[2:])


def test_a_login_that_did_not_take_is_told_as_a_change_of_the_page(server: StandIn) -> None:
    (first, _) = sample("connect_redirect_chain")["not_logged_in"]
    server.will(LOGIN, TWOFA, to(first["location"].replace("https://kite.zerodha.com", server.url)), says(200, PAGE))

    with pytest.raises(UnexpectedReply, match="changed"):
        ours(server).login()


@pytest.mark.parametrize("callback", [f"{LANDING}?status=failed", f"{LANDING}?status=failed&request_token=x12345678"])
def test_a_login_that_ends_without_a_request_token_is_over(server: StandIn, callback: str) -> None:
    server.will(LOGIN, TWOFA, to(callback))

    with pytest.raises(LoginRejected, match="without a request token"):
        ours(server).login()


def error(kind: str, message: str) -> dict[str, object]:
    return {"status": "error", "message": message, "data": None, "error_type": kind}


FIRST_STEP = [
    (403, sample("web_login_error_bad_password"), LoginRejected),
    (403, sample("web_login_error_blocked_inferred"), LoginRejected),
    (400, error("InputException", "Enter the captcha"), LoginRejected),
    (403, error("UserException", "Words nobody has seen"), LoginRejected),
    (200, error("UserException", "Words nobody has seen"), LoginRejected),
    (403, {}, LoginRejected),
    (401, {"message": "no"}, LoginRejected),
    (429, sample("error_rate_limited"), RateLimited),
    (503, sample("error_network_exception"), BrokerUnreachable),
    (500, sample("error_general_exception"), BrokerUnreachable),
    (502, PAGE, BrokerUnreachable),
    (200, PAGE, UnexpectedReply),
    (403, PAGE, UnexpectedReply),
    (200, "", UnexpectedReply),
    (200, [1], UnexpectedReply),
    (200, {"status": "success", "data": {}}, UnexpectedReply),
    (200, {"status": "success", "data": None}, UnexpectedReply),
]
SECOND_STEP = [
    (403, sample("web_twofa_error_invalid_totp"), CodeRejected),
    (403, sample("web_twofa_error_invalid_app_code"), CodeRejected),
    (400, sample("web_twofa_error_type_unavailable"), LoginRejected),
    (403, error("TwoFAException", "Invalid TOTP. 1 attempt remains"), LoginRejected),
    (403, sample("web_login_error_blocked_inferred"), LoginRejected),
    (403, error("TwoFAException", "Words nobody has seen"), LoginRejected),
    (429, sample("error_rate_limited"), RateLimited),
    (502, PAGE, BrokerUnreachable),
    (200, PAGE, UnexpectedReply),
]


@pytest.mark.parametrize(("status", "body", "expected"), FIRST_STEP)
def test_a_refused_password_ends_it(server: StandIn, status: int, body: object, expected: type[BrokerError]) -> None:
    server.will(says(status, body), TWOFA)

    with pytest.raises(expected) as caught:
        ours(server).login()

    assert type(caught.value) is expected
    assert paths(server) == ["/api/login"]


@pytest.mark.parametrize(("status", "body", "expected"), SECOND_STEP)
def test_a_refused_code_ends_it(server: StandIn, status: int, body: object, expected: type[BrokerError]) -> None:
    server.will(LOGIN, says(status, body), to(CALLBACK))

    with pytest.raises(expected) as caught:
        ours(server).login()

    assert type(caught.value) is expected
    assert paths(server) == ["/api/login", "/api/twofa"]


def test_after_a_refused_code_the_next_login_starts_anew_in_another_window(server: StandIn) -> None:
    refused = says(403, sample("web_twofa_error_invalid_totp"))
    server.will(LOGIN, refused, LOGIN, refused)
    account = ours(server)

    for _ in range(2):
        with pytest.raises(CodeRejected):
            account.login()

    assert paths(server) == ["/api/login", "/api/twofa"] * 2
    first, second = (form(seen.body)["twofa_value"] for seen in server.seen[1::2])
    assert first != second


def test_an_account_without_external_totp_is_told_so_and_no_code_is_spent(server: StandIn) -> None:
    server.will(says(200, sample("web_login_success_native_app_code")))

    with pytest.raises(LoginRejected, match="enable external TOTP"):
        ours(server).login()

    assert paths(server) == ["/api/login"]


def test_where_totp_is_one_of_several_types_it_is_taken(server: StandIn) -> None:
    begun = sample("web_login_success")
    begun["data"] |= {"twofa_type": "app_code"}
    server.will(says(200, begun), TWOFA, to(CALLBACK), SESSION)

    assert isinstance(ours(server).login(), AccessToken)


def test_another_users_login_goes_no_further(server: StandIn) -> None:
    begun = sample("web_login_success")
    begun["data"] |= {"user_id": "XY9876"}
    server.will(says(200, begun))

    with pytest.raises(WrongClient):
        ours(server).login()

    assert paths(server) == ["/api/login"]


def test_a_request_token_refused_at_once_is_not_asked_for_again(server: StandIn) -> None:
    server.will(LOGIN, TWOFA, to(CALLBACK), says(403, sample("session_token_error_invalid_or_expired")))

    with pytest.raises(LoginRejected, match="same app"):
        ours(server).login()

    assert len(server.seen) == 4


def test_an_unknown_api_key_is_told(server: StandIn) -> None:
    server.will(LOGIN, TWOFA, says(400, error("InputException", "Invalid `api_key`.")))

    with pytest.raises(LoginRejected, match="api_key"):
        ours(server).login()


@pytest.mark.parametrize("done", range(5))
@pytest.mark.parametrize("answer", [hangs, resets, says(502, PAGE)])
def test_a_break_in_any_step_is_one_attempt_and_says_nothing_secret(
    server: StandIn, done: int, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    steps = [LOGIN, TWOFA, to(finish(server)), to(CALLBACK), SESSION]
    server.will(*steps[:done], answer)

    with pytest.raises(BrokerUnreachable) as caught:
        ours(server).login()

    assert server.saw(done + 1)
    said = everything_said(caught.value) + caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert not any(secret in said for secret in PLANTED)


def test_a_cookie_that_would_spoil_the_header_is_left_out(server: StandIn) -> None:
    server.will(
        says(200, sample("web_login_success"), Set_Cookie='odd="two words"; Path=/'), TWOFA, to(CALLBACK), SESSION
    )

    ours(server).login()

    assert "cookie" not in server.seen[1].headers


@given(st.text(max_size=80) | st.sampled_from([CALLBACK, LANDING, "/connect/finish?a=b", "//x", "http://"]))
def test_no_redirect_makes_anything_but_a_request_token_or_one_of_our_errors(location: str) -> None:
    try:
        target = _next("https://kite.zerodha.com/connect/login", Reply("Zerodha", 302, None, b"", Secret(location)))
    except UnexpectedReply:
        return
    assert target.startswith(("http://", "https://"))
