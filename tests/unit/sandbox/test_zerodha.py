"""The stand-in for Zerodha behaves as its contract says."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from bot.sandbox import Sandbox
from bot.sandbox.zerodha import LANDING, Zerodha

IST = timezone(timedelta(hours=5, minutes=30))
CLIENT, PASSWORD, SEED = "AB1234", "right horse", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY, API_SECRET = "key0000000000001", "secret0000000000000000000000001a"
INCORRECT = (403, "TokenException", "Incorrect `api_key` or `access_token`.")


@pytest.fixture
def kite(sandbox: Sandbox) -> Zerodha:
    sandbox.clock.freeze()
    sandbox.clock.set(datetime(2026, 11, 16, 8, 3, 27, tzinfo=IST))
    found = sandbox.brokers["zerodha"]
    assert isinstance(found, Zerodha)
    found.add_client(CLIENT, PASSWORD, SEED)
    found.add_app(KEY, API_SECRET)
    return found


class Browser(requests.Session):
    """Keeps cookies and follows nothing by itself."""

    def __init__(self, kite: Zerodha) -> None:
        super().__init__()
        self.kite = kite
        self.trust_env = False

    def submit(self, path: str, **form: str) -> requests.Response:
        url = f"{self.kite.endpoints()['web']}{path}"
        return self.post(url, data=form, timeout=5, allow_redirects=False)

    def open(self, address: str) -> requests.Response:
        url = address if "://" in address else f"{self.kite.endpoints()['web']}{address}"
        return self.get(url, timeout=5, allow_redirects=False)

    def login(self, password: str = PASSWORD) -> requests.Response:
        return self.submit("/api/login", user_id=CLIENT, password=password)

    def twofa(self, code: str = "", **more: str) -> requests.Response:
        request_id = self.login().json()["data"]["request_id"]
        form = {"twofa_type": "totp"} | more
        return self.submit(
            "/api/twofa",
            user_id=CLIENT,
            request_id=request_id,
            twofa_value=code or self.kite.code(CLIENT),
            **{name: value for name, value in form.items() if value},
        )


def api(kite: Zerodha, verb: str, path: str, **more: Any) -> requests.Response:
    return requests.request(verb, f"{kite.endpoints()['api']}{path}", timeout=5, **more)


def told(answer: requests.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["error_type"], answer.json()["message"]


def message(answer: requests.Response) -> str:
    return str(answer.json()["message"])


def link(**more: str) -> str:
    return f"https://kite.zerodha.com/connect/login?{urlencode({'v': '3', 'api_key': KEY} | more)}"


def request_token(kite: Zerodha) -> str:
    return parse_qs(urlsplit(kite.approve(link(), CLIENT)).query)["request_token"][0]


def exchange(kite: Zerodha, token: str, secret: str = API_SECRET, **more: str) -> requests.Response:
    form = {
        "api_key": KEY,
        "request_token": token,
        "checksum": hashlib.sha256(f"{KEY}{token}{secret}".encode()).hexdigest(),
    } | more
    return api(kite, "POST", "/session/token", data=form)


def read(kite: Zerodha, token: str | None, path: str = "/user/profile", scheme: str = "token") -> requests.Response:
    return api(kite, "GET", path, headers={"Authorization": f"{scheme} {KEY}:{token}"} if token else {})


# The exchange, and how tokens die.


def test_a_request_token_and_its_checksum_give_a_session_once(kite: Zerodha) -> None:
    token = request_token(kite)

    data = exchange(kite, token).json()["data"]

    assert (data["user_id"], data["api_key"], data["login_time"]) == (CLIENT, KEY, "2026-11-16 08:03:27")
    assert data["refresh_token"] == ""
    assert "expires" not in str(data)
    assert read(kite, data["access_token"]).json()["data"]["user_id"] == CLIENT
    assert told(exchange(kite, token)) == (403, "TokenException", "Token is invalid or has expired.")


def test_a_request_token_lives_five_minutes(kite: Zerodha, sandbox: Sandbox) -> None:
    token = request_token(kite)
    sandbox.clock.advance(301)
    kite.rules(bad_request_token_status=400)

    assert exchange(kite, token).status_code == 400


@pytest.mark.parametrize(("uses_up", "then"), [(False, 200), (True, 403)])
def test_a_wrong_checksum_uses_up_the_request_token_only_where_told(kite: Zerodha, uses_up: bool, then: int) -> None:
    kite.rules(bad_checksum_uses_up=uses_up)
    token = request_token(kite)

    assert message(exchange(kite, token, "wrong")) == "Invalid `checksum`."
    assert exchange(kite, token).status_code == then


@pytest.mark.parametrize("name", ["api_key", "request_token", "checksum"])
def test_a_missing_field_is_named(kite: Zerodha, name: str) -> None:
    assert told(exchange(kite, request_token(kite), **{name: ""})) == (400, "InputException", f"Missing `{name}`.")


def test_a_session_asked_for_in_json_is_refused(kite: Zerodha) -> None:
    assert api(kite, "POST", "/session/token", json={"api_key": KEY}).status_code == 400


@pytest.mark.parametrize(
    ("made", "alive_until"),
    [((8, 3), (5, 59)), ((5, 58), (5, 59)), ((0, 10), (5, 59)), ((6, 1), (5, 59))],
)
def test_every_token_dies_at_six(
    kite: Zerodha, sandbox: Sandbox, made: tuple[int, int], alive_until: tuple[int, int]
) -> None:
    sandbox.clock.set(datetime(2026, 11, 16, *made, tzinfo=IST))
    token = kite.login_elsewhere(CLIENT)
    day = 16 if made < (6, 0) else 17
    sandbox.clock.set(datetime(2026, 11, day, *alive_until, 59, tzinfo=IST))
    assert read(kite, token).status_code == 200

    sandbox.clock.advance(1)

    assert told(read(kite, token)) == INCORRECT
    assert kite.token(CLIENT) is None


def test_a_late_sweep_takes_what_was_made_at_five_past_six_too(kite: Zerodha, sandbox: Sandbox) -> None:
    kite.rules(sweep_minutes=450)
    sandbox.clock.set(datetime(2026, 11, 16, 6, 5, tzinfo=IST))
    token = kite.login_elsewhere(CLIENT)
    sandbox.clock.set(datetime(2026, 11, 16, 7, 30, tzinfo=IST))

    assert read(kite, token).status_code == 403


@pytest.mark.parametrize(("keeps", "then"), [(False, 403), (True, 200)])
def test_a_new_session_ends_the_older_one_unless_told_otherwise(kite: Zerodha, keeps: bool, then: int) -> None:
    kite.rules(new_session_keeps_old=keeps)
    old = kite.login_elsewhere(CLIENT)
    kite.login_elsewhere(CLIENT)

    assert read(kite, old).status_code == then


def test_a_session_is_ended_once(kite: Zerodha) -> None:
    token = kite.login_elsewhere(CLIENT)
    query = {"api_key": KEY, "access_token": token}

    assert api(kite, "DELETE", "/session/token", params=query).json() == {"status": "success", "data": True}
    assert told(api(kite, "DELETE", "/session/token", params=query)) == INCORRECT
    assert read(kite, token).status_code == 403


def test_a_new_secret_harms_no_token_and_is_needed_from_then_on(kite: Zerodha) -> None:
    token = kite.login_elsewhere(CLIENT)

    secret = kite.regenerate_secret(KEY)

    assert read(kite, token).status_code == 200
    assert exchange(kite, request_token(kite)).status_code == 403
    assert exchange(kite, request_token(kite), secret).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "tokens"])
def test_a_token_is_shown_in_exactly_one_form(kite: Zerodha, scheme: str) -> None:
    token = kite.login_elsewhere(CLIENT)

    assert told(read(kite, token, scheme=scheme)) == INCORRECT
    assert told(read(kite, None)) == INCORRECT
    assert read(kite, token).status_code == 200


def test_figures_are_there_or_empty(kite: Zerodha) -> None:
    token = kite.login_elsewhere(CLIENT)
    kite.change(CLIENT, cash_is_zero=True, holdings=[], positions=[], orders=[])

    assert read(kite, token, "/user/margins").json()["data"]["equity"]["available"]["cash"] == 0
    assert read(kite, token, "/user/margins/equity").json()["data"]["net"] == 54210.35
    assert read(kite, token, "/portfolio/holdings").json()["data"] == []
    assert read(kite, token, "/portfolio/positions").json()["data"] == {"net": [], "day": []}
    assert read(kite, token, "/orders").json()["data"] == []


def test_the_eleventh_read_in_a_second_is_refused(kite: Zerodha, sandbox: Sandbox) -> None:
    token = kite.login_elsewhere(CLIENT)
    answers = [read(kite, token) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert "retry-after" not in answers[-1].headers
    sandbox.clock.advance(1)
    assert read(kite, token).status_code == 200


# The web login.


def test_the_pages_calls_lead_to_the_registered_address(kite: Zerodha) -> None:
    browser = Browser(kite)
    browser.twofa()

    first = browser.open(f"/connect/login?v=3&api_key={KEY}&redirect_params=state%3Dabc")
    second = browser.open(first.headers["location"])

    assert {"kf_session", "user_id", "public_token", "enctoken"} == set(browser.cookies.keys())
    assert urlsplit(first.headers["location"]).path == "/connect/finish"
    landed = urlsplit(second.headers["location"])
    query = parse_qs(landed.query)
    assert f"{landed.scheme}://{landed.netloc}{landed.path}" == LANDING
    assert (query["status"], query["state"]) == (["success"], ["abc"])
    assert exchange(kite, query["request_token"][0]).status_code == 200


def test_redirects_may_be_relative_and_parameters_in_another_order(kite: Zerodha) -> None:
    kite.rules(relative_locations=True, request_token_first=True)
    browser = Browser(kite)
    browser.twofa()

    first = browser.open(f"/connect/login?v=3&api_key={KEY}")
    second = browser.open(first.headers["location"])

    assert first.headers["location"].startswith("/connect/finish?")
    assert urlsplit(second.headers["location"]).query.startswith("request_token=")


def test_without_cookies_there_is_the_login_page(kite: Zerodha) -> None:
    browser = Browser(kite)

    first = browser.open(f"/connect/login?v=3&api_key={KEY}")
    second = browser.open(first.headers["location"])

    assert "sess_id=" in first.headers["location"]
    assert (second.status_code, "<form" in second.text) == (200, True)
    assert told(browser.open("/connect/login?v=3&api_key=nobody")) == (400, "InputException", "Invalid `api_key`.")


def test_a_user_who_has_not_allowed_the_app_is_asked(kite: Zerodha) -> None:
    kite.cancel_consent(CLIENT, KEY)
    browser = Browser(kite)
    browser.twofa()

    first = browser.open(f"/connect/login?v=3&api_key={KEY}")
    shown = browser.open(first.headers["location"])
    connect = parse_qs(urlsplit(first.headers["location"]).query)["sess_id"][0]
    wrong = browser.submit("/connect/finish", api_key=KEY, sess_id=connect, authorize="x")
    right = browser.submit(
        "/connect/finish", api_key=KEY, sess_id=connect, authorize=str(browser.cookies["public_token"])
    )

    assert urlsplit(first.headers["location"]).path == "/connect/authorize"
    assert "authorize" in shown.text
    assert (wrong.status_code, right.status_code) == (403, 302)
    assert "request_token=" in right.headers["location"]


def test_a_person_can_log_in_on_the_page(kite: Zerodha) -> None:
    browser = Browser(kite)
    at = browser.open(f"/connect/login?v=3&api_key={KEY}").headers["location"].removeprefix(kite.endpoints()["web"])
    form = {"user_id": CLIENT, "password": PASSWORD, "twofa_value": kite.code(CLIENT)}

    wrong = browser.submit(at, **form | {"password": "no"})
    right = browser.submit(at, **form)

    assert "Try again" in wrong.text
    assert "request_token=" in browser.open(right.headers["location"]).headers["location"]


def test_five_wrong_passwords_block_even_the_right_one(kite: Zerodha) -> None:
    browser = Browser(kite)
    for _ in range(5):
        assert "credentials" in message(browser.login("wrong"))

    assert "blocked" in message(browser.login())
    assert kite.attempts(CLIENT) == {"granted": 0, "refused": 5}
    kite.reset_password(CLIENT, "new")
    assert browser.login("new").status_code == 200


def test_a_right_password_alone_forgives_nothing_unless_told_otherwise(kite: Zerodha) -> None:
    browser = Browser(kite)
    for _ in range(4):
        browser.login("wrong")
    browser.login()
    browser.login("wrong")

    assert "blocked" in message(browser.login())


def test_five_wrong_codes_block(kite: Zerodha) -> None:
    browser = Browser(kite)
    for _ in range(5):
        assert message(browser.twofa("000000")) == "Invalid TOTP"

    assert "blocked" in message(browser.login())


def test_a_code_is_good_once_unless_told_otherwise(kite: Zerodha) -> None:
    browser = Browser(kite)
    browser.twofa()

    assert message(browser.twofa()) == "Invalid TOTP"
    kite.rules(codes_once=False)
    assert browser.twofa().status_code == 200


def test_the_type_must_be_one_of_the_users(kite: Zerodha) -> None:
    browser = Browser(kite)
    assert browser.twofa(twofa_type="", skip_session="true").status_code == 200
    kite.change(CLIENT, twofa_types=["app_code", "sms"])

    assert message(browser.twofa()) == "The requested 2FA type is not available."
    assert message(browser.twofa(twofa_type="app_code")) == "Invalid App Code"
    kite.rules(twofa_type_may_be_missing=False)
    assert browser.twofa(twofa_type="").status_code == 400


def test_a_request_id_is_the_users_own_and_a_login_in_json_is_none(kite: Zerodha) -> None:
    browser = Browser(kite)

    form = {"user_id": CLIENT, "request_id": "other", "twofa_value": kite.code(CLIENT)}
    assert browser.submit("/api/twofa", **form).status_code == 400
    assert browser.post(f"{kite.endpoints()['web']}/api/login", json={"user_id": CLIENT}, timeout=5).status_code == 400


def test_a_master_logout_ends_everything(kite: Zerodha) -> None:
    browser = Browser(kite)
    browser.twofa()
    token = kite.login_elsewhere(CLIENT)

    kite.master_logout(CLIENT)

    assert read(kite, token).status_code == 403
    assert "sess_id" in browser.open(f"/connect/login?v=3&api_key={KEY}").headers["location"]


def test_a_login_on_the_web_ends_tokens_where_told(kite: Zerodha) -> None:
    token = kite.login_elsewhere(CLIENT)
    kite.rules(web_login_kills_tokens=True)

    Browser(kite).twofa()

    assert read(kite, token).status_code == 403


@pytest.mark.parametrize("sample", ["error_permission_ip_not_allowed", "error_rate_limited", "error_data_exception"])
def test_every_documented_answer_can_be_had(kite: Zerodha, sample: str) -> None:
    kite.fail("orders", sample)

    assert read(kite, kite.login_elsewhere(CLIENT), "/orders").status_code in {403, 429, 502}
    with pytest.raises(ValueError, match="no sample"):
        kite.fail("orders", "nothing")
