"""Dhan's ways to get a token, as its contract has them."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from bot.sandbox import Sandbox
from bot.sandbox.totp import code_in, window_at
from tests.unit.sandbox.calls import CLIENT, KEY, PIN, SEED, add_client, login, read

IST = timezone(timedelta(hours=5, minutes=30))
INVALID_TOTP = {"message": "Invalid TOTP", "status": "error"}
INVALID_PIN = {"message": "Invalid Pin", "status": "error"}
TOO_SOON = {"message": "Token can be generated once every 2 minutes.", "status": "error"}
BLOCKED = {"message": "Your account is blocked. Please contact support.", "status": "error"}


@pytest.fixture(autouse=True)
def account(sandbox: Sandbox) -> None:
    sandbox.clock.freeze()
    add_client(sandbox, api_key="key-1", api_secret="hidden-1", redirect_url="http://127.0.0.1:8723/dhan/callback")


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def auth(sandbox: Sandbox, verb: str, path: str, headers: dict[str, str] = KEY, **query: str) -> requests.Response:
    url = f"{sandbox.endpoints('dhan')['auth']}{path}"
    return requests.request(verb, url, params=query, headers=headers, timeout=5, allow_redirects=False)


def consent(sandbox: Sandbox) -> str:
    answer = auth(sandbox, "POST", "/app/generate-consent", client_id=CLIENT).json()
    assert answer["consentAppStatus"] == "GENERATED"
    return str(answer["consentAppId"])


def test_pin_and_code_give_a_token_for_a_day(sandbox: Sandbox) -> None:
    answer = login(sandbox).json()

    told = claims(answer["accessToken"])
    assert told["exp"] - told["iat"] == 86_400
    assert told["tokenConsumerType"] == "APP"
    assert told["dhanClientId"] == answer["dhanClientId"] == CLIENT
    expiry = datetime.fromisoformat(answer["expiryTime"])
    assert expiry.tzinfo is None
    assert abs(expiry.replace(tzinfo=IST).timestamp() - told["exp"]) < 1
    assert set(answer) == {
        "accessToken", "dhanClientId", "dhanClientName", "dhanClientUcc", "expiryTime", "givenPowerOfAttorney"
    }  # fmt: skip


def test_a_wrong_pin_is_refused_with_200(sandbox: Sandbox) -> None:
    answer = login(sandbox, pin="999999")

    assert (answer.status_code, answer.json()) == (200, INVALID_PIN)


def test_a_wrong_code_is_refused_with_200(sandbox: Sandbox) -> None:
    answer = login(sandbox, code="000000")

    assert (answer.status_code, answer.json()) == (200, INVALID_TOTP)


def test_a_second_login_within_two_minutes_is_refused_and_the_token_lives(sandbox: Sandbox) -> None:
    token = login(sandbox).json()["accessToken"]
    sandbox.clock.advance(90)

    assert login(sandbox).json() == TOO_SOON
    assert read(sandbox, "profile", token).status_code == 200
    sandbox.clock.advance(31)
    assert "accessToken" in login(sandbox).json()


def test_a_refused_code_does_not_start_the_two_minutes(sandbox: Sandbox) -> None:
    login(sandbox, code="000000")

    assert "accessToken" in login(sandbox).json()


def test_a_code_used_once_is_refused_unless_told_otherwise(sandbox: Sandbox) -> None:
    sandbox.dhan.rules(seconds_between_logins=0)
    code = sandbox.dhan.code(CLIENT)
    login(sandbox, code=code)

    assert login(sandbox, code=code).json() == INVALID_TOTP
    sandbox.dhan.rules(codes_once=False)
    assert "accessToken" in login(sandbox, code=code).json()


def test_how_many_windows_are_accepted_can_be_set(sandbox: Sandbox) -> None:
    sandbox.dhan.rules(windows_either_side=0)
    late = code_in(SEED, window_at(sandbox.dhan.unix()) - 1)

    assert login(sandbox, code=late).json() == INVALID_TOTP


def test_codes_go_by_the_brokers_own_clock(sandbox: Sandbox) -> None:
    sandbox.dhan.run_ahead(600)
    by_our_clock = code_in(SEED, window_at(sandbox.clock.unix()))

    assert login(sandbox, code=by_our_clock).json() == INVALID_TOTP
    assert "accessToken" in login(sandbox, code=sandbox.dhan.code(CLIENT)).json()


def test_the_order_of_checks_can_be_set(sandbox: Sandbox) -> None:
    assert login(sandbox, pin="999999", code="000000").json() == INVALID_PIN

    sandbox.dhan.rules(order=("totp", "pin", "gap"))

    assert login(sandbox, pin="999999", code="000000").json() == INVALID_TOTP


def test_five_refusals_in_a_row_block_the_account(sandbox: Sandbox) -> None:
    for _ in range(5):
        login(sandbox, pin="999999")

    assert login(sandbox).json() == BLOCKED
    assert sandbox.dhan.attempts(CLIENT) == {"granted": 0, "refused": 5}
    sandbox.dhan.change(CLIENT, blocked=False)
    assert "accessToken" in login(sandbox).json()


def test_a_granted_login_starts_the_counting_afresh(sandbox: Sandbox) -> None:
    for _ in range(4):
        login(sandbox, pin="999999")
    login(sandbox)
    login(sandbox, pin="999999")

    assert login(sandbox).json() != BLOCKED


@pytest.mark.parametrize("left_out", ["dhanClientId", "pin", "totp"])
def test_a_missing_parameter_is_named(sandbox: Sandbox, left_out: str) -> None:
    query = {"dhanClientId": CLIENT, "pin": PIN, "totp": "123456"}
    del query[left_out]

    answer = auth(sandbox, "POST", "/app/generateAccessToken", **query)

    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "DH-905"
    assert left_out in answer.json()["errorMessage"]


def test_an_unknown_client_is_refused_with_200(sandbox: Sandbox) -> None:
    answer = login(sandbox, client_id="9999999999")

    assert answer.status_code == 200
    assert answer.json()["message"].startswith("Login failed")


def test_a_login_by_get_leads_nowhere(sandbox: Sandbox) -> None:
    assert auth(sandbox, "GET", "/app/generateAccessToken", dhanClientId=CLIENT).json()["error"] == "Not Found"


def test_a_consent_approved_gives_a_token_once(sandbox: Sandbox) -> None:
    landed = sandbox.dhan.approve(consent(sandbox))
    assert landed.startswith("http://127.0.0.1:8723/dhan/callback/?tokenId=")
    token_id = landed.rpartition("=")[2]

    first = auth(sandbox, "GET", "/app/consumeApp-consent", tokenId=token_id)
    second = auth(sandbox, "POST", "/app/consumeApp-consent", tokenId=token_id)

    assert read(sandbox, "profile", first.json()["accessToken"]).status_code == 200
    assert (second.status_code, second.json()["message"]) == (400, "Invalid or expired tokenId")


def test_a_consent_may_be_consumed_by_post_too(sandbox: Sandbox) -> None:
    token_id = sandbox.dhan.approve(consent(sandbox)).rpartition("=")[2]

    assert "accessToken" in auth(sandbox, "POST", "/app/consumeApp-consent", tokenId=token_id).json()


def test_a_token_id_grows_old(sandbox: Sandbox) -> None:
    token_id = sandbox.dhan.approve(consent(sandbox)).rpartition("=")[2]
    sandbox.clock.advance(301)

    assert auth(sandbox, "GET", "/app/consumeApp-consent", tokenId=token_id).status_code == 400


def test_a_later_approval_takes_the_place_of_the_earlier(sandbox: Sandbox) -> None:
    first = sandbox.dhan.approve(consent(sandbox)).rpartition("=")[2]
    sandbox.dhan.approve(consent(sandbox))

    assert auth(sandbox, "GET", "/app/consumeApp-consent", tokenId=first).status_code == 400


@pytest.mark.parametrize("path", ["/app/generate-consent?client_id=1000000001", "/app/consumeApp-consent?tokenId=x"])
@pytest.mark.parametrize("headers", [{}, {"app_id": "key-1"}, {"app_id": "key-1", "app_secret": "wrong"}])
def test_without_the_apps_keys_there_is_no_consent(sandbox: Sandbox, path: str, headers: dict[str, str]) -> None:
    answer = auth(sandbox, "POST", path, headers)

    assert (answer.status_code, answer.json()["message"]) == (401, "Invalid app credentials")


def test_a_consent_needs_the_clients_id_and_a_consumption_its_token_id(sandbox: Sandbox) -> None:
    assert auth(sandbox, "POST", "/app/generate-consent", dhanClientId=CLIENT).status_code == 400
    assert auth(sandbox, "GET", "/app/consumeApp-consent").status_code == 400


def test_the_26th_consent_of_a_day_is_refused(sandbox: Sandbox) -> None:
    sandbox.clock.set(datetime(2026, 11, 16, 12, tzinfo=IST))
    for _ in range(25):
        consent(sandbox)

    assert auth(sandbox, "POST", "/app/generate-consent", client_id=CLIENT).status_code == 429
    sandbox.clock.advance(86_400)
    assert auth(sandbox, "POST", "/app/generate-consent", client_id=CLIENT).status_code == 200


def test_a_person_can_log_in_on_the_page(sandbox: Sandbox) -> None:
    asked = consent(sandbox)
    shown = auth(sandbox, "GET", "/login/consentApp-login", {}, consentAppId=asked)
    url = f"{sandbox.endpoints('dhan')['auth']}/login/consentApp-login?consentAppId={asked}"
    form = {"consentAppId": asked, "dhanClientId": CLIENT, "pin": PIN, "totp": sandbox.dhan.code(CLIENT)}

    wrong = requests.post(url, data=form | {"pin": "1"}, timeout=5, allow_redirects=False)
    right = requests.post(url, data=form, timeout=5, allow_redirects=False)
    again = requests.get(url, timeout=5)

    assert "<form" in shown.text
    assert wrong.status_code == 200
    assert right.status_code == 302
    assert "/?tokenId=" in right.headers["location"]
    assert again.status_code == 400


def test_who_logs_in_may_own_another_account(sandbox: Sandbox) -> None:
    add_client(sandbox, "1000000002")
    landed = sandbox.dhan.approve(consent(sandbox), "1000000002")

    answer = auth(sandbox, "GET", "/app/consumeApp-consent", tokenId=landed.rpartition("=")[2])

    assert answer.json()["dhanClientId"] == "1000000002"
