"""What a browser is shown: one small page with the sentences of the chat. No script, nothing from elsewhere, nothing of
what the address held."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response

from handlers import text

STYLE = """
:root { color-scheme: light dark }
body { font: 1.125rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 12vh auto; padding: 0 1.25rem;
  overflow-wrap: anywhere }
"""
_TEMPLATE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>kunji</title><style>{style}</style>
<main>{body}</main></html>
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


@dataclass(frozen=True, slots=True)
class Page:
    status: int
    says: str
    """Lines of HTML, as a chat takes them: what comes from outside is escaped."""
    then: str = "You can close this page."

    def response(self, public_url: str) -> Response:
        lines = [*self.says.splitlines(), self.then]
        body = "".join(f"<p>{line}</p>" for line in lines if line)
        more = {"Allow": "GET"} if self.status == 405 else {}
        tls_only = TLS_ONLY if public_url.startswith("https:") else {}
        return HTMLResponse(_TEMPLATE.format(style=STYLE, body=body), self.status, HEADERS | tls_only | more)


NOTHING_HERE = Page(
    404,
    "There is nothing here.\n"
    "If you have just logged in at a broker: the link was too old or used before. /refresh in the chat sends another.",
)
ONLY_GET = Page(405, "That is not how this page is opened.", "")
NOT_AHEAD = Page(503, "This page is not opened ahead of time.", "")
LOCKED = Page(403, text.LOCKED)


def under_way(account: str) -> Page:
    return Page(202, text.exchanging(account), "Open this page again in a moment, or look into the chat.")
