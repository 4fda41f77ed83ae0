"""How often may be asked at the public door."""

from __future__ import annotations

import asyncio
import hmac
from ipaddress import ip_network

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.listening import Port
from bot.polling import Hook
from bot.web import public_app, webhook
from bot.web.limits import BY_ALL, BY_ONE, CALLERS_KEPT, WRONG, Allowances, Limited
from bot.web.proxies import Callers, address

URL = "https://kunji.example"
HOOK = Hook.derived(lambda purpose: hmac.digest(b"key", purpose.encode(), "sha256"))
RIGHT = {webhook.HEADER: HOOK.token.reveal()}
GUESSES = 6
"""So many wrong secrets use up what a minute gives."""
ONE, OTHER = "203.0.113.7", "198.51.100.1"


async def page(request: Request) -> Response:
    return Response(status_code=200 if request.query_params.get("state") == "right" else 404)


class Front:
    """The limits in front of two routes, one for browsers and one for Telegram."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.taken = 0
        self.read = 0
        routes = [Route("/callback/zerodha", page), *webhook.routes(HOOK, self._take)]
        callers = Callers([ip_network("127.0.0.1")], Port("127.0.0.1", 0))
        self._app = Limited(public_app(routes, URL), callers, lambda: self.now, URL)

    def _take(self, _update: object) -> bool:
        self.taken += 1
        return True

    def asks(self, path: str, method: str = "GET", *, by: str = ONE, **headers: str) -> httpx.Response:
        async def body() -> object:
            self.read += 1
            yield b"{}"

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, client=(by, 1))
            async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
                given = {"content": body()} if method == "POST" else {}
                return await client.request(method, path, headers=headers, **given)  # type: ignore[arg-type]

        return asyncio.run(ask())

    def browses(self, times: int = 1, path: str = "/callback/zerodha?state=right", by: str = ONE) -> list[int]:
        return [self.asks(path, by=by).status_code for _ in range(times)]

    def guesses(self, times: int = 1, by: str = ONE) -> list[int]:
        return self.browses(times, "/callback/zerodha?state=wrong", by)

    def posts(self, times: int = 1, by: str = ONE, **headers: str) -> list[int]:
        return [self.asks(HOOK.address(""), "POST", by=by, **headers).status_code for _ in range(times)]


def test_a_caller_may_ask_so_often_and_is_then_told_when_again() -> None:
    front = Front()

    assert front.browses(BY_ONE) == [200] * BY_ONE

    answer = front.asks("/callback/zerodha?state=right")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert answer.headers["Connection"] == "close"
    assert "wait a minute" in answer.text
    front.now += 1
    assert front.browses(2) == [200, 429]
    front.now += 3600
    assert front.browses(BY_ONE + 1) == [200] * BY_ONE + [429]


def test_a_wrong_secret_counts_tenfold_and_so_does_not_what_is_nowhere() -> None:
    front = Front()

    assert front.guesses(GUESSES + 1) == [404] * GUESSES + [429]
    assert front.browses() == [429]
    assert front.browses(BY_ONE, "/favicon.ico", by=OTHER) == [404] * BY_ONE
    front.now += WRONG
    assert front.guesses(2) == [404, 429]


def test_one_who_asks_too_often_does_not_keep_another_one_out() -> None:
    front = Front()

    front.guesses(100)

    assert front.browses(by=OTHER) == [200]


def test_what_is_posted_with_a_right_secret_is_always_taken_and_with_a_wrong_one_not_read() -> None:
    front = Front()

    assert front.posts(GUESSES + 20) == [404] * GUESSES + [429] * 20
    assert (front.read, front.taken) == (0, 0)

    assert front.posts(5 * BY_ONE, **RIGHT) == [200] * 5 * BY_ONE
    assert front.taken == 5 * BY_ONE
    front.now += WRONG
    assert front.guesses() == [404]


def test_whoever_goes_on_asking_is_not_kept_out_for_longer() -> None:
    front = Front()

    front.posts(500)
    front.guesses(500)
    front.now += 1

    assert front.browses() == [200]


@pytest.mark.parametrize("path", ["/nowhere", "/callback/zerodha"])
def test_what_is_posted_elsewhere_is_turned_away_as_well(path: str) -> None:
    front = Front()

    statuses = [front.asks(path, "POST").status_code for _ in range(BY_ONE + 1)]

    assert set(statuses[:BY_ONE]) <= {404, 405}
    assert statuses[BY_ONE] == 429


def test_who_asks_in_the_wrong_way_is_told_the_right_one() -> None:
    front = Front()

    answer = front.asks(HOOK.address(""), "GET")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_household_with_very_many_addresses_is_one_caller() -> None:
    front = Front()

    found = [front.guesses(by=f"2001:db8:0:1::{number:x}")[0] for number in range(GUESSES + 1)]

    assert found == [404] * GUESSES + [429]
    assert front.guesses(by="2001:db8:0:2::1") == [404]
    assert front.guesses(by="::1") == [404]


def test_behind_a_trusted_proxy_its_callers_are_told_apart() -> None:
    front = Front()

    def guessed(caller: str, state: str) -> int:
        said = {"X-Forwarded-For": f"9.9.9.9, {caller}"}
        return front.asks(f"/callback/zerodha?state={state}", by="127.0.0.1", **said).status_code

    for _ in range(GUESSES):
        guessed(ONE, "wrong")

    assert (guessed(ONE, "right"), guessed(OTHER, "right")) == (429, 200)


def test_all_together_may_ask_only_so_often() -> None:
    allowances = Allowances(lambda: 0.0)
    callers = [address(f"203.{number // 250}.{number % 250}.7") for number in range(BY_ALL + 1)]

    waits = []
    for caller in callers:
        waits.append(allowances.wait(caller))
        allowances.use(caller, 1)

    assert set(waits[:BY_ALL]) == {0.0}
    assert waits[BY_ALL] > 0


def test_only_so_many_callers_are_remembered_and_of_them_those_who_asked_last() -> None:
    front = Front()
    front.guesses(GUESSES)
    for number in range(CALLERS_KEPT - 1):
        front._app._allowances.wait(address(f"203.{number // 250}.{number % 250}.9"))

    assert front.guesses() == [429]
    for number in range(2 * CALLERS_KEPT):
        front._app._allowances.wait(address(f"204.{number // 250}.{number % 250}.9"))

    assert len(front._app._allowances._of_each) == CALLERS_KEPT
