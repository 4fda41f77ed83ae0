"""The public door of a real `kunji run`, and those who stand before it without being asked."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.sandbox.zerodha import Zerodha
from bot.store import open_store
from bot.web.postbacks import address
from tests.e2e.house import CLIENT, PATIENCE, WIFE, House, house
from tests.e2e.leaks import Hunt

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only address of a machine")

USER, OTHER, PASSWORD = "AB1234", "XY9876", "correct-horse-battery"
SECRETS = {USER: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ", OTHER: "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLA"}
APPS = {
    "zerodha": ("samplekey0000001", "samplesecret00000001"),
    "zerodha-two": ("samplekey0000002", "samplesecret00000002"),
}
CLIENTS = {"zerodha": USER, "zerodha-two": OTHER}
A_GUESS = "A" * 32
HEADERS = {
    "allow", "cache-control", "connection", "content-length", "content-security-policy", "content-type",
    "referrer-policy", "retry-after", "x-content-type-options",
}  # fmt: skip
"""All that an answer may have."""


@dataclass
class Besieged:
    home: House
    port: int
    unspoken: list[str] = field(default_factory=lambda: [A_GUESS])
    """What is to be in no log."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def kite(self) -> Zerodha:
        zerodha = self.home.sandbox.brokers["zerodha"]
        assert isinstance(zerodha, Zerodha)
        return zerodha

    def comes_back(self, account: str) -> str:
        """What a browser is sent to once its user has logged in at the broker."""
        asked = self.home.says(f"/refresh {account}", f"{account}: the broker wants you")
        landed = self.kite.approve(str(asked.button("Open the login page").url), CLIENTS[account])
        self.unspoken += parse_qs(urlsplit(landed).query)["state"]
        return landed

    def postback_url(self, account: str) -> str:
        store = open_store(self.home.folder, environment={})
        try:
            found = address(self.url, account, store.derive)
        finally:
            store.close()
        self.unspoken.append(found.rpartition("/")[2])
        return found

    async def hears(self, raw: bytes, by: str = "127.0.0.1") -> bytes:
        """All that is answered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(by, 0))
        try:
            writer.write(raw)
            return await asyncio.wait_for(reader.read(), PATIENCE)
        finally:
            writer.close()

    async def asks(self, target: str, method: str = "GET", by: str = "127.0.0.1", head: str = "") -> Answer:
        said = f"{method} {target} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n{head}\r\n"
        return Answer.of(await self.hears(said.encode("latin-1"), by))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: frozenset[str]
    body: str

    @classmethod
    def of(cls, raw: bytes) -> Answer:
        head, _, body = raw.decode("latin-1").partition("\r\n\r\n")
        status, *headers = head.split("\r\n")
        return cls(int(status.split()[1]), frozenset(one.partition(":")[0].lower() for one in headers), body)


@pytest.fixture
def besieged(tmp_path: Path) -> Iterator[Besieged]:
    """A family with accounts that log in alone and by a link; what it keeps secret is in no log afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with house(tmp_path) as home:
        made = Besieged(home, port)
        home.bot_wide(listen=f"127.0.0.1:{port}", public_url=made.url)
        home.auto()
        home.assisted()
        for account, (key, secret) in APPS.items():
            home.write(f"{account}_config.json", {"client_id": CLIENTS[account], "api_key": key, "api_secret": secret})
            made.kite.add_app(key, secret, f"{made.url}/callback/{account}")
            made.kite.add_client(CLIENTS[account], PASSWORD, SECRETS[CLIENTS[account]])
        home.start()
        with Hunt(home) as hunt:
            yield made
        assert hunt.found() == []
        log = home.log.read_text()
        assert "Traceback" not in log
        assert not any(value in log for value in made.unspoken)
        assert log.count("\n") < 50


def addresses(number: int) -> list[str]:
    """Of different callers, none of whom has asked before."""
    return [f"127.0.{1 + one // 250}.{1 + one % 250}" for one in range(number)]


async def every(besieged: Besieged, targets: Sequence[str], method: str = "GET") -> list[Answer]:
    """Each by a caller of its own."""
    asked = zip(targets, addresses(len(targets)), strict=True)
    return [await besieged.asks(target, method, by) for target, by in asked]


# Logins


