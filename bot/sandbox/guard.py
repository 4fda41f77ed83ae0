"""Who may come in at the control door: programs and pages on this machine that were told its whole address."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HERE = {"127.0.0.1", "localhost"}


class Guarded:
    """Serves `app` below a part of the path that nobody can guess: other users of this machine reach the port, too.

    A host that is not this machine is a name that somebody bent to lead here, and another origin is another page.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.key = secrets.token_urlsafe(16)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            key, from_here = scope["path"].split("/")[1], _from_here(Headers(scope=scope))
        except (IndexError, ValueError):
            await PlainTextResponse("this path or Host is none", 400)(scope, receive, send)
            return
        if not from_here:
            await PlainTextResponse("only this machine may ask", 403)(scope, receive, send)
        elif not hmac.compare_digest(key.encode(), self.key.encode()):
            await PlainTextResponse("there is nothing here", 404)(scope, receive, send)
        else:
            await self._app({**scope, "root_path": f"/{key}"}, receive, send)


def _from_here(headers: Headers) -> bool:
    host = headers.get("host", "")
    return urlsplit(f"//{host}").hostname in HERE and headers.get("origin", f"http://{host}") == f"http://{host}"
