"""The chat page: a person with a browser writes to the bot, moves the time, breaks things and sees what brokers saw.

Files of our own, nothing from elsewhere. The page asks what changed and waits for the answer; what it does, it does
through the control door like any other program.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.chat.scene import Leap, Login, Machine, Person, Scene
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
        self._passing = threading.Lock()
        self.scene = ANYBODY

    def pass_until(self, moment: float) -> None:
        """Let time pass until then (unix); a moment gone by changes nothing. Blocks."""
        with self._passing:
            self._pass(moment)

    def unlock(self) -> bool:
        """As somebody at the machine does; whether it was locked. Raises ValueError if there is no such machine."""
        machine = self.scene.machine
        if machine is None:
            raise ValueError("nothing is known of the machine")
        was_locked = machine.is_locked()
        machine.unlock()
        return was_locked

    def routes(self) -> list[Route]:
        served = [path for path in Path(__file__).parent.iterdir() if path.suffix in KINDS]
        files = [Route("/" if path.name == PAGE else f"/{path.name}", _file(path)) for path in served]
        return [
            *files,
            Route("/look", self._look),
            Route("/photo/{chat}/{message:int}", self._photo),
            Route("/trouble", self._trouble, methods=["POST"]),
            Route("/time", self._time, methods=["POST"]),
            Route("/unlock", self._unlock, methods=["POST"]),
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

    async def _time(self, request: Request) -> Response:
        """`{"by": seconds}` or `{"until": unix}`: answered when it is that late."""
        try:
            [(name, given)] = (await request.json()).items()
            moves = {"by": self._pass_by, "until": self.pass_until}
            await self._in_thread(moves[name], float(given))
        except (AttributeError, KeyError, TypeError, ValueError):
            return JSONResponse({"error": "time passes by so many seconds, or until a moment"}, 400)
        return JSONResponse({"result": self._clock.unix()})

    def _pass_by(self, seconds: float) -> None:
        with self._passing:
            self._pass(self._clock.unix() + seconds)

    def _pass(self, moment: float) -> None:
        if moment <= self._clock.unix():
            return
        if self.scene.machine is None:
            self._clock.set(moment)
        else:
            self.scene.machine.pass_until(moment)

    async def _unlock(self, _: Request) -> Response:
        try:
            was_locked = await self._in_thread(self.unlock)
        except ValueError as wrong:
            return JSONResponse({"error": str(wrong)}, 400)
        return JSONResponse({"result": "unlocked" if was_locked else "it was not locked"})

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
            "config": scene.machine.config if scene.machine else None,
            "locked": scene.machine is not None and scene.machine.is_locked(),
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


__all__ = ["ChatPage", "Leap", "Login", "Machine", "Person", "Scene"]
