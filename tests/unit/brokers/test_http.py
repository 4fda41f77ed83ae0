"""Requests for real, to a server on loopback. What every broker's calls must survive is in tests/contract/suite.py."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from brokers import BrokerError, BrokerUnreachable, Drift, LoginRejected, Secret, UnexpectedReply
from brokers._guard import Guard
from brokers._http import Http, Limits, per_second
from tests.contract.stand_in import Handler, Patience, StandIn, everything_said, hangs, says, stand_in
from tests.fakes import FakeClock

NOW = datetime(2026, 11, 16, 3, 15, tzinfo=UTC)
PLANTED = "planted-pin"
"""By name, as tracebacks quote the lines of a test."""


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as server:
        server.will(says(200, {}))
        yield server


def http(server: StandIn | str, clock: FakeClock | None = None, **more: Any) -> Http:
    address, limits = (server, Limits()) if isinstance(server, str) else (server.url, server.patience)
    settings: dict[str, Any] = {"paces": {"api": per_second(3)}, "limits": limits} | more
    return Http("Dhan", {"api": address}, clock or FakeClock(NOW), settings.pop("drift", Drift()), **settings)


def test_secrets_are_sent_as_they_are(server: StandIn) -> None:
    http(server).post("api", "/path", params={"pin": Secret("a b&c=é")}, headers={"app_secret": Secret("x=y")})

    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query, seen.headers["app_secret"]) == (
        "POST",
        "/path",
        {"pin": "a b&c=é"},
        "x=y",
    )


def test_a_call_is_one_connection_that_is_not_kept(server: StandIn) -> None:
    ours = http(server)

    ours.get("api", "/")
    ours.get("api", "/")

    assert all(seen.headers["connection"] == "close" for seen in server.seen)
    assert all("cookie" not in seen.headers for seen in server.seen)


def test_a_redirect_is_not_followed(server: StandIn) -> None:
    server.will(says(302, "", Location=f"{server.url}/elsewhere"))

    assert http(server).get("api", "/").status == 302
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "address",
    ["http://example.com", "http://10.0.0.1", "ftp://127.0.0.1", "http://127.0.0.1.example.com", "http://[::1"],
)
def test_an_open_wire_is_for_this_machine_alone(address: str) -> None:
    with pytest.raises(BrokerError, match="neither https:// nor on this machine"):
        http(address).get("api", "/")


def test_the_proxy_is_the_configured_one_and_not_asked_for_this_machine(server: StandIn) -> None:
    with stand_in() as proxy:
        proxy.will(says(502, ""))

        http(server, proxy=proxy.url).get("api", "/")
        with pytest.raises(BrokerUnreachable, match="proxy") as caught:
            http("https://api.dhan.example", proxy=f"http://user:{PLANTED}@127.0.0.1:{proxy.server_port}").get(
                "api", "/"
            )

    assert len(server.seen) == 1
    assert PLANTED not in everything_said(caught.value)


def test_a_server_that_cannot_prove_who_it_is_gets_nothing(server: StandIn) -> None:
    with pytest.raises(BrokerUnreachable) as caught:
        http(server.url.replace("http:", "https:")).post("api", "/", params={"pin": Secret(PLANTED)})

    assert server.seen == []
    assert PLANTED not in everything_said(caught.value)


def test_a_tls_handshake_that_never_ends_is_ended() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        over = threading.Event()

        def drip() -> None:
            connection, _ = silent.accept()
            with connection:
                while not over.wait(0.05):
                    try:
                        connection.sendall(b"\x16\x03\x03\x40\x00"[:1])
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(BrokerUnreachable):
                http(f"https://127.0.0.1:{silent.getsockname()[1]}", limits=Patience(lambda: True)).get("api", "/")
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("value", ["a\nb", "ключ", "two words", "\x7f"])
def test_a_header_that_cannot_be_sent_is_told_without_its_value(server: StandIn, value: str) -> None:
    with pytest.raises(LoginRejected, match="app_id") as caught:
        http(server).get("api", "/", headers={"app_id": Secret(value)})

    assert value not in everything_said(caught.value)
    assert server.seen == []


# Waiting goes by the clock that was given.


def test_calls_beyond_the_pace_wait_by_the_clock(server: StandIn) -> None:
    clock = FakeClock(NOW)
    ours = http(server, clock)

    for _ in range(7):
        ours.get("api", "/")

    assert timedelta(seconds=2) <= clock.now() - NOW < timedelta(seconds=2.1)


def test_accounts_do_not_slow_each_other_down(server: StandIn) -> None:
    clock = FakeClock(NOW)

    for _ in range(5):
        http(server, clock).get("api", "/")

    assert clock.slept == []


def test_a_thousand_accounts_hold_no_thread_and_no_socket() -> None:
    before = threading.active_count()

    accounts = [http("https://api.dhan.co") for _ in range(1000)]

    assert len(accounts) == 1000
    assert threading.active_count() <= before


def test_no_thread_is_left_after_a_call(server: StandIn) -> None:
    http(server).get("api", "/")

    assert not [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, threading.Timer) and not thread.finished.is_set()
    ]


def test_a_read_is_tried_three_times_and_then_told(server: StandIn) -> None:
    clock = FakeClock(NOW)
    server.will(says(503, ""))

    with pytest.raises(BrokerUnreachable):
        http(server, clock).read("api", "/", lambda reply: reply.body)

    assert len(server.seen) == 3
    assert len(clock.slept) == 2


def test_a_read_that_used_up_its_time_is_not_repeated(server: StandIn) -> None:
    clock = FakeClock(NOW)

    def slow(handler: Handler) -> None:
        clock.go(30)
        says(503, "")(handler)

    server.will(slow)

    with pytest.raises(BrokerUnreachable):
        http(server, clock).read("api", "/", lambda reply: reply.body)

    assert len(server.seen) == 1


def test_a_read_that_makes_no_sense_is_not_repeated(server: StandIn) -> None:
    server.will(says(200, "nonsense"))

    with pytest.raises(UnexpectedReply):
        http(server).read("api", "/", lambda reply: reply.body)

    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("header", "seconds"), [("17", 17.0), ("soon", None), ("²", None), ("99999999", None), ("-1", None)]
)
def test_how_long_to_wait_is_read_where_it_is_told(server: StandIn, header: str, seconds: float | None) -> None:
    server.will(says(429, {}, Retry_After=header.encode().decode("latin-1")))

    assert http(server).get("api", "/").retry_after == seconds


# The brokers' clock.


def error_told(headers: dict[str, str]) -> timedelta | None:
    drift = Drift()
    for _ in range(2):
        with stand_in() as server:
            server.will(says(200, {}, **headers))
            http(server, drift=drift).get("api", "/")
    return drift.error()


def test_the_brokers_clock_is_measured_by_its_date_header() -> None:
    error = error_told({"Date": format_datetime(NOW + timedelta(seconds=40), usegmt=True)})

    assert error is not None
    assert timedelta(seconds=39) < error < timedelta(seconds=42)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": "Mon, 16 Nov 2026 03:16:00 GMT", "Age": "0"},
        {"Date": "yesterday"},
        {"Date": "Mon, 99 Nov 2026 03:16:00 GMT"},
        {"Date": "Mon, 16 Nov 2026 03:16:00 -0000"},
    ],
)
def test_a_date_that_says_nothing_measures_nothing(headers: dict[str, str]) -> None:
    assert error_told(headers) is None


# Nothing secret in a log.


def test_the_library_below_logs_no_query_at_any_level(server: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")

    http(server).post("api", "/login", params={"pin": Secret(PLANTED)})

    assert '"POST /login HTTP/1.1" 200' in caplog.text
    assert PLANTED not in caplog.text
    assert not any(PLANTED in repr(vars(record)) for record in caplog.records)


def test_headers_that_cannot_be_read_are_logged_without_the_address(
    server: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def odd(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon here\r\n\r\n{}")

    server.will(odd)
    try:
        http(server).post("api", "/login", params={"pin": Secret(PLANTED)})
    except BrokerError as error:
        assert PLANTED not in everything_said(error)  # noqa: PT017 -- it may also be read

    assert PLANTED not in caplog.text


def test_a_socket_opened_after_the_time_is_up_is_shut_at_once() -> None:
    first, first_end = socket.socketpair()
    late, late_end = socket.socketpair()
    with first, first_end, late, late_end, Guard(0.01) as guard:
        guard.watch(first)
        first_end.recv(1)  # until the time is up

        guard.watch(late)

        assert late_end.recv(1) == b""


def test_a_hanging_server_is_told_as_such(server: StandIn) -> None:
    server.will(hangs)

    with pytest.raises(BrokerUnreachable, match="did not"):
        http(server).get("api", "/")
