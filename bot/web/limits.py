"""How often may be asked at the public door: by one caller, and by all of them together. Wrong secrets count tenfold.

What is posted is let through to where its secret is looked at, which is done before anything else of it is read. So
brokers and Telegram are heard whatever else comes from their address: behind a tunnel all have the same.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.pages import Page
from bot.web.proxies import Callers, IPAddress

BY_ONE, BY_ALL = 60, 6000
"""At once, and within every minute."""
WRONG = 10
"""What a wrong secret counts."""
CALLERS_KEPT = 4096
A_HOUSEHOLD = 64
"""Bits of an IPv6 address: whoever has one has all that begin with these."""
NOT_TAKEN = (404, 405)
TOO_OFTEN = Page(
    429,
    "This page was asked for too often within a minute, by you or by others, so nothing was looked at. "
    "Your login is not used up: wait a minute, then open this page again.",
    "",
)


class Allowance:
    """May be used up at once, and comes back within a minute."""

    def __init__(self, most: int, now: float) -> None:
        self._most = most
        self._left = float(most)
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until there is some of it left; none: there is."""
        self._left = min(self._most, self._left + (now - self._at) * self._most / 60)
        self._at = now
        return 0.0 if self._left >= 1 else (1 - self._left) * 60 / self._most

    def use(self, count: int) -> None:
        self._left -= count


class Allowances:
    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._of_all = Allowance(BY_ALL, monotonic())
        self._of_each: OrderedDict[str, Allowance] = OrderedDict()
        """The one that asked last is the last."""

    def wait(self, caller: IPAddress | None) -> float:
        """Seconds until this caller may ask again; none: now."""
        now = self._monotonic()
        return max(self._of(caller).wait(now), self._of_all.wait(now))

    def use(self, caller: IPAddress | None, count: int) -> None:
        self._of(caller).use(count)
        self._of_all.use(min(count, 1))

    def _of(self, caller: IPAddress | None) -> Allowance:
        household = _household(caller)
        found = self._of_each.pop(household, None) or Allowance(BY_ONE, self._monotonic())
        self._of_each[household] = found
        if len(self._of_each) > CALLERS_KEPT:
            self._of_each.popitem(last=False)
        return found


class Limited:
    """In front of an app. Closes the connection after whatever is refused: nobody waits for the rest of it."""

    def __init__(self, app: ASGIApp, callers: Callers, monotonic: Callable[[], float], public_url: str) -> None:
        self._app = app
        self._callers = callers
        self._allowances = Allowances(monotonic)
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = self._callers.of(scope)
        wait = self._allowances.wait(caller)
        if wait and scope["method"] != "POST":
            await self._turn_away(wait, scope, receive, send)
            return
        is_turned_away = False

        async def judged(message: Message) -> None:
            nonlocal is_turned_away
            if is_turned_away:
                return
            if message["type"] == "http.response.start" and message["status"] in NOT_TAKEN:
                message = _with_an_end(message)
                is_turned_away = wait > 0
            if is_turned_away:
                await self._turn_away(wait, scope, receive, send)
                return
            if message["type"] == "http.response.start":
                self._allowances.use(caller, _counts(scope, message["status"]))
            await send(message)

        await self._app(scope, receive, judged)

    async def _turn_away(self, wait: float, scope: Scope, receive: Receive, send: Send) -> None:
        response = TOO_OFTEN.response(self._public_url)
        response.headers["Retry-After"] = str(math.ceil(wait))
        response.headers["Connection"] = "close"
        await response(scope, receive, send)


def _counts(scope: Scope, status: int) -> int:
    """A route that is there and finds nothing was asked with a wrong secret. A post with a right one is not counted."""
    if status == 404 and "endpoint" in scope:
        return WRONG
    return 0 if scope["method"] == "POST" and status not in NOT_TAKEN else 1


def _with_an_end(message: Message) -> Message:
    return {**message, "headers": [*message["headers"], (b"connection", b"close")]}


def _household(caller: IPAddress | None) -> str:
    if isinstance(caller, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(caller), A_HOUSEHOLD), strict=False))
    return str(caller)
