"""The private door: what programs on this machine may ask of the bot. Puts its parts together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from bot.budget import HeldBack
from bot.doors import Door, NoBrowsers
from bot.handoff.audit import FILE, Audit
from bot.handoff.endpoint import Endpoint
from bot.handoff.readers import Asker
from bot.listening import Place, Tls, UnixSocket
from bot.tokens import TokenService
from brokers import KunjiError, LoginRejected, WrongClient

log = logging.getLogger(__name__)

WhoAsks = Callable[[Request], Awaitable[Asker]]
"""Raises HTTPException if the key is none."""

NOBODYS = (401, 429)
"""What is answered to whoever has no right key."""
NEEDS_A_PERSON = (HeldBack, LoginRejected, WrongClient)


class PrivateDoor:
    def __init__(
        self,
        tokens: TokenService,
        executor: Executor,
        place: Place,
        tls: Tls | None,
        store: Path,
        *,
        beside: Callable[[WhoAsks], Sequence[BaseRoute]] = lambda _: (),
    ) -> None:
        """`executor` is where brokers are asked; `store` is the folder where the audit file lies; `beside` makes the
        routes of what else is served here."""
        self._audit = Audit(store / FILE, tokens.clock.now)
        self._endpoint = Endpoint(tokens, self._audit, executor, knows_owner=isinstance(place, UnixSocket))
        routes = [*self._endpoint.routes, *beside(self._endpoint.who_asks)]
        refusals: Any = {HTTPException: _refused, KunjiError: _failed}
        app = Starlette(routes=routes, exception_handlers=refusals)
        self.door = Door(NoBrowsers(app, place, tls), place, tls)
        self.touched = self._endpoint.touched

    async def open(self) -> None:
        """Raises DoorBlocked."""
        await self.door.open()
        self._audit.open()
        log.info("programs may ask at %s", self.door.place)

    async def close(self) -> None:
        """Within a second or so."""
        self._endpoint.dismiss()
        await self.door.close()
        self._endpoint.close()
        await asyncio.to_thread(self._audit.close)


async def _refused(_request: Request, error: HTTPException) -> Response:
    headers = {"Cache-Control": "no-store", **(error.headers or {})}
    if error.status_code in NOBODYS:
        headers["Connection"] = "close"  # there are so many, and programs with a key want them
    return JSONResponse({"error": error.detail}, error.status_code, headers)


async def _failed(_request: Request, error: KunjiError) -> Response:
    """409 where only a person can help, else 503: the same question may be answered later."""
    status = 409 if isinstance(error, NEEDS_A_PERSON) else 503
    return JSONResponse({"error": str(error)}, status, {"Cache-Control": "no-store"})
