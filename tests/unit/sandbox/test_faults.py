"""Everything that can go wrong on demand, as a caller meets it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from email.utils import parsedate_to_datetime

import pytest
import requests

from bot.sandbox import Sandbox
from tests.unit.sandbox.calls import add_client, api, login, read


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    add_client(sandbox)
    return sandbox.dhan.login_elsewhere("1000000001")


def test_a_fault_hits_the_next_call_only(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.respond("profile", 503, {"status": "closed"})

    answers = [read(sandbox, "profile", token).status_code for _ in range(2)]

    assert answers == [503, 200]


def test_a_fault_of_one_endpoint_leaves_the_others_alone(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.bad_gateway("profile", times=None)

    assert read(sandbox, "fundlimit", token).status_code == 200
    assert read(sandbox, "profile", token).status_code == 502


def test_a_fault_of_any_endpoint_hits_whatever_comes_next(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.bad_gateway(times=2)

    assert read(sandbox, "positions", token).status_code == 502
    assert read(sandbox, "fundlimit", token).status_code == 502
    assert read(sandbox, "positions", token).status_code == 200


def test_a_bad_gateway_speaks_html(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.bad_gateway("profile")

    answer = read(sandbox, "profile", token)

    assert answer.headers["content-type"].startswith("text/html")
    assert "<html>" in answer.text


def test_bytes_are_sent_as_they_are(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.respond("profile", 200, b"\xff\xfe{")

    assert read(sandbox, "profile", token).content == b"\xff\xfe{"


def test_a_delayed_call_is_worked_on(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.delay("profile", 0.02)

    assert read(sandbox, "profile", token).json()["dhanClientId"] == "1000000001"


def test_a_reset_comes_before_any_work(sandbox: Sandbox) -> None:
    add_client(sandbox)
    sandbox.dhan.reset("generateAccessToken")

    with pytest.raises(requests.ConnectionError):
        login(sandbox)

    assert sandbox.dhan.token("1000000001") is None
    assert sandbox.dhan.calls("generateAccessToken") == 1


def test_a_lost_answer_comes_after_the_work(sandbox: Sandbox) -> None:
    add_client(sandbox)
    sandbox.dhan.lose("generateAccessToken")

    with pytest.raises(requests.ConnectionError):
        login(sandbox)

    assert sandbox.dhan.token("1000000001") is not None


def test_a_cut_answer_breaks_off_in_the_body(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.cut("holdings")

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        read(sandbox, "holdings", token)


def test_a_dripping_answer_is_whole_in_the_end(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.drip("profile", seconds=0)

    assert read(sandbox, "profile", token).json()["dhanClientId"] == "1000000001"


def test_a_dripping_answer_drips_its_headers_too(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.drip("profile", seconds=3600)
    port = int(sandbox.endpoints("dhan")["api"].rpartition(":")[2].partition("/")[0])

    with socket.create_connection(("127.0.0.1", port), 5) as caller:
        caller.sendall(f"GET /v2/profile HTTP/1.1\r\nHost: x\r\naccess-token: {token}\r\n\r\n".encode())

        assert caller.recv(100) == b"H"


def test_who_hangs_is_let_go_when_all_is_healed(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.hang("profile")
    outcome: list[str] = []

    def ask() -> None:
        try:
            read(sandbox, "profile", token)
        except requests.ConnectionError as error:
            outcome.append(type(error).__name__)

    asking = threading.Thread(target=ask)
    asking.start()
    sandbox.dhan.wait_calls("profile", 1)
    assert outcome == []

    sandbox.dhan.heal()

    asking.join(5)
    assert len(outcome) == 1


def test_healing_one_endpoint_leaves_the_faults_of_others(sandbox: Sandbox, token: str) -> None:
    sandbox.dhan.bad_gateway("profile", times=None)
    sandbox.dhan.bad_gateway("fundlimit", times=None)

    sandbox.dhan.heal("profile")

    assert read(sandbox, "profile", token).status_code == 200
    assert read(sandbox, "fundlimit", token).status_code == 502


@pytest.mark.parametrize("how", ["refuse", "reset"])
def test_a_server_that_is_down_comes_back_at_the_same_address(sandbox: Sandbox, token: str, how: str) -> None:
    before = sandbox.endpoints("dhan")
    sandbox.dhan.down(how)

    with pytest.raises(requests.ConnectionError):
        read(sandbox, "profile", token)
    sandbox.dhan.up()

    assert read(sandbox, "profile", token).status_code == 200
    assert sandbox.endpoints("dhan") == before


def test_one_server_down_does_not_disturb_another(sandbox: Sandbox) -> None:
    sandbox.dhan.down()

    assert api(sandbox, "getMe")["ok"]


def test_open_connections_end_when_a_server_goes_down(sandbox: Sandbox, token: str) -> None:
    with requests.Session() as session:
        url = f"{sandbox.endpoints('dhan')['api']}/profile"
        session.get(url, headers={"access-token": token}, timeout=5)
        sandbox.dhan.down()

        with pytest.raises(requests.ConnectionError):
            session.get(url, headers={"access-token": token}, timeout=5)


def test_stopping_waits_for_nobody() -> None:
    sandbox = Sandbox()
    sandbox.start()
    sandbox.dhan.hang()
    callers = [
        threading.Thread(target=_swallow, args=(f"{sandbox.endpoints('dhan')['api']}/profile",)),
        threading.Thread(
            target=_swallow, args=(f"{sandbox.telegram_url}/bot{sandbox.telegram.token}/getUpdates?timeout=50",)
        ),
        threading.Thread(target=_swallow, args=(f"{sandbox.clock_url}/clock?after=999&wait=60",)),
    ]
    for caller in callers:
        caller.start()
    sandbox.dhan.wait_calls("profile", 1)
    sandbox.telegram.wait_calls("getUpdates", 1)

    sandbox.stop()

    for caller in callers:
        caller.join(5)
    assert not any(caller.is_alive() for caller in callers)


def _swallow(url: str) -> None:
    with contextlib.suppress(requests.ConnectionError):
        requests.get(url, timeout=60)


def test_calls_are_counted_by_name_and_verb(sandbox: Sandbox, token: str) -> None:
    read(sandbox, "profile", token)
    read(sandbox, "profile", "garbage")
    requests.post(f"{sandbox.endpoints('dhan')['api']}/RenewToken", timeout=5)

    assert sandbox.dhan.calls("profile") == 2
    assert sandbox.dhan.calls("RenewToken", "POST") == 1
    assert sandbox.dhan.calls("RenewToken", "GET") == 0
    assert sandbox.dhan.calls() == 3
    sandbox.dhan.forget_calls()
    assert sandbox.dhan.calls() == 0


def test_what_is_remembered_of_a_request_holds_no_values(sandbox: Sandbox) -> None:
    add_client(sandbox)
    code = sandbox.dhan.code("1000000001")
    login(sandbox, code=code)

    seen = sandbox.dhan.requests("generateAccessToken")

    assert seen[0].query_names == ("dhanClientId", "pin", "totp")
    assert "123456" not in repr(seen)
    assert code not in repr(seen)


def test_every_answer_carries_the_sandboxs_time(sandbox: Sandbox, token: str) -> None:
    sandbox.clock.advance(86_400 * 30)
    sandbox.dhan.run_ahead(300)
    sandbox.dhan.bad_gateway("fundlimit")

    answers = [read(sandbox, "profile", token), read(sandbox, "fundlimit", token), read(sandbox, "nowhere", token)]

    for answer in answers:
        told = parsedate_to_datetime(answer.headers["date"]).timestamp()
        assert told == pytest.approx(sandbox.dhan.unix(), abs=5)
        assert told - time.time() > 86_400 * 29


def test_waiting_for_calls_that_do_not_come_ends(sandbox: Sandbox) -> None:
    with pytest.raises(TimeoutError, match="0 calls of profile"):
        sandbox.dhan.wait_calls("profile", 1, timeout=0.01)
