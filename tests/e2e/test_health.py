"""How a real `kunji run` shows that it is alive: to programs, to Prometheus, to a monitor and to systemd."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.house import ADMIN, CLIENT, STRANGER, SUNDAY, House, house
from tests.e2e.test_handoff_endpoint import ask, place_of
from tests.waiting import eventually

UUID = "5f1b8a1e-0d7b-4c39-9f7e-hiddenhidden"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, SUNDAY) as made:
        made.auto()
        yield made


def figures(home: House, key: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(place_of(home), timeout=10)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {key}"})
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def test_the_private_door_tells_that_all_is_well_without_a_key(home: House) -> None:
    home.bot_wide(private_listen="127.0.0.1:0")
    home.start()

    eventually(lambda: None not in ask(home, "GET", "/healthz")[1].values(), "something never happens")
    status, answer = ask(home, "GET", "/healthz")

    assert (status, answer["status"], answer["store"]) == (200, "ok", "ok")
    assert answer["sweep_seconds"] < 30


@pytest.mark.long
def test_what_the_bot_did_is_among_its_figures_and_takes_a_key_to_see(home: House) -> None:
    pytest.importorskip("prometheus_client", reason="the extra `metrics` is not installed")
    home.bot_wide(private_listen="127.0.0.1:0")
    key = home.run("key", "reader", "add", "prometheus", "--accounts", "all").stdout.strip()
    home.start()
    home.says("/refresh dhan", "✅", chat=ADMIN)
    home.sandbox.telegram.say(STRANGER, "hello")
    home.sees("not listed")
    eventually(lambda: "kunji_alert_lateness_seconds_count 1.0" in figures(home, key)[1], "the alert is not counted")

    status, text = figures(home, key)

    assert status == 200
    assert 'kunji_refreshes_total{account="dhan",outcome="granted",way="login"} 1.0' in text
    assert 'kunji_token_state{account="dhan",state="fresh"} 1.0' in text
    requests = re.search(r'kunji_broker_request_seconds_count\{broker="dhan"\} (\S+)', text)
    assert requests
    assert float(requests[1]) >= 2
    assert home.sandbox.dhan.token(CLIENT) not in text
    assert figures(home, "kr_" + "A" * 43)[0] == 401
    assert ask(home, "GET", "/metrics")[0] == 401


def test_a_bot_that_was_killed_is_not_alive_from_that_moment_on(home: House) -> None:
    home.start()
    eventually(lambda: home.run("check", "--alive").returncode == 0, "it never gives a sign of life")
    assert home.process

    home.process.kill()
    home.process.wait()

    ended = home.run("check", "--alive")
    assert ended.returncode == 1
    assert ended.stdout.startswith("the bot was killed")


@pytest.mark.long
def test_a_monitor_is_told_and_its_address_is_in_no_log(home: House) -> None:
    asked: list[str] = []

    class Monitor(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    home.log_level = "debug"
    with ThreadingHTTPServer(("127.0.0.1", 0), Monitor) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        home.bot_wide(heartbeat_url=f"http://127.0.0.1:{server.server_address[1]}/{UUID}")
        home.start()
        eventually(lambda: bool(asked), "the monitor is not told")
        server.shutdown()

    assert asked == [f"/{UUID}"]
    assert UUID not in home.log.read_text()


@pytest.mark.long
def test_systemd_is_told_of_the_start_the_life_and_the_end(home: House) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(str(home.folder.parent / "notify"))
        systemd.settimeout(15)
        home.environment = {"NOTIFY_SOCKET": str(home.folder.parent / "notify"), "WATCHDOG_USEC": "200000"}
        home.start()

        told: list[bytes] = []
        while not (b"READY=1" in told and b"WATCHDOG=1" in told):
            told.append(systemd.recv(100))
        assert home.end() == 0
        while told[-1] != b"STOPPING=1":
            told.append(systemd.recv(100))

    assert set(told) == {b"READY=1", b"WATCHDOG=1", b"STOPPING=1"}
    assert told.count(b"READY=1") == 1
