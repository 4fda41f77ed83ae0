"""Where a request comes in: it is counted, meets its fault if one is planned, and is answered.

The one place that knows both HTTP and faults. What a request means is the stand-in's business.
"""

from __future__ import annotations

import asyncio
import http
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.faults import Fault, Kind
from bot.sandbox.server import Door, reset

if TYPE_CHECKING:
    from bot.sandbox.standin import StandIn

log = logging.getLogger(__name__)

LONGEST_REFUSAL = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read whole."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = b""
    parts: Mapping[str, str] = field(default_factory=dict)
    """What the path's pattern caught."""

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json_object(self, *, declared: bool = True) -> dict[str, Any]:
        """What was sent; nothing where it is no JSON object, or is not declared as JSON where it must be."""
        if declared and not self.headers.get("content-type", "").startswith("application/json"):
            return {}
        try:
            given = json.loads(self.body)
        except ValueError:
            return {}
        return given if isinstance(given, dict) else {}


Handler = Callable[[Asked], Response | Awaitable[Response]]
Resolver = Callable[[Asked], tuple[str, Asked, Handler]]
"""Names the call a request makes and finds who answers it."""


class Front:
    """The ASGI application behind one door of a stand-in."""

    def __init__(self, standin: StandIn, resolve: Resolver) -> None:
        self._standin = standin
        self._resolve = resolve
        self.door = Door(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._meet(scope, receive, send)
        except (asyncio.CancelledError, ClientDisconnect):
            return  # the sandbox stops, or whoever asked went away; the connection is gone already

    async def _meet(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        asked = Asked(
            request.method,
            request.url.path,
            dict(parse_qsl(request.url.query, keep_blank_values=True)),
            dict(request.headers.items()),
            await request.body(),
        )
        call, asked, handler = self._resolve(asked)
        seen = self._standin.record(call, asked)
        wire = _Wire(self.door.connection(scope["client"]), receive)
        response = await self._work(self._standin.faults.take(call), handler, asked, wire)
        self._standin.settle(seen, "no proper answer" if response is None else _outcome(response))
        if response is not None:
            await response(scope, receive, send)

    async def _work(self, fault: Fault | None, handler: Handler, asked: Asked, wire: _Wire) -> Response | None:
        """The response to send, or None where the connection was dealt with."""
        if fault is None:
            return await self._answer(handler, asked)
        if fault.kind is Kind.ANSWER:
            return self._dated(response_of(fault.status, fault.body))
        if fault.kind is Kind.DELAY:
            await asyncio.sleep(fault.seconds)
            return await self._answer(handler, asked)
        if fault.kind is Kind.HANG:
            await self._hang(wire)
            return None
        response = None if fault.kind is Kind.RESET else await self._answer(handler, asked)
        if response is not None and fault.kind is Kind.DRIP:
            await wire.drip(response, fault.seconds)
            return None
        await wire.reset(response if fault.kind is Kind.CUT else None)
        return None

    async def _answer(self, handler: Handler, asked: Asked) -> Response:
        try:
            answer = handler(asked)
            return self._dated(await answer if inspect.isawaitable(answer) else answer)
        except Exception:
            log.exception("the sandbox itself failed at %s", asked.path)
            return self._dated(HTMLResponse("the sandbox itself failed, see its log", 500))

    async def _hang(self, wire: _Wire) -> None:
        before = self._standin.faults.healed
        released = self._standin.pulse.wait_async(lambda: True if self._standin.faults.healed != before else None)
        waits = [asyncio.ensure_future(released), asyncio.ensure_future(wire.gone())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        await wire.reset(None)

    def _dated(self, response: Response) -> Response:
        response.headers["date"] = formatdate(self._standin.unix(), usegmt=True)
        return response


class _Wire:
    """What can happen to a connection besides a proper answer."""

    def __init__(self, transport: asyncio.Transport, receive: Receive) -> None:
        self._transport = transport
        self._receive = receive

    async def gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def reset(self, half_of: Response | None) -> None:
        if half_of is not None:
            raw = _raw(half_of)
            self._transport.write(raw[: len(raw) - len(half_of.body) // 2 - 1])
        reset(self._transport)
        await self.gone()

    async def drip(self, response: Response, pause: float) -> None:
        for byte in _raw(response):
            if self._transport.is_closing():
                break
            self._transport.write(bytes([byte]))
            await asyncio.sleep(pause)
        self._transport.close()
        await self.gone()


def _raw(response: Response) -> bytes:
    """The response as it goes over the wire, with the connection's end announced."""
    phrase = http.HTTPStatus(response.status_code).phrase
    lines = [f"HTTP/1.1 {response.status_code} {phrase}".encode()]
    lines += [name + b": " + value for name, value in response.raw_headers]
    return b"\r\n".join([*lines, b"connection: close", b"", bytes(response.body)])


def _outcome(response: Response) -> str:
    """The status, and the documented sentence of a refusal: some brokers refuse with 200."""
    return f"{response.status_code} {_refusal(response)}".rstrip()


def _refusal(response: Response) -> str:
    body = bytes(response.body)
    if b'"message"' not in body or len(body) > LONGEST_REFUSAL:
        return ""
    try:
        told = json.loads(body)
    except ValueError:
        return ""
    refused = isinstance(told, dict) and (response.status_code >= 400 or told.get("status") in ("error", False))
    return str(told.get("message", "")) if refused else ""


def response_of(status: int, body: Any) -> Response:
    """Text is HTML, bytes are sent as they are, anything else is JSON."""
    if isinstance(body, str):
        return HTMLResponse(body, status)
    if isinstance(body, bytes):
        return Response(body, status)
    return JSONResponse(body, status)
