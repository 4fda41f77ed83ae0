"""The chat page: a person with a browser writes to the bot, moves the time, breaks things and sees what brokers saw.

Files of our own, nothing from elsewhere. The page asks what changed and waits for the answer; what it does, it does
through the control door like any other program.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.chat.scene import Leap, Login, Person, Scene
from bot.sandbox.chat.troubles import Troubles
from bot.sandbox.clock import SandboxClock
from bot.sandbox.pulse import Pulse
from bot.sandbox.standin import Broker, StandIn
from bot.sandbox.telegram import Telegram

PAGE = "page.html"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
PATIENCE = 20.0
CALLS_SHOWN = 60
MOMENTARY = {"answered", "action"}
"""What is seen for a moment only and leaves no message."""
ANYBODY = Scene((Person(1001, "You", "admin"),))

InThread = Callable[..., Awaitable[Any]]


class ChatPage:
    """`scene` may be set at any time. `in_thread` runs what blocks."""

    def __init__(self, clock: SandboxClock, pulse: Pulse, standins: Mapping[str, StandIn], in_thread: InThread) -> None:
        telegram = standins["telegram"]
        assert isinstance(telegram, Telegram)  # noqa: S101 (for the type checker)
        self._clock, self._pulse, self._telegram = clock, pulse, telegram
        self._brokers = {name: one for name, one in standins.items() if isinstance(one, Broker)}
        self._troubles = Troubles(standins)
        self._in_thread = in_thread
        self.scene = ANYBODY

    def routes(self) -> list[Route]:
        served = [path for path in Path(__file__).parent.iterdir() if path.suffix in KINDS]
        files = [Route("/" if path.name == PAGE else f"/{path.name}", _file(path)) for path in served]
        return [
            *files,
            Route("/look", self._look),
            Route("/photo/{chat}/{message:int}", self._photo),
            Route("/trouble", self._trouble, methods=["POST"]),
        ]

    async def _look(self, request: Request) -> Response:
        """What changed after event `after`, as soon as it differs from what was `seen`."""
        seen = request.query_params.get("seen", "")
        try:
            after = int(request.query_params.get("after", "0"))
        except ValueError:
            return JSONResponse({"error": "after is the number of an event"}, 400)
        await self._pulse.wait_async(lambda: True if self._standing() != seen else None, PATIENCE)
        if self._pulse.closed:
            return Response(status_code=503)
        return JSONResponse(await self._in_thread(self._view, after), headers=HEADERS)

    async def _photo(self, request: Request) -> Response:
        """The picture of a message."""
        try:
            chat = int(request.path_params["chat"])
        except ValueError:
            return Response(status_code=404)
        content = await self._in_thread(self._telegram.photo, chat, request.path_params["message"])
        if content is None:
            return Response(status_code=404)
        return Response(content, media_type="image/png", headers=HEADERS)

    async def _trouble(self, request: Request) -> Response:
        """`{"name": …, "trouble": …}`, or nothing: everything works again."""
        try:
            given = await request.json()
            if given:
                await self._in_thread(self._troubles.cause, given["name"], given["trouble"])
            else:
                await self._in_thread(self._troubles.mend)
        except (KeyError, TypeError, ValueError):
            return JSONResponse({"error": "there is no such trouble"}, 400)
        return JSONResponse({"result": self._troubles.offered()})

    def _standing(self) -> str:
        """Differs whenever the page would."""
        calls = sum(broker.calls() + broker.settled for broker in self._brokers.values())
        return f"{self._telegram.mark()}.{self._clock.state()['version']}.{calls}.{self._troubles.changes}"

    def _view(self, after: int) -> dict[str, Any]:
        standing, scene = self._standing(), self.scene
        events = self._telegram.events(after)
        return {
            "seen": standing,
            "event": events[-1].number if events else after,
            "clock": self._clock.state(),
            "chats": [self._chat(person, after) for person in scene.people],
            "events": [asdict(event) for event in events if event.what in MOMENTARY],
            "leaps": [asdict(leap) for leap in scene.leaps()],
            "logins": [asdict(login) for login in scene.logins],
            "troubles": self._troubles.offered(),
            "calls": self._calls(),
        }

    def _chat(self, person: Person, after: int) -> dict[str, Any]:
        messages, gone = self._telegram.changed(person.chat, after)
        return {
            **asdict(person),
            "menu": self._telegram.menu(person.chat),
            "messages": [asdict(shown) for shown in messages],
            "gone": gone,
        }

    def _calls(self) -> list[dict[str, Any]]:
        """The last that came to any broker, the latest first."""
        came = [(seen, name) for name, broker in self._brokers.items() for seen in broker.requests()[-CALLS_SHOWN:]]
        came.sort(key=lambda one: one[0].at, reverse=True)
        return [
            {"at": seen.at, "broker": name, "method": seen.method, "path": seen.path, "outcome": seen.outcome}
            for seen, name in came[:CALLS_SHOWN]
        ]


def _file(path: Path) -> Callable[[Request], Awaitable[Response]]:
    content, kind = path.read_bytes(), KINDS[path.suffix]

    async def send(_: Request) -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return send


__all__ = ["ChatPage", "Leap", "Login", "Person", "Scene"]
