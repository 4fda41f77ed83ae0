"""The public door on a port of this machine, with accounts of several kinds behind it, and raw requests to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode, urlsplit

from bot.accounts import Accounts
from bot.doors import Door
from bot.face import Face
from bot.keeping import StoredCodes
from bot.listening import Port
from bot.tokens import TokenService
from bot.trading import Hours, Rules, TradingDays
from bot.web import public_app
from bot.web.callback import Callback, address
from brokers import Consent, ConsentRejected, Drift, Secret
from handlers.tokens import OpenQuestion
from tests.fake_broker import FakeBroker, Script, fake_account
from tests.fakes import FakeClock, MemoryStore
from tests.unit.tokens.desk import TUESDAY_8AM

PUBLIC = "https://kunji.example"
CHAT, MESSAGE = 1001, 77


def one(pasted: Secret, name: str) -> str | None:
    with suppress(ValueError):
        found = parse_qs(pasted.reveal().partition("?")[2], max_num_fields=20).get(name, [])
        return found[0] if len(found) == 1 else None
    return None


class ByPath(FakeBroker):
    """Its login page carries nothing; the answer is `code` in the address."""

    redirects = True

    def answer_in(self, pasted: Secret) -> Secret:
        if not (code := one(pasted, "code")):
            raise ConsentRejected("that address holds no code")
        return Secret(code)


class ByState(ByPath):
    carries_state = True

    def with_state(self, consent: Consent, state: Secret) -> Consent:
        return replace(consent, url=f"{consent.url}?{urlencode({'state': state.reveal()})}")

    def state_in(self, pasted: Secret) -> Secret | None:
        state = one(pasted, "state")
        return Secret(state) if state else None


ACCOUNTS = {"link": ByState, "link-two": ByState, "path": ByPath, "typed": FakeBroker}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


class Doorstep:
    def __init__(self, page_within: float = 30) -> None:
        self.clock, self.store, self.drift = FakeClock(TUESDAY_8AM), MemoryStore(), Drift()
        self.scripts = {name: Script() for name in ACCOUNTS}
        self.chat: list[tuple[int | None, int | None, str]] = []
        self.done: list[bool] = []
        self._told = asyncio.Event()
        accounts = {}
        for name, kind in ACCOUNTS.items():
            made = fake_account(
                self.clock, StoredCodes(self.store, name), self.scripts[name], name=name, login="assisted"
            )
            accounts[name] = replace(made, broker=kind(self.scripts[name], made.broker.given))
        rules = Rules(Hours(), TradingDays())
        self.tokens = TokenService(accounts, self.store, self.clock, self.drift, rules=rules, tell=lambda *_: None)
        self.executor = ThreadPoolExecutor(64)
        asking = Accounts(self.tokens, self.executor)
        now = self.clock.now()
        face = Face(self.tokens, asking, self.executor, self.drift, now, lambda: None, lambda: True)
        self.callback = Callback(face, PUBLIC, self._tell, page_within=page_within)
        self.door = Door(public_app(self.callback.routes, PUBLIC), Port("127.0.0.1", 0))

    async def _tell(self, asked: OpenQuestion, said: str, /, *, done: bool) -> None:
        self.chat.append((asked.chat, asked.message, said))
        self.done.append(done)
        self._told.set()

    async def until_told(self) -> None:
        async with asyncio.timeout(10):
            await self._told.wait()

    def opens_link(self, account: str) -> str:
        """Ask for a login; the query with which the browser comes back from it."""
        script = self.scripts[account]
        script.login.insert(0, Consent("https://login.example/page", "the address you land on"))
        self.tokens.refresh(account, who="admin", replace=True)
        self.tokens.asked(account, CHAT, MESSAGE)
        return self.query_of(account)

    def query_of(self, account: str, code: str = "code-1") -> str:
        consent = self.tokens.consent(account)
        assert consent is not None
        assert consent.url is not None
        return "&".join(filter(None, (urlsplit(consent.url.reveal()).query, f"code={code}")))

    def path(self, account: str) -> str:
        registered = address(PUBLIC, account, self.tokens.accounts[account].broker, self.store.derive)
        return registered.removeprefix(PUBLIC)

    def exchanges(self) -> int:
        return sum(script.exchanges for script in self.scripts.values())

    async def get(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """A request as it is, with whatever is in its target."""
        lines = [f"{method} {target} HTTP/1.1", "Host: evil.example", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        assert isinstance(self.door.place, Port)
        reader, writer = await asyncio.open_connection(self.door.place.host, self.door.place.port)
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
            raw = (await reader.read()).decode()
        finally:
            writer.close()
        head, _, body = raw.partition("\r\n\r\n")
        status, *found = head.split("\r\n")
        pairs = (line.partition(":") for line in found)
        return Answer(int(status.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}, body)


@asynccontextmanager
async def a_doorstep(page_within: float = 30) -> AsyncIterator[Doorstep]:
    made = Doorstep(page_within)
    await made.door.open()
    try:
        yield made
    finally:
        await made.door.close()
        made.executor.shutdown(wait=False)
