"""Kotak Neo's login in two steps and what a session is good for, as its contract has them."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from bot.sandbox import Sandbox
from bot.sandbox.kotak.replies import SAMPLES
from bot.sandbox.totp import code_in, window_at
from tests.contract.stand_in import SAMPLES as FOLDER
from tests.unit.sandbox.kotak_calls import (
    ALL,
    CLIENT,
    KEY,
    SEED,
    add_client,
    kotak_of,
    log_in,
    look,
    read,
    step,
    validate,
)

IST = timezone(timedelta(hours=5, minutes=30))
PATHS = ["quick/user/limits", "portfolio/v1/holdings", "quick/user/positions", "quick/user/orders"]


@pytest.fixture(autouse=True)
def account(sandbox: Sandbox) -> None:
    sandbox.clock.freeze()
    sandbox.clock.set(datetime(2026, 11, 20, 8, 50, tzinfo=IST))
    add_client(sandbox)


def refusal(answer: requests.Response, name: str) -> bool:
    return (answer.status_code, answer.json()) == SAMPLES[name]


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_what_it_answers_is_what_is_documented() -> None:
    index = {entry["file"]: entry for entry in json.loads((FOLDER / "kotak/index.json").read_text())["entries"]}

    for name, (status, body) in SAMPLES.items():
        if f"{name}.json" in index:
            told = json.loads((FOLDER / f"kotak/{name}.json").read_text())
            assert (status, body) == (index[f"{name}.json"]["http_status"], told)


def test_the_steps_answer_with_the_fields_of_the_samples(sandbox: Sandbox) -> None:
    view = look(sandbox).json()
    trade = validate(sandbox, view["data"]).json()

    for answer, name in ((view, "login_ok_view"), (trade, "validate_ok_trade")):
        assert answer["data"].keys() == json.loads((FOLDER / f"kotak/{name}.json").read_text())["data"].keys()
    assert (view["data"]["kType"], trade["data"]["kType"]) == ("View", "Trade")
    assert view["data"]["sid"] != trade["data"]["sid"]


def test_a_session_ends_at_midnight_in_india(sandbox: Sandbox) -> None:
    session = log_in(sandbox)

    assert claims(session["token"])["exp"] == datetime(2026, 11, 21, tzinfo=IST).timestamp()
    sandbox.clock.set(datetime(2026, 11, 20, 23, 59, 59, tzinfo=IST))
    assert read(sandbox, PATHS[0], session).status_code == 200
    sandbox.clock.advance(1)
    assert refusal(read(sandbox, PATHS[0], session), "session_err_100022")


@pytest.mark.parametrize("key", ["", "wrong", f"Bearer {KEY}"])
def test_the_consumer_token_stands_alone(sandbox: Sandbox, key: str) -> None:
    assert refusal(look(sandbox, key=key), "login_err_bad_consumer_key_401")


def test_the_programs_name_is_needed(sandbox: Sandbox) -> None:
    assert refusal(look(sandbox, fin=""), "validate_err_missing_header")


@pytest.mark.parametrize(("left_out", "named"), [("mobileNumber", "MobileNumber"), ("ucc", "Ucc"), ("totp", "Totp")])
def test_a_missing_field_is_named(sandbox: Sandbox, left_out: str, named: str) -> None:
    answer = look(sandbox, **{left_out: None})

    assert answer.status_code == 400
    assert answer.json() == {"error": [{"code": "400", "message": f"Missing required field '{named}'"}]}


def test_numbers_and_forms_are_no_fields(sandbox: Sandbox) -> None:
    url = f"{sandbox.endpoints('kotak')['login']}/login/1.0/tradeApiLogin"
    form = {"mobileNumber": "1", "ucc": CLIENT, "totp": "1"}
    headers = {"Authorization": KEY, "neo-fin-key": "neotradeapi"}

    assert look(sandbox, totp=123456).status_code == 400
    assert requests.post(url, data=form, headers=headers, timeout=5).status_code == 400


@pytest.mark.parametrize("ucc", ["", "AAAAA", "12345678"])
def test_an_unknown_client_is_refused_with_200_and_a_misleading_code(sandbox: Sandbox, ucc: str) -> None:
    assert refusal(look(sandbox, ucc=ucc), "login_err_ucc_200")


@pytest.mark.parametrize(
    "wrong", [{"totp": "000000"}, {"mobileNumber": "9000000042"}, {"mobileNumber": "+919000000043"}]
)
def test_a_wrong_code_and_a_wrong_number_are_refused_alike(sandbox: Sandbox, wrong: dict[str, str]) -> None:
    assert refusal(look(sandbox, **wrong), "login_err_totp_401")


def test_a_code_used_once_is_refused_unless_told_otherwise(sandbox: Sandbox) -> None:
    look(sandbox)

    assert refusal(look(sandbox), "login_err_totp_401")
    kotak_of(sandbox).rules(codes_once=False)
    assert look(sandbox).status_code == 200


def test_how_many_windows_are_accepted_can_be_set(sandbox: Sandbox) -> None:
    early = code_in(SEED, window_at(sandbox.clock.unix()) - 1)
    kotak_of(sandbox).rules(windows_either_side=0)

    assert refusal(look(sandbox, totp=early), "login_err_totp_401")
    kotak_of(sandbox).rules(windows_either_side=1)
    assert look(sandbox, totp=early).status_code == 200


@pytest.mark.parametrize(("as_200", "name"), [(False, "validate_err_mpin_401"), (True, "validate_err_mpin_200")])
def test_a_wrong_mpin_is_refused_in_either_shape(sandbox: Sandbox, as_200: bool, name: str) -> None:
    kotak_of(sandbox).rules(wrong_mpin_is_200=as_200)

    assert refusal(validate(sandbox, look(sandbox).json()["data"], "111111"), name)
    assert kotak_of(sandbox).attempts(CLIENT) == {"granted": 0, "refused": 1}


def test_the_second_step_needs_the_session_of_the_first(sandbox: Sandbox) -> None:
    trade = log_in(sandbox)

    for session in ({"sid": "x", "token": "y"}, trade):
        assert refusal(validate(sandbox, session), "validate_err_missing_header")
    assert validate(sandbox, {"sid": "", "token": ""}, None).json()["error"][0]["message"].endswith("'Mpin'")


def test_five_refusals_in_a_row_block_the_account(sandbox: Sandbox) -> None:
    for _ in range(5):
        look(sandbox, totp="000000")

    assert refusal(look(sandbox), "login_err_too_many_attempts_inferred")
    kotak_of(sandbox).change(CLIENT, blocked=False)
    assert look(sandbox).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_session_to_look_with_reads_nothing(sandbox: Sandbox, path: str) -> None:
    view = look(sandbox).json()["data"]
    name = "session_err_1003" if "portfolio" in path else "session_err_100022"

    assert refusal(read(sandbox, path, view), name)


@pytest.mark.parametrize("path", PATHS)
def test_token_and_sid_must_belong_together(sandbox: Sandbox, path: str) -> None:
    one = log_in(sandbox)
    sandbox.clock.advance(60)
    other = log_in(sandbox)

    assert read(sandbox, path, one).status_code == 200
    assert read(sandbox, f"{path}", one, Sid=other["sid"]).status_code == 403


def test_a_dead_session_can_be_told_with_200(sandbox: Sandbox) -> None:
    session = log_in(sandbox)
    kotak_of(sandbox).kill_sessions(CLIENT)
    kotak_of(sandbox).rules(dead_session_is_200=True)

    answer = read(sandbox, "quick/user/positions", session)

    assert (answer.status_code, answer.json()["stCode"]) == (200, 100022)


def test_a_second_login_leaves_the_first_or_takes_over(sandbox: Sandbox) -> None:
    first = log_in(sandbox)
    kotak_of(sandbox).login_elsewhere(CLIENT)
    assert read(sandbox, PATHS[0], first).status_code == 200

    kotak_of(sandbox).rules(max_sessions=1)
    kotak_of(sandbox).login_elsewhere(CLIENT)

    assert refusal(read(sandbox, PATHS[0], first), "session_err_100022")


def test_a_new_consumer_token_ends_every_session_at_once(sandbox: Sandbox) -> None:
    session = log_in(sandbox)

    key = kotak_of(sandbox).reset_app_token(CLIENT)

    sandbox.clock.advance(60)
    assert refusal(read(sandbox, PATHS[0], session), "session_err_100022")
    assert refusal(look(sandbox), "login_err_bad_consumer_key_401")
    assert look(sandbox, key=key).status_code == 200


@pytest.mark.parametrize("how", ["slash", "missing", "plain", "https://example.com"])
def test_the_address_can_be_given_in_every_way(sandbox: Sandbox, how: str) -> None:
    address = kotak_of(sandbox).fronts["trade"].door.url
    kotak_of(sandbox).rules(base_url=how)

    expected = {"slash": f"{address}/", "missing": None, "plain": address}.get(how, how)
    assert log_in(sandbox).get("baseUrl") == expected


@pytest.mark.parametrize(
    ("path", "field", "name"),
    [
        ("quick/user/positions", "positions", "positions_empty_5203"),
        ("quick/user/orders", "orders", "order_book_empty_5203"),
    ],
)
def test_an_empty_book_is_told_as_an_error(sandbox: Sandbox, path: str, field: str, name: str) -> None:
    kotak_of(sandbox).change(CLIENT, **{field: []})

    assert refusal(read(sandbox, path, log_in(sandbox)), name)


def test_empty_holdings_are_an_error_or_an_empty_list(sandbox: Sandbox) -> None:
    kotak_of(sandbox).change(CLIENT, holdings=[])
    session = log_in(sandbox)

    assert read(sandbox, "portfolio/v1/holdings", session).json()["stCode"] == 5203
    kotak_of(sandbox).rules(empty_holdings_are_an_error=False)
    assert refusal(read(sandbox, "portfolio/v1/holdings", session), "holdings_empty_array")


def test_filtered_limits_are_zeros_and_a_query_is_ignored(sandbox: Sandbox) -> None:
    session = log_in(sandbox)
    url = f"{session['baseUrl']}/quick/user/limits?sId=server1"
    headers = {"Auth": session["token"], "Sid": session["sid"]}

    whole, part = (
        requests.post(url, data={"jData": words}, headers=headers, timeout=5).json()
        for words in (ALL, ALL.replace('"prod":"ALL"', '"prod":"CNC"'))
    )

    assert (whole["Net"], part["Net"]) == ("87640.70000000001", "0")
    assert whole.keys() == part.keys() == json.loads((FOLDER / "kotak/limits_ok.json").read_text()).keys()
    assert requests.post(url, json={"jData": ALL}, headers=headers, timeout=5).status_code == 422


def test_more_than_ten_calls_a_second_are_too_many(sandbox: Sandbox) -> None:
    session = log_in(sandbox)
    answers = [read(sandbox, "quick/user/positions", session) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    sandbox.clock.advance(1)
    assert read(sandbox, "quick/user/positions", session).status_code == 200


def test_the_callers_address_is_told_to_who_trades(sandbox: Sandbox) -> None:
    session = log_in(sandbox)
    url = f"{sandbox.endpoints('kotak')['login']}/login/1.0/get-client-ip"
    headers = {"Authorization": KEY, "Auth": session["token"], "Sid": session["sid"]}
    kotak_of(sandbox).change(CLIENT, seen_from="198.51.100.7")

    told = requests.get(url, headers=headers, timeout=5).json()

    assert told == {
        "data": [{"ip": "198.51.100.7", "time": "2026-11-20 08:50:00.000"}],
        "stCode": 1000,
        "status": "success",
    }
    assert requests.get(url, headers=headers | {"Authorization": "x"}, timeout=5).status_code == 403


@pytest.mark.parametrize(
    "name", ["dependency_err_424", "rate_limited_429", "gateway_timeout_504", "unavailable_empty_502"]
)
def test_documented_faults_come_on_demand(sandbox: Sandbox, name: str) -> None:
    kotak_of(sandbox).fail("tradeApiLogin", name)

    assert look(sandbox).status_code == SAMPLES[name][0]
    assert look(sandbox).status_code == 200


def test_what_is_not_there_is_said_in_kotaks_shape(sandbox: Sandbox) -> None:
    answer = step(sandbox, "oauth2", {})

    assert (answer.status_code, answer.json()["error"][0]["code"]) == (404, "404")


@pytest.mark.parametrize("wrong", [lambda k: k.rules(nonsense=1), lambda k: k.change(CLIENT, nonsense=1),
                                   lambda k: k.change("nobody"), lambda k: k.fail(sample="nonsense")])  # fmt: skip
def test_a_control_that_makes_no_sense_is_told(sandbox: Sandbox, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"there |no "):
        wrong(kotak_of(sandbox))
