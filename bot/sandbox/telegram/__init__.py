"""A stand-in for Telegram: the Bot API over HTTP, and the people in the chats.

Strict where Telegram is: entities, lengths, keyboards, rights, one poller at a time. Stricter in one thing: a parameter
the method does not have is refused. Left out: media but pictures, inline mode, Markdown, flood limits unless asked for.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from starlette.responses import JSONResponse, Response

from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import ANY
from bot.sandbox.front import Asked, Handler, Resolver
from bot.sandbox.pulse import Pulse
from bot.sandbox.standin import StandIn
from bot.sandbox.telegram import params as parameters
from bot.sandbox.telegram.chats import User
from bot.sandbox.telegram.methods import METHODS
from bot.sandbox.telegram.params import Params, Refused
from bot.sandbox.telegram.people import People
from bot.sandbox.telegram.screen import Screen
from bot.sandbox.telegram.webhook import Webhook, bring
from bot.sandbox.telegram.world import World

TOKEN = "731234567:AAsandboxSandboxSandboxSandboxSandbox"  # noqa: S105 (opens nothing)
_PATH = re.compile(r"/bot(\d{1,20}:[A-Za-z0-9_-]{20,80})/(\w+)")
DESCRIPTIONS = {
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
LONGEST_POLL = 50


class Telegram(People, Screen, StandIn):
    """Calls are named as the methods are: `sendMessage` …"""

    name = "telegram"
    controls: ClassVar[tuple[str, ...]] = (
        *StandIn.controls,
        "add_user",
        "answer_to",
        "block",
        "change",
        "commands",
        "erase",
        "events",
        "fail",
        "flood",
        "inject",
        "invite",
        "mark",
        "open_chat",
        "poison",
        "post",
        "press",
        "say",
        "say_as_guest",
        "say_to_business",
        "set_webhook",
        "transcript",
        "unblock",
        "upgrade",
        "wait_event",
        "wait_for",
        "wait_gone",
        "waiting_updates",
    )

    def __init__(self, clock: SandboxClock, pulse: Pulse, token: str = TOKEN) -> None:
        bot = User(int(token.partition(":")[0]), "Kunji", "kunji_sandbox_bot", is_bot=True)
        self.world = World(self.unix, pulse, token, bot)
        super().__init__(clock, pulse)
        self.lock = self.world.lock

    async def open(self, in_loop: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        await super().open(in_loop)
        self._bringing = asyncio.create_task(bring(self.world))

    async def release(self) -> None:
        self._bringing.cancel()
        await asyncio.wait([self._bringing])
        await super().release()

    def doors(self) -> Mapping[str, Resolver]:
        return {"api": self._resolve}

    @property
    def token(self) -> str:
        return self.world.token

    # Faults of its own.

    def fail(self, call: str = ANY, status: int = 500, description: str | None = None, times: int | None = 1) -> None:
        """The next calls are refused with that status, worded as Telegram words it."""
        body = _refusal(status, description or DESCRIPTIONS.get(status, "Bad Request"))
        self.respond(call, status, body, times)

    def flood(self, call: str = ANY, retry_after: int = 1, times: int | None = 1) -> None:
        """The next calls are refused as too many."""
        body = _refusal(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)
        self.respond(call, 429, body, times)

    def set_webhook(self, url: str) -> None:
        """Somebody else who has the bot's token sets a webhook; empty: takes it away."""
        with self.lock:
            self.world.updates.webhook = Webhook(url) if url else None
        self.pulse.beat()

    # Requests.

    def _resolve(self, asked: Asked) -> tuple[str, Asked, Handler]:
        found = _PATH.fullmatch(asked.path)
        if found is None:
            return "nowhere", asked, lambda _: _refused(404, DESCRIPTIONS[404])
        token, method = found.groups()
        asked = replace(asked, path=f"/{method}")  # what is remembered of a call must not hold the token
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return method, asked, lambda _: _refused(401, DESCRIPTIONS[401])
        if method not in parameters.METHODS:
            return method, asked, lambda _: _refused(404, DESCRIPTIONS[404])
        return method, asked, lambda asked: self._call(method, asked)

    async def _call(self, method: str, asked: Asked) -> Response:
        try:
            given = Params(method, parameters.given_by(asked))
            result = await self._get_updates(given) if method == "getUpdates" else self._now(method, given)
        except Refused as refused:
            return _refused(refused.status, refused.description, **refused.parameters)
        return JSONResponse({"ok": True, "result": result})

    def _now(self, method: str, given: Params) -> Any:
        with self.lock:
            return METHODS[method](self.world, given)

    async def _get_updates(self, given: Params) -> list[dict[str, Any]]:
        limit = max(1, min(100, given.number("limit", 100) or 100))
        timeout = max(0, min(LONGEST_POLL, given.number("timeout", 0) or 0))
        updates = self.world.updates
        with self.lock:
            if updates.webhook:
                raise Refused(
                    409,
                    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
                    "webhook first",
                )
            if (allowed := given.parsed("allowed_updates", list)) is not None:
                updates.allowed = allowed
            updates.confirm(given.number("offset", 0) or 0)
            updates.poll += 1
            mine = updates.poll
        self.pulse.beat()

        def look() -> list[dict[str, Any]] | None:
            with self.lock:
                if updates.poll != mine:
                    raise Refused(409, DESCRIPTIONS[409])
                if updates.webhook:
                    raise Refused(409, "Conflict: terminated by setWebhook request")
                return updates.waiting(limit) or None

        return await self.pulse.wait_async(look, timeout) or []


def _refusal(status: int, description: str, **more: int) -> dict[str, Any]:
    with_more = {"parameters": more} if more else {}
    return {"ok": False, "error_code": status, "description": description, **with_more}


def _refused(status: int, description: str, **more: int) -> Response:
    return JSONResponse(_refusal(status, description, **more), status)
