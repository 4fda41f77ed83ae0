"""Angel One's calls, as its contract has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from bot.sandbox import Sandbox
from bot.sandbox.angelone.replies import SAMPLES
from bot.sandbox.totp import code_in, window_at
from tests.unit.sandbox.angelone_calls import (
    AUTH,
    CLIENT,
    HEADERS,
    KEY,
    ORDER,
    PORTFOLIO,
    SEED,
    USER,
    add_client,
    angel_of,
    ask,
    code_of,
    log_in,
    read,
    tokens,
)

IST = timezone(timedelta(hours=5, minutes=30))
MORNING = datetime(2026, 11, 20, 8, 45, 12, tzinfo=IST)
TRADING = datetime(2026, 11, 20, 10, 0, tzinfo=IST)


@pytest.fixture(autouse=True)
def account(sandbox: Sandbox) -> None:
    sandbox.clock.freeze()
    sandbox.clock.set(MORNING)
    add_client(sandbox)


def renew(sandbox: Sandbox, given: dict[str, Any], token: str | None = None) -> requests.Response:
    body = {"refreshToken": given["refreshToken"]}
    return ask(sandbox, "POST", f"{AUTH}/jwt/v1/generateTokens", json=body, token=token or given["jwtToken"])


# Logging in.


def test_code_pin_and_totp_give_three_tokens(sandbox: Sandbox) -> None:
    answer = log_in(sandbox).json()

    assert (answer["status"], answer["message"], answer["errorcode"]) == (True, "SUCCESS", "")
    assert set(answer["data"]) == {"jwtToken", "refreshToken", "feedToken"}
    assert not answer["data"]["jwtToken"].startswith("Bearer")
    assert angel_of(sandbox).token(CLIENT) == answer["data"]["jwtToken"]


def test_a_state_comes_back_only_if_it_was_sent(sandbox: Sandbox) -> None:
    assert log_in(sandbox, state="local-7f3a").json()["data"]["state"] == "local-7f3a"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"totp": "000000"}, "AB1050"),
        ({"totp": SEED}, "AB1050"),
        ({"password": ""}, "AB1050"),
        ({"password": "0000"}, "AB1007"),
        ({"password": "MyOldPassw0rd"}, "AB7001"),
        ({"clientcode": "T999999"}, "AB1007"),
        ({"clientcode": CLIENT.lower()}, "AB1007"),
        ({"totp": None}, "AB1004"),
        ({"totp": 123456}, "AB1004"),
    ],
)
def test_a_wrong_login_is_refused_with_200(sandbox: Sandbox, changes: dict[str, object], code: str) -> None:
    answer = log_in(sandbox, **changes)

    assert (answer.status_code, code_of(answer), answer.json()["data"]) == (200, code, None)


def test_a_form_is_not_understood(sandbox: Sandbox) -> None:
    url = f"{sandbox.endpoints('angelone')['api']}/{AUTH}/user/v1/loginByPassword"

    answer = requests.post(url, data={"clientcode": CLIENT}, headers=HEADERS, timeout=5)

    assert code_of(answer) == "AB1004"


def test_a_code_used_once_is_refused_unless_told_otherwise(sandbox: Sandbox) -> None:
    angel_of(sandbox).rules(pace=False)
    log_in(sandbox)

    assert code_of(log_in(sandbox)) == "AB1050"
    angel_of(sandbox).rules(codes_once=False)
    assert log_in(sandbox).json()["status"] is True


def test_how_many_windows_are_accepted_can_be_set(sandbox: Sandbox) -> None:
    late = code_in(SEED, window_at(angel_of(sandbox).unix()) - 1)
    angel_of(sandbox).rules(windows_either_side=0, pace=False)

    assert code_of(log_in(sandbox, totp=late)) == "AB1050"
    angel_of(sandbox).rules(windows_either_side=1)
    assert log_in(sandbox, totp=late).json()["status"] is True


def test_refusals_in_a_row_block_the_account(sandbox: Sandbox) -> None:
    angel_of(sandbox).rules(pace=False)
    for _ in range(5):
        log_in(sandbox, password="0000")

    assert code_of(log_in(sandbox)) == "AB1006"
    assert angel_of(sandbox).attempts(CLIENT) == {"granted": 0, "refused": 5}
    angel_of(sandbox).change(CLIENT, blocked=False)
    assert log_in(sandbox).json()["status"] is True


@pytest.mark.parametrize("path", [f"{AUTH}/user/v1/loginByPassword", f"{USER}/logout"])
def test_an_unknown_api_key_is_refused_in_the_other_envelope(sandbox: Sandbox, path: str) -> None:
    for key in ("nobodys", ""):
        answer = ask(sandbox, "POST", path, json={}, X_PrivateKey=key)

        assert (answer.status_code, answer.json()["errorCode"]) == (200, "AG8004")
        assert (answer.json()["success"], answer.json()["data"]) == (False, "")


def test_a_request_without_the_usual_headers_is_a_bad_one_unless_told_otherwise(sandbox: Sandbox) -> None:
    token = tokens(sandbox)["jwtToken"]

    assert read(sandbox, f"{USER}/getProfile", token, X_UserType="").status_code == 400
    angel_of(sandbox).rules(headers_checked=False)
    assert read(sandbox, f"{USER}/getProfile", token, X_UserType="").status_code == 200


# Tokens.


def test_a_token_works_until_midnight_in_india(sandbox: Sandbox) -> None:
    token = tokens(sandbox)["jwtToken"]
    sandbox.clock.set(MORNING.replace(hour=23, minute=59, second=59))
    assert read(sandbox, f"{USER}/getProfile", token).json()["data"]["clientcode"] == CLIENT

    sandbox.clock.advance(1)

    assert code_of(read(sandbox, f"{USER}/getProfile", token)) == "AG8001"
    angel_of(sandbox).rules(expired_code="AG8002")
    assert code_of(read(sandbox, f"{USER}/getProfile", token)) == "AG8002"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [("", "AG8003"), ("{token}", "AG8003"), ("Bearer Bearer {token}", "AG8001"), ("Bearer nonsense", "AG8001")],
)
def test_a_token_stands_behind_bearer_once(sandbox: Sandbox, authorization: str, code: str) -> None:
    token = tokens(sandbox)["jwtToken"]

    answer = read(sandbox, f"{USER}/getProfile", None, Authorization=authorization.format(token=token))

    assert (answer.status_code, code_of(answer)) == (200, code)


def test_a_second_login_leaves_the_first_token_alive_unless_told_otherwise(sandbox: Sandbox) -> None:
    first = tokens(sandbox)["jwtToken"]
    angel_of(sandbox).login_elsewhere(CLIENT)
    assert read(sandbox, f"{USER}/getProfile", first).json()["status"] is True

    angel_of(sandbox).rules(new_login_invalidates_old=True)
    angel_of(sandbox).login_elsewhere(CLIENT)

    assert code_of(read(sandbox, f"{USER}/getProfile", first)) == "AG8001"


def test_a_refresh_token_gives_three_new_tokens_once_and_within_the_day(sandbox: Sandbox) -> None:
    given = tokens(sandbox)
    fresh = renew(sandbox, given).json()["data"]
    sandbox.clock.advance(1)

    assert fresh["jwtToken"] != given["jwtToken"]
    assert code_of(renew(sandbox, given)) == "AB8050"
    sandbox.clock.set(MORNING + timedelta(days=1))
    assert code_of(renew(sandbox, fresh)) == "AB8051"


def test_a_renewal_wants_the_bearer_unless_told_otherwise(sandbox: Sandbox) -> None:
    given = tokens(sandbox)

    assert code_of(renew(sandbox, given, token="nonsense")) == "AG8001"
    angel_of(sandbox).rules(refresh_needs_bearer=False)
    sandbox.clock.advance(1)
    assert renew(sandbox, given, token="nonsense").json()["status"] is True


def test_a_logout_ends_the_token_unless_told_otherwise(sandbox: Sandbox) -> None:
    angel_of(sandbox).rules(logout_really_kills=False)
    given = tokens(sandbox)

    for lives in (True, False):
        angel_of(sandbox).rules(logout_really_kills=not lives)
        answer = ask(sandbox, "POST", f"{USER}/logout", token=given["jwtToken"], json={"clientcode": CLIENT})
        sandbox.clock.advance(1)

        assert (answer.json()["status"], answer.json()["data"]) == (True, "")
        assert bool(code_of(read(sandbox, f"{USER}/getProfile", given["jwtToken"]))) is not lives
    assert code_of(renew(sandbox, given)) == "AB8050"


# The account.


def test_an_account_has_figures(sandbox: Sandbox) -> None:
    sandbox.clock.set(TRADING)
    token = tokens(sandbox)["jwtToken"]

    funds = read(sandbox, f"{USER}/getRMS", token).json()["data"]
    holdings = read(sandbox, f"{PORTFOLIO}/getAllHolding", token).json()["data"]
    positions = read(sandbox, f"{ORDER}/getPosition", token).json()["data"]
    orders = read(sandbox, f"{ORDER}/getOrderBook", token).json()["data"]

    assert all(isinstance(value, str) for value in (*funds.values(), *positions[0].values()))
    assert positions[0]["netvalue"] == "- 4125.60"
    assert len(holdings["holdings"]) == 2
    assert isinstance(orders[0]["averageprice"], float)
    one = read(sandbox, f"{ORDER}/details/{orders[0]['uniqueorderid']}", token).json()["data"]
    assert one == orders[0]


def test_prices_of_orders_come_as_text_too(sandbox: Sandbox) -> None:
    sandbox.clock.set(TRADING)
    angel_of(sandbox).rules(prices_as_text=True)
    token = tokens(sandbox)["jwtToken"]

    (order,) = read(sandbox, f"{ORDER}/getOrderBook", token).json()["data"]

    assert (order["averageprice"], order["price"]) == ("1375.20", "0.00")


@pytest.mark.parametrize(("null", "empty"), [(True, None), (False, [])])
def test_an_empty_list_is_null_unless_told_otherwise(sandbox: Sandbox, null: bool, empty: object) -> None:
    angel_of(sandbox).change(CLIENT, holdings=[], positions=[], orders=[])
    angel_of(sandbox).rules(empty_is_null=null)
    token = tokens(sandbox)["jwtToken"]

    for path in (f"{PORTFOLIO}/getAllHolding", f"{ORDER}/getPosition", f"{ORDER}/getOrderBook"):
        assert read(sandbox, path, token).json() == {
            "status": True, "message": "SUCCESS", "errorcode": "", "data": empty
        }  # fmt: skip


def test_too_many_calls_are_refused_in_plain_text_for_each_call_apart(sandbox: Sandbox) -> None:
    token = tokens(sandbox)["jwtToken"]
    assert read(sandbox, f"{ORDER}/getPosition", token).status_code == 200

    answer = read(sandbox, f"{ORDER}/getPosition", token)

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (403, "text/plain")
    assert "exceeding" in answer.text
    assert read(sandbox, f"{ORDER}/getOrderBook", token).status_code == 200
    sandbox.clock.advance(1)
    assert read(sandbox, f"{ORDER}/getPosition", token).status_code == 200


def test_the_address_is_checked_on_orders_alone_unless_told_otherwise(sandbox: Sandbox) -> None:
    angel_of(sandbox).change(CLIENT, seen_from="198.51.100.7")
    token = tokens(sandbox)["jwtToken"]

    assert code_of(ask(sandbox, "POST", f"{ORDER}/placeOrder", token=token, json={})) == "AG7002"
    assert read(sandbox, f"{USER}/getRMS", token).json()["status"] is True
    angel_of(sandbox).rules(address_checked_on_reads=True)
    assert code_of(read(sandbox, f"{USER}/getRMS", token)) == "AG7002"


# Faults.


def test_a_wrong_path_meets_the_firewall(sandbox: Sandbox) -> None:
    answer = ask(sandbox, "POST", f"{AUTH}/user/v1/loginByMpin", json={})

    assert "Request Rejected" in answer.text
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_documented_answer_can_be_had(sandbox: Sandbox, name: str) -> None:
    status, body = SAMPLES[name]
    angel_of(sandbox).fail("loginByPassword", name)

    answer = log_in(sandbox)

    assert answer.status_code == status
    assert answer.content == body if isinstance(body, bytes) else True
    assert answer.json() == body if isinstance(body, dict) else True
    assert log_in(sandbox).json()["status"] is True


def test_a_killed_token_is_dead_and_cannot_be_renewed(sandbox: Sandbox) -> None:
    given = tokens(sandbox)
    angel_of(sandbox).kill_token(CLIENT)

    assert code_of(read(sandbox, f"{USER}/getProfile", given["jwtToken"])) == "AG8001"
    assert code_of(renew(sandbox, given)) == "AB8050"
    assert angel_of(sandbox).token(CLIENT) is None


def test_what_is_not_there_is_told_to_whoever_asks_the_control(sandbox: Sandbox) -> None:
    angel = angel_of(sandbox)

    mistakes: list[Callable[[], None]] = [
        lambda: angel.change(CLIENT, hair="red"),
        lambda: angel.change("T999999", pin="0000"),
        lambda: angel.rules(gravity=False),
        lambda: angel.fail("getRMS", "no_such_sample"),
    ]
    for mistake in mistakes:
        with pytest.raises(ValueError, match=r"there is no|has no"):
            mistake()
    assert KEY not in str(angel.requests())
