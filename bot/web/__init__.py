"""What the bot answers to browsers, brokers and Telegram."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from bot.doors import Door, Terms
from bot.listening import IPNetwork, Place
from bot.web.limits import Limited
from bot.web.pages import NOTHING_HERE, ONLY_GET
from bot.web.proxies import Callers, address

CONNECTIONS, OF_ONE_PEER = 256, 64
BODY_WITHIN = 20.0


def public_door(
    routes: Sequence[BaseRoute],
    place: Place,
    public_url: str,
    trusted_proxies: Sequence[IPNetwork],
    monotonic: Callable[[], float],
) -> Door:
    """Its routes read what is posted themselves, and only once they know that it is for them."""
    callers = Callers(trusted_proxies, place)
    terms = Terms(
        body=None,
        connections=CONNECTIONS,
        of_one_peer=OF_ONE_PEER,
        speaks_for_many=lambda peer: callers.trusts(address(peer)),
        body_within=BODY_WITHIN,
    )
    return Door(Limited(public_app(routes, public_url), callers, monotonic, public_url), place, terms=terms)


def public_app(routes: Sequence[BaseRoute], public_url: str) -> Starlette:
    """What is served at the public door. Wherever there is no route, there is nothing, and it looks like nothing."""

    async def refused(_request: Request, error: HTTPException) -> Response:
        response = (ONLY_GET if error.status_code == 405 else NOTHING_HERE).response(public_url)
        response.headers.update(error.headers or {})
        return response

    refusals: Any = {HTTPException: refused}
    app = Starlette(routes=routes, exception_handlers=refusals)
    app.router.redirect_slashes = False  # it would redirect to whatever host the request names
    return app
