"""Just enough of the Bot API to fetch from, on loopback, with everything that can go wrong on demand.

It knows asyncio streams and JSON only, so that it shares no fault with the library it is there to try.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from typing import Any
from urllib.parse import parse_qs

TOKEN = "123456789:AAExampleExampleExampleExampleExampl"
ME = {"id": 123456789, "is_bot": True, "first_name": "kunji", "username": "kunji_bot"}


def message(number: int, text: str = "hello", user: int = 7) -> dict[str, Any]:
    """An update: a user says something in the private chat."""
    who = {"id": user, "is_bot": False, "first_name": "A"}
    chat = {"id": user, "type": "private", "first_name": "A"}
    said = {"message_id": number, "date": 1_800_000_000, "chat": chat, "from": who, "text": text}
    return {"update_id": number, "message": said}


def status(code: int, description: str, **parameters: int) -> bytes:
    """An error as Telegram words it."""
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        body["parameters"] = parameters
    return reply(code, json.dumps(body).encode())


def html(code: int = 502) -> bytes:
    return reply(code, b"<html><body>Bad Gateway</body></html>", "text/html")


def reply(code: int, body: bytes, kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {code} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def good(result: Any) -> bytes:
    return reply(200, json.dumps({"ok": True, "result": result}).encode())


HALF = reply(200, b'{"ok": true, "result": [')[:-5]
"""A reply that ends before its promised length."""
HANG = b""


class StandIn:
    """`updates` wait to be fetched; `faults[method]` holds what is answered instead of the truth, one a call."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        self.faults: dict[str, deque[bytes]] = {}
        self.always: dict[str, bytes] = {}
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.webhook = ""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._arrived = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        if self._server:
            self._server.close()
            for task in list(self._open):
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> StandIn:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    def fail(self, method: str, *faults: bytes) -> None:
        self.faults.setdefault(method, deque()).extend(faults)

    def say(self, *updates: dict[str, Any]) -> None:
        self.updates.extend(updates)
        self._arrived.set()

    def count(self, method: str) -> int:
        return sum(name == method for name, _ in self.calls)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        try:
            while await self._served(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(h[15:]) for h in head.split("\r\n") if h.lower().startswith("content-length:")), 0)
        fields = parse_qs((await reader.readexactly(length)).decode())
        method = head.split()[1].rsplit("/", 1)[1]
        self.calls.append((method, {name: values[0] for name, values in fields.items()}))

        waiting = self.faults.get(method)
        answer = waiting.popleft() if waiting else self.always.get(method)
        if answer is HANG:
            await asyncio.Event().wait()
        if answer is None:
            answer = await self._truth(method, fields)
        writer.write(answer)
        await writer.drain()
        return answer is not HALF

    async def _truth(self, method: str, fields: dict[str, list[str]]) -> bytes:
        if method == "getUpdates":
            return await self._fetched(fields)
        if method == "getWebhookInfo":
            return good({"url": self.webhook, "has_custom_certificate": False, "pending_update_count": 0})
        if method == "setWebhook":
            self.webhook = fields["url"][0]
            return good(True)
        if method == "deleteWebhook":
            self.webhook = ""
            return good(True)
        if method == "sendMessage":
            return good(message(1)["message"] | {"from": ME})
        return good(ME)

    async def _fetched(self, fields: dict[str, list[str]]) -> bytes:
        if self.webhook:
            return status(409, "Conflict: can't use getUpdates method while webhook is active")
        offset = int(fields.get("offset", ["0"])[0])
        held = float(fields.get("timeout", ["0"])[0])
        self.updates = [update for update in self.updates if _number(update) >= offset]
        if not self.updates and held:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), held)
        return good(self.updates)


def _number(update: dict[str, Any]) -> int:
    return int(update.get("update_id", 0))
