"""The local endpoint: a program in any language asks here for a live token, waits for the next one, and says when one
is dead. What it may ask is in docs/handoff.md.

It hands out what is held, and never what is known to be dead. A broker is asked only when a program says its token is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Container
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.handoff.audit import Audit
from bot.handoff.marks import Marks, mark_in, marks_in
from bot.handoff.readers import NOBODY, OWNER, Asker, Mistakes, Readers
from bot.handoff.rejections import Rejections
from bot.life import is_live, state
from bot.store import HeldToken
from bot.tokens import TokenService
from brokers import Secret

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_WAIT = 60.0
LOOK_AGAIN = 10.0
"""Seconds after which somebody who waits is looked after: is he still there, is there something nobody told of?"""
READING = 4
"""Threads that read the store: hung logins have theirs elsewhere."""
NOT_FOR_YOU = "there is no such account, or it is not for this key"
WRONG_KEY = "expected the header Authorization: Bearer and the key of a reader"


class Endpoint:
    """Routes for a private door."""

    def __init__(self, tokens: TokenService, audit: Audit, executor: Executor, *, knows_owner: bool) -> None:
        """`executor` is where brokers are asked. `knows_owner`: whoever comes without a key is the bot's own user."""
        self._tokens = tokens
        self._audit = audit
        self._knows_owner = knows_owner
        self._readers = Readers(tokens.store)
        self._mistakes = Mistakes(tokens.clock.monotonic)
        self._marks = Marks(tokens.store.derive("etag"))
        self._rejections = Rejections(tokens, self._marks, executor)
        self._reading = ThreadPoolExecutor(READING, "kunji-work-read")
        self._news = News(tokens.accounts)
        self.routes = [
            Route("/v1/accounts", self._accounts),
            Route("/v1/tokens/{account}", self._token),
            Route("/v1/tokens/{account}/rejected", self._rejected, methods=["POST"]),
        ]

    async def who_asks(self, request: Request) -> Asker:
        """For other routes of the same door. Raises HTTPException if the key is none."""
        return await self._off(self._asker, request)

    def touched(self, account: str) -> None:
        """Its token was saved or forgotten. From any thread."""
        self._news.tell(account)

    def dismiss(self) -> None:
        """Send away who waits; nobody waits from now on."""
        self._news.end()

    def close(self) -> None:
        """Once nobody asks any more."""
        self._reading.shutdown(wait=False, cancel_futures=True)

    # What is asked

    async def _accounts(self, request: Request) -> Response:
        return _answer(await self._off(self._listed, request))

    async def _token(self, request: Request) -> Response:
        account, patience = request.path_params["account"], _patience(request)
        known = marks_in(request.query_params.get("newer_than") or request.headers.get("if-none-match", ""))
        until = asyncio.get_running_loop().time() + patience
        while True:
            change = self._news.next(account)
            asker, held = await self._off(self._held, request, account)
            mark = self._marks.of(account, held) if held else None
            if (mark and mark not in known) or not await self._waits(request, change, until):
                break
        if patience and self._news.ended:
            raise HTTPException(503, "kunji is stopping")
        if held is None or mark is None:
            self._audit.note(asker.name, account, "none")
            raise HTTPException(503, f"there is no live token for {account} now")
        if mark in known:
            self._audit.note(asker.name, account, "unchanged")
            return Response(status_code=304, headers={"ETag": mark, "Cache-Control": "no-store"})
        self._audit.note(asker.name, account, "read")
        return _answer(self._shown(account, held), mark)

    async def _rejected(self, request: Request) -> Response:
        account, mark = request.path_params["account"], await _named_mark(request)
        asker = await self._off(self._admitted, request, account)
        self._audit.note(asker.name, account, "rejected")
        settled = await self._rejections.settle(account, await self._off(self._tokens.held, account), mark)
        # A login takes its time: the key may have been taken away meanwhile.
        await self._off(self._admitted, request, account)
        shown = self._shown(account, settled.held) | {"alive": settled.alive}
        return _answer(shown, self._marks.of(account, settled.held))

    async def _waits(self, request: Request, change: asyncio.Event, until: float) -> bool:
        """Whether it is worth looking again: something has changed, or a while has passed."""
        left = until - asyncio.get_running_loop().time()
        if left <= 0 or self._news.ended or await request.is_disconnected():
            return False
        with suppress(TimeoutError):
            await asyncio.wait_for(change.wait(), min(left, LOOK_AGAIN))
        return not self._news.ended

    async def _off(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it on a thread: the store may be slow."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, lambda: work(*args, **kwargs))

    # On a thread

    def _asker(self, request: Request) -> Asker:
        """Raises HTTPException if the key is none."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if not scheme and self._knows_owner:
            return Asker(OWNER, None)
        asker = self._readers.asker(Secret(key.strip())) if scheme.lower() == "bearer" else None
        if asker is None:
            address = request.client.host if request.client else ""
            if self._mistakes.are_too_many(address):
                raise HTTPException(429, "too many wrong keys", {"Retry-After": "60"})
            self._audit.note(NOBODY, None, "refused")
            raise HTTPException(401, WRONG_KEY, {"WWW-Authenticate": "Bearer"})
        return asker

    def _admitted(self, request: Request, account: str) -> Asker:
        """Raises HTTPException, and the same for what does not exist as for what may not be read."""
        asker = self._asker(request)
        if account not in self._tokens.accounts or not asker.may_read(account):
            self._audit.note(asker.name, account if account in self._tokens.accounts else None, "refused")
            raise HTTPException(404, NOT_FOR_YOU)
        return asker

    def _held(self, request: Request, account: str) -> tuple[Asker, HeldToken | None]:
        """The live token, if there is one."""
        asker, held = self._admitted(request, account), self._tokens.held(account)
        return asker, held if is_live(held, self._tokens.clock.now()) else None

    def _listed(self, request: Request) -> dict[str, Any]:
        asker = self._asker(request)
        self._audit.note(asker.name, None, "listed")
        return {"accounts": [self._row(name) for name in self._tokens.accounts if asker.may_read(name)]}

    def _row(self, name: str) -> dict[str, Any]:
        one = self._tokens.standing(name)
        return {
            "name": name,
            "broker": one.account.broker.name,
            "state": state(one, self._tokens.rules.hours.warn_before).value,
            "expires_at": one.held.token.expires_at.isoformat() if one.held else None,
            "etag": self._marks.of(name, one.live) if one.live else None,
        }

    def _shown(self, account: str, held: HeldToken) -> dict[str, Any]:
        token = held.token
        return {
            "account": account,
            "broker": self._tokens.accounts[account].broker.name,
            "client_id": token.client_id,
            "token": token.value.reveal(),
            "extra": {name: value.reveal() for name, value in token.extra.items()},
            "environment": {name: value.reveal() for name, value in held.environment.items()},
            "headers": {name: value.reveal() for name, value in held.headers.items()},
            "issued_at": token.issued_at.isoformat(),
            "expires_at": token.expires_at.isoformat(),
            "age": round((self._tokens.clock.now() - token.issued_at).total_seconds(), 3),
            "proven": held.proven,
        }


class News:
    """Wakes who waits for a change of an account's token. In the loop, but for `tell`."""

    def __init__(self, accounts: Container[str]) -> None:
        """Whoever asks may make up a name; only those of `accounts` are remembered."""
        self._accounts = accounts
        self._awaited: dict[str, asyncio.Event] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ended = False

    def next(self, account: str) -> asyncio.Event:
        """Set with the next change from now on."""
        self._loop = asyncio.get_running_loop()
        awaited = asyncio.Event()
        return self._awaited.setdefault(account, awaited) if account in self._accounts else awaited

    def tell(self, account: str) -> None:
        """From any thread; nobody is woken by a loop that is over."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake, account)

    def end(self) -> None:
        self.ended = True
        for account in list(self._awaited):
            self._wake(account)

    def _wake(self, account: str) -> None:
        if awaited := self._awaited.pop(account, None):
            awaited.set()


def _patience(request: Request) -> float:
    """How long to wait for a token, in seconds. Raises HTTPException."""
    text = request.query_params.get("wait", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise HTTPException(400, f"wait takes a number of seconds from 0 to {LONGEST_WAIT:.0f}")
    return seconds


async def _named_mark(request: Request) -> str:
    """The ETag of the token that is said to be dead. Raises HTTPException."""
    text: object = request.headers.get("if-match")
    if text is None:
        try:
            given = json.loads(await request.body())
        except (ValueError, RecursionError):
            given = None
        text = given.get("etag") if isinstance(given, dict) else None
    if not isinstance(text, str) or text in ("", "*"):
        raise HTTPException(400, 'name the token by its ETag: in the header If-Match, or as {"etag": …}')
    return mark_in(text)


def _answer(content: dict[str, Any], mark: str | None = None) -> Response:
    return JSONResponse(content, headers={"Cache-Control": "no-store"} | ({"ETag": mark} if mark else {}))