async def test_no_login_is_finished_by_what_did_not_come_from_its_own_link(besieged: Besieged) -> None:
    others = urlsplit(besieged.comes_back("zerodha-two")).query
    right = urlsplit(besieged.comes_back("zerodha"))
    token = parse_qs(right.query)["request_token"][0]
    besieged.home.says("/refresh dhan-wife", "dhan-wife: the broker wants you")
    consent = besieged.home.sandbox.dhan.consents(WIFE)[-1]
    wifes = urlsplit(besieged.home.sandbox.dhan.approve(consent)).query

    answers = await every(
        besieged,
        [
            f"/callback/zerodha?request_token={token}",
            f"/callback/zerodha?request_token={token}&state=",
            f"/callback/zerodha?request_token={token}&state={A_GUESS}",
            f"/callback/zerodha?{others}",
            f"/callback/zerodha-two?{right.query}",
            f"/callback/zerodha?{right.query}&{others}",
            f"/callback/nobody?{right.query}",
            f"/callback/dhan-wife?{wifes}",
            f"/callback/dhan-wife/{A_GUESS}?{wifes}",
            f"/callback/dhan/{A_GUESS}?{wifes}",
        ],
    )
    done = await besieged.asks(f"{right.path}?{right.query}")
    replayed = await besieged.asks(f"{right.path}?{right.query.replace(token, 'another0token')}")

    assert {(one.status, one.body) for one in [*answers, replayed]} == {(404, replayed.body)}
    assert (done.status, besieged.kite.calls("session")) == (200, 1)
    assert besieged.home.token("zerodha") == besieged.kite.token(USER)
    assert besieged.home.token("zerodha-two") is None
    assert besieged.home.token("dhan-wife") is None


@pytest.mark.long
async def test_a_link_that_was_lying_about_is_of_no_use(besieged: Besieged) -> None:
    found = urlsplit(besieged.comes_back("zerodha"))
    besieged.home.end()
    besieged.home.sandbox.clock.advance(601)
    besieged.home.start()

    answer = await besieged.asks(f"{found.path}?{found.query}")

    assert answer.status == 409
    assert "10 minutes" in answer.body
    assert besieged.kite.calls("session") == 0


# Requests that are none


TRICKS = [
    "/", "//", "/callback", "/callback/", "/callback//", "/callback/../postback/dhan/" + A_GUESS,
    "/callback/%2e%2e/postback/dhan/" + A_GUESS, "/callback/..%2fpostback", "/callback%2fzerodha",
    "/callback/zerodha%00", "/callback/zerodha/%00", "/callback/zerodha%0d%0aX-Evil:%201", "/callback/%ff%fe",
    "/callback/zerodha;x=1", "/CALLBACK/zerodha", "/callback/zerodha%23", "/callback/%7a%65%72%6f%64%68%61/",
    "/./callback/zerodha", "/postback/../callback/zerodha", "/healthz", "/metrics", "/v1/accounts", "/v1/tokens/dhan",
    "/.env", "/.kunji/kunji.key", "/%2e%2e/%2e%2e/etc/passwd", "/telegram/" + A_GUESS, "/static/../../dhan_config.json",
    "http://evil.example/callback/zerodha", "*", "/callback/" + "a" * 8000, "/callback/zerodha?" + "state=x&" * 1000,
]  # fmt: skip


async def test_whatever_the_path_looks_like_it_leads_nowhere(besieged: Besieged) -> None:
    besieged.comes_back("zerodha")

    answers = await every(besieged, TRICKS)
    too_long = await besieged.asks("/" + "a" * 20_000, by="127.0.9.1")

    assert {(one.status, one.body) for one in answers} == {(404, answers[0].body)}
    assert too_long.status in (400, 431)
    assert besieged.kite.calls("session") == 0


@pytest.mark.long
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "CONNECT", "BREW"])
async def test_other_methods_do_nothing(besieged: Besieged, method: str) -> None:
    right = urlsplit(besieged.comes_back("zerodha"))

    page, posted = await every(besieged, [f"{right.path}?{right.query}", f"/postback/dhan/{A_GUESS}"], method)

    assert (page.status, posted.status) == (405, 405)
    assert besieged.kite.calls("session") == 0


