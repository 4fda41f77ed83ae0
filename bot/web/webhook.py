"""Where Telegram brings updates. What is not Telegram's, by the address and the secret in its header, is not there."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.polling import Hook
from bot.web.bodies import body_of

log = logging.getLogger(__name__)

BODY_LIMIT = 1024 * 1024
HEADER = "X-Telegram-Bot-Api-Secret-Token"


def routes(hook: Hook, take: Callable[[object], bool]) -> list[Route]:
    """`take` is given an update as it came, and returns at once; False: it is to be brought again."""

    async def bring(request: Request) -> Response:
        if not _is_telegrams(request, hook):
            raise HTTPException(404)
        body = await body_of(request, BODY_LIMIT)
        if body is None:
            return Response(status_code=413)
        try:
            update = json.loads(body)
        except (ValueError, RecursionError):
            log.warning("an update that is not JSON was dropped")
            return Response()
        return Response(status_code=200 if take(update) else 503)

    return [Route("/telegram/{part}", bring, methods=["POST"])]


def _is_telegrams(request: Request, hook: Hook) -> bool:
    """Both are compared, whatever comes of the first."""
    part, token = request.path_params["part"], request.headers.get(HEADER, "")
    right = [_is(part, hook.part.reveal()), _is(token, hook.token.reveal())]
    return all(right)


def _is(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
