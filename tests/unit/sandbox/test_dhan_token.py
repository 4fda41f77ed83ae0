"""What a Dhan token is good for, and how it dies."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import requests

from bot.sandbox import Sandbox
from bot.sandbox.dhan import figures
from bot.sandbox.dhan.replies import SAMPLES
from tests.unit.sandbox.calls import CLIENT, add_client, read


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    sandbox.clock.freeze()
    sandbox.clock.set(datetime(2026, 11, 16, 2, 35, 12, tzinfo=UTC))
    add_client(sandbox)
    return sandbox.dhan.login_elsewhere(CLIENT)


def renew(sandbox: Sandbox, token: str, verb: str = "GET", client_id: str = CLIENT) -> requests.Response:
    url = f"{sandbox.endpoints('dhan')['api']}/RenewToken"
    return requests.request(verb, url, headers={"access-token": token, "dhanClientId": client_id}, timeout=5)


def refused(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["errorCode"], body["errorMessage"]


def test_the_profile_tells_whose_token_it_is_and_until_when(sandbox: Sandbox, token: str) -> None:
    profile = read(sandbox, "profile", token).json()

    assert profile["dhanClientId"] == CLIENT
    assert profile["tokenValidity"] == "17/11/2026 08:05"


@pytest.mark.parametrize("path", ["fundlimit", "holdings", "positions", "orders", "ip/getIP"])
def test_a_live_token_opens_every_read(sandbox: Sandbox, token: str, path: str) -> None:
    assert read(sandbox, path, token).status_code == 200


@pytest.mark.parametrize("bad", [None, "garbage", "eyJhbGciOiJIUzUxMiJ9.e30.x"])
def test_no_token_or_garbage_is_dh901(sandbox: Sandbox, token: str, bad: str | None) -> None:
    assert refused(read(sandbox, "profile", bad))[:2] == (401, "DH-901")


def test_an_expired_token_is_dh901(sandbox: Sandbox, token: str) -> None:
    sandbox.clock.advance(86_400)

    assert refused(read(sandbox, "profile", token))[:2] == (401, "DH-901")
    assert sandbox.dhan.token(CLIENT) is None


def test_a_token_replaced_by_a_newer_one_is_dh906(sandbox: Sandbox, token: str) -> None:
    newer = sandbox.dhan.login_elsewhere(CLIENT)

    assert refused(read(sandbox, "profile", token)) == (400, "DH-906", "Invalid Token")
    assert read(sandbox, "profile", newer).status_code == 200


def test_a_token_killed_for_no_reason_is_dh906(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.kill_token(CLIENT)

    assert refused(read(sandbox, "profile", token))[:2] == (400, "DH-906")


def test_a_client_id_that_does_not_fit_the_token_is_dh901(sandbox: Sandbox, token: str) -> None:
    answer = requests.get(
        f"{sandbox.endpoints('dhan')['api']}/profile", headers={"access-token": token, "client-id": "1"}, timeout=5
    )

    assert refused(answer)[:2] == (401, "DH-901")


def test_a_token_made_on_the_web_is_renewed_and_the_old_one_dies(sandbox: Sandbox, token: str) -> None:
    by_hand = sandbox.dhan.web_token(CLIENT)

    renewed = renew(sandbox, by_hand).json()["accessToken"]

    assert refused(read(sandbox, "profile", by_hand))[:2] == (400, "DH-906")
    assert read(sandbox, "profile", renewed).status_code == 200
    assert "accessToken" in renew(sandbox, renewed).json()


def test_a_token_by_pin_and_code_is_not_renewed(sandbox: Sandbox, token: str) -> None:
    assert refused(renew(sandbox, token)) == (500, "DH-905", "Renewal of token not allowed for this token type")


def test_renewing_by_post_names_no_field(sandbox: Sandbox, token: str) -> None:
    assert refused(renew(sandbox, token, "POST"))[:2] == (400, "DH-905")


def test_renewing_for_another_client_or_for_none_is_refused(sandbox: Sandbox, token: str) -> None:
    by_hand = sandbox.dhan.web_token(CLIENT)

    assert refused(renew(sandbox, by_hand, client_id="1000000002"))[:2] == (401, "DH-901")
    assert refused(renew(sandbox, by_hand, client_id=""))[:2] == (400, "DH-905")
    assert sandbox.dhan.token(CLIENT) == by_hand


def test_empty_holdings_are_an_error_and_empty_positions_are_not(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.change(CLIENT, holdings=[], positions=[], orders=[])

    assert refused(read(sandbox, "holdings", token))[:2] == (500, "DH-1111")
    assert read(sandbox, "positions", token).json() == []
    assert read(sandbox, "orders", token).json() == []


def test_an_order_comes_as_a_list_and_an_unknown_one_as_an_empty_list(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.change(CLIENT, orders=figures.orders(CLIENT, date(2026, 11, 16)))

    assert [o["orderId"] for o in read(sandbox, "orders/112611160001", token).json()] == ["112611160001"]
    assert read(sandbox, "orders/1", token).json() == []
    assert read(sandbox, "orders/external/demo-0001", token).json()[0]["orderId"] == "112611160001"
    assert read(sandbox, "orders/external/none", token).status_code == 404


def test_no_order_is_ever_taken(sandbox: Sandbox, token: str) -> None:
    url = f"{sandbox.endpoints('dhan')['api']}/orders"

    assert requests.post(url, headers={"access-token": token}, json={}, timeout=5).status_code == 404


def test_an_address_that_is_not_registered_may_not_order(sandbox: Sandbox, token: str) -> None:
    assert read(sandbox, "ip/getIP", token).json()["ordersAllowed"] is True

    sandbox.dhan.change(CLIENT, seen_from="198.51.100.7")

    told = read(sandbox, "ip/getIP", token).json()
    assert (told["ordersAllowed"], told["detectedIP"], told["ipMatchStatus"]) == (False, "198.51.100.7", "MISMATCH")


def test_addresses_can_be_told_as_documented_or_not_at_all(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.rules(extended_addresses=False)
    assert "ordersAllowed" not in read(sandbox, "ip/getIP", token).json()

    sandbox.dhan.change(CLIENT, primary_ip=None)
    assert read(sandbox, "ip/getIP", token).json()[0]["status"] == "ERROR"


def test_an_address_once_set_stays_for_a_week(sandbox: Sandbox, token: str) -> None:
    url = f"{sandbox.endpoints('dhan')['api']}/ip"
    body = {"dhanClientId": CLIENT, "ip": "203.0.113.50", "ipFlag": "SECONDARY"}

    first = requests.post(f"{url}/setIP", json=body, headers={"access-token": token}, timeout=5)
    second = requests.put(f"{url}/modifyIP", json=body, headers={"access-token": token}, timeout=5)
    wrong = requests.post(f"{url}/setIP", json={"ip": "x"}, headers={"access-token": token}, timeout=5)

    assert first.json()["status"] == "SUCCESS"
    assert second.json()["message"] == "IP can be modified only after 2026-11-23"
    assert wrong.status_code == 400


def test_the_21st_call_of_a_second_is_too_many(sandbox: Sandbox, token: str) -> None:
    for _ in range(20):
        assert read(sandbox, "profile", token).status_code == 200

    answer = read(sandbox, "fundlimit", token)

    assert refused(answer)[:2] == (429, "DH-904")
    assert "retry-after" not in answer.headers
    sandbox.clock.advance(1)
    assert read(sandbox, "fundlimit", token).status_code == 200


def test_orders_have_a_pace_of_their_own(sandbox: Sandbox, token: str) -> None:
    for _ in range(10):
        read(sandbox, "orders", token)

    assert read(sandbox, "orders", token).status_code == 429
    assert read(sandbox, "profile", token).status_code == 200


def test_data_calls_refuse_in_their_own_words(sandbox: Sandbox, token: str) -> None:
    def ask(**headers: str) -> requests.Response:
        url = f"{sandbox.endpoints('dhan')['api']}/marketfeed/ltp"
        return requests.post(url, json={}, headers={"access-token": token, "client-id": CLIENT} | headers, timeout=5)

    assert ask().json() == {"data": {"806": "Data APIs not Subscribed"}, "status": "failed"}
    sandbox.dhan.change(CLIENT, data_plan=True)
    assert ask().json()["status"] == "success"
    assert ask().status_code == 429
    sandbox.dhan.kill_token(CLIENT)
    assert "808" in ask().json()["data"]
    sandbox.clock.advance(86_400)
    assert "807" in ask().json()["data"]


def test_an_unknown_path_is_the_gateways_404(sandbox: Sandbox, token: str) -> None:
    answer = read(sandbox, "no-such-path", token)

    assert answer.status_code == 404
    assert answer.json()["path"] == "/v2/no-such-path"
    assert answer.json()["error"] == "Not Found"


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_every_documented_answer_can_be_forced(sandbox: Sandbox, token: str, name: str) -> None:
    sandbox.dhan.fail("profile", name)

    answer = read(sandbox, "profile", token)

    assert (answer.status_code, answer.json()) == SAMPLES[name]


def test_a_sample_there_is_not_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="no sample"):
        sandbox.dhan.fail("profile", "error_dh999")


def test_what_a_client_has_not_cannot_be_changed(sandbox: Sandbox, token: str) -> None:
    with pytest.raises(ValueError, match="has no shoe_size"):
        sandbox.dhan.change(CLIENT, shoe_size=43)
    with pytest.raises(ValueError, match="no rule mercy"):
        sandbox.dhan.rules(mercy=True)
    with pytest.raises(ValueError, match="no client 7"):
        sandbox.dhan.token("7")