@pytest.mark.long
async def test_nothing_of_a_request_comes_back_in_a_header(besieged: Besieged) -> None:
    evil = "%0d%0aSet-Cookie:%20evil=1%0d%0a%0d%0aevil"
    targets = [f"/callback/zerodha?state={evil}", f"/callback/{evil}", f"/{evil}?{evil}", f"/callback/zerodha/{evil}/"]

    answers = await every(besieged, targets)
    answers += [
        await besieged.asks("/callback/zerodha", by="127.0.9.1", head="X-Forwarded-Host: evil\r\nOrigin: evil\r\n")
    ]
    split = await besieged.hears(
        b"GET /callback/zerodha?a=\r\nSet-Cookie: evil HTTP/1.1\r\nHost: x\r\n\r\n", "127.0.9.2"
    )

    assert all(one.headers <= HEADERS for one in answers)
    assert not any("evil" in one.body.lower() for one in answers)
    assert split.startswith(b"HTTP/1.1 400")
    assert b"evil" not in split


@pytest.mark.long
async def test_there_are_no_websockets_and_nothing_but_http_1(besieged: Besieged) -> None:
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"

    websocket = await besieged.hears(f"GET / HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n".encode())
    http_2 = await besieged.hears(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

    assert websocket.startswith(b"HTTP/1.1 404")
    assert http_2.startswith(b"HTTP/1.1 4")


# Very many


async def bad_requests(besieged: Besieged, number: int, at_once: int = 20) -> Counter[int]:
    """Of several kinds, from one address, a new connection for each; the statuses."""
    seen = Counter[int]()
    guess = f"request_token=x&state={A_GUESS}"

    async def some() -> None:
        for one in range(number // at_once):
            method, target = [
                ("GET", f"/callback/zerodha?{guess}"),
                ("GET", f"/callback/dhan-wife/{A_GUESS}?{guess}"),
                ("POST", f"/postback/dhan/{A_GUESS}"),
                ("GET", f"/{one}/wp-login.php"),
            ][one % 4]
            seen[(await besieged.asks(target, method)).status] += 1

    await asyncio.gather(*(some() for _ in range(at_once)))
    return seen


@pytest.mark.long
async def test_ten_thousand_bad_requests_disturb_no_command_no_refresh_and_no_postback(besieged: Besieged) -> None:
    home, dhan = besieged.home, besieged.home.sandbox.dhan
    dhan.change(CLIENT, postback_url=besieged.postback_url("dhan"))
    right = urlsplit(besieged.comes_back("zerodha"))

    flood = asyncio.create_task(bad_requests(besieged, 10_000))
    for _ in range(10):
        await asyncio.to_thread(home.says, "/status", "dhan")
    await asyncio.to_thread(home.says, "/refresh dhan", "new token")
    await asyncio.to_thread(dhan.fill, dhan.place(CLIENT, "TCS", 4, 3346.0))
    await asyncio.to_thread(home.sees, "bought 4 TCS")
    done = await besieged.asks(f"{right.path}?{right.query}", by="127.0.9.1")
    assert not flood.done()
    seen = await flood

    assert done.status == 200
    assert set(seen) == {404, 429}
    assert sum(seen.values()) == 10_000
    assert seen[404] < 100
    assert besieged.kite.calls("session") == 1


@pytest.mark.long
async def test_two_hundred_who_dawdle_keep_nobody_out(besieged: Besieged) -> None:
    right = urlsplit(besieged.comes_back("zerodha"))
    halves = [b"", b"GET / HTTP/1.1\r\nX:", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"]
    callers = ["127.0.8.1"] * 200 + [f"127.0.7.{1 + one // 50}" for one in range(150)]
    dawdling = []
    for number, by in enumerate(callers):
        _, writer = await asyncio.open_connection("127.0.0.1", besieged.port, local_addr=(by, 0))
        dawdling.append(writer)
        writer.write(halves[number % 3])

    done = await besieged.asks(f"{right.path}?{right.query}")

    assert done.status == 200
    await asyncio.to_thread(besieged.home.says, "/status", "zerodha")
    for writer in dawdling:
        writer.close()


def resident_kib(home: House) -> int:
    assert home.process is not None
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{home.process.pid}/status").read_text())
    assert found is not None
    return int(found[1])


async def from_everywhere(besieged: Besieged, first: int, number: int) -> None:
    for one in range(first, first + number):
        by = f"127.{1 + one // 62500}.{one // 250 % 250}.{1 + one % 250}"
        await besieged.asks(f"/callback/zerodha?state={one}", by=by)


@pytest.mark.long
async def test_memory_stays_flat_however_many_ask_from_wherever(besieged: Besieged) -> None:
    await from_everywhere(besieged, 0, 6000)
    await bad_requests(besieged, 2000)
    before = resident_kib(besieged.home)

    await from_everywhere(besieged, 6000, 6000)
    await bad_requests(besieged, 4000)

    assert resident_kib(besieged.home) - before < 4096
