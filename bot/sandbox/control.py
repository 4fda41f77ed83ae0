"""The control door: for other processes, what tests and the demo do through Python. Also the clock, and the chat page.

`POST /control/<stand-in>/<method>` with the arguments as a JSON object answers `{"result": …}`, or 400 `{"error": …}`.
Only who was told the address gets in (see `guard`), and no web page but its own: others cannot send JSON here.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.chat import ChatPage
from bot.sandbox.clock import SandboxClock
from bot.sandbox.guard import Guarded
from bot.sandbox.pulse import Pulse
from bot.sandbox.standin import StandIn

THREADS = 16


class Control:
    """Serves the stand-ins' own lists of controls."""

    def __init__(self, clock: SandboxClock, pulse: Pulse, standins: Mapping[str, StandIn]) -> None:
        self._clock = clock
        self._pulse = pulse
        self._standins = standins
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sandbox-control")
        self.page = ChatPage(clock, pulse, standins, self._in_thread)
        self.app = Guarded(
            Starlette(
                routes=[
                    *self.page.routes(),
                    Route("/clock", self._clock_state),
                    Route("/clock", self._clock_moved, methods=["POST"]),
                    Route("/clock/sleep", self._clock_slept, methods=["POST"]),
                    Route("/control", self._overview),
                    Route("/control/{standin}/{method}", self._control, methods=["POST"]),
                ]
            )
        )

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _overview(self, _: Request) -> Response:
        return JSONResponse({name: sorted(standin.controls) for name, standin in self._standins.items()})

    async def _clock_state(self, request: Request) -> Response:
        after = request.query_params.get("after")
        if after is None:
            return JSONResponse(self._clock.state())
        try:
            version, wait = int(after), float(request.query_params.get("wait", "0"))
        except ValueError:
            return _wrong("after and wait are numbers")
        newer = await self._pulse.wait_async(lambda: self._clock.newer(version), min(wait, 60.0))
        return JSONResponse(newer or self._clock.state())

    async def _clock_moved(self, request: Request) -> Response:
        """Any of advance, set, jump (numbers), skip_sleeps and freeze (true or false)."""
        moves: dict[str, Callable[[Any], None]] = {
            "advance": lambda by: self._clock.advance(float(by)),
            "set": lambda at: self._clock.set(float(at)),
            "jump": lambda by: self._clock.jump(float(by)),
            "skip_sleeps": lambda on: self._clock.skip(bool(on)),
            "freeze": lambda on: self._clock.freeze() if on else self._clock.thaw(),
        }
        try:
            given = await _object(request)
            if not given or given.keys() - moves.keys():
                return _wrong(f"a clock takes {', '.join(moves)}")
            for name, value in given.items():
                moves[name](value)
        except (TypeError, ValueError) as wrong:
            return _wrong(str(wrong))
        return JSONResponse(self._clock.state())

    async def _clock_slept(self, request: Request) -> Response:
        try:
            given = await _object(request)
            seconds, start = float(given["seconds"]), given.get("start")
            await self._in_thread(self._clock.sleep, seconds, None if start is None else float(start))
        except (KeyError, TypeError, ValueError):
            return _wrong("a sleep takes seconds, and start if it began earlier")
        return JSONResponse(self._clock.state())

    async def _control(self, request: Request) -> Response:
        standin = self._standins.get(request.path_params["standin"])
        name = request.path_params["method"]
        if standin is None or name not in standin.controls:
            return JSONResponse({"error": "there is no such control; GET /control lists them"}, 404)
        method = getattr(standin, name)
        try:
            bound = inspect.signature(method).bind(**await _object(request))
            result = await self._in_thread(method, *bound.args, **bound.kwargs)
        except (TypeError, ValueError, KeyError, TimeoutError) as wrong:
            return _wrong(str(wrong))
        return JSONResponse({"result": _plain(result)})

    async def _in_thread(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))


async def _object(request: Request) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise ValueError("send a JSON object, as application/json")
    try:
        given = json.loads(await request.body() or b"{}")
    except ValueError:
        raise ValueError("that is not JSON") from None
    if not isinstance(given, dict):
        raise ValueError("send a JSON object")  # noqa: TRY004 (told to the caller with the other wrong values)
    return given


def _plain(result: Any) -> Any:
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return {f.name: _plain(getattr(result, f.name)) for f in dataclasses.fields(result)}
    if isinstance(result, list | tuple):
        return [_plain(item) for item in result]
    return result


def _wrong(why: str) -> Response:
    return JSONResponse({"error": why}, 400)
