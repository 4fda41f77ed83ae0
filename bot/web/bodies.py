"""What is posted, as far as it may be read."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request


async def body_of(request: Request, limit: int) -> bytes | None:
    """None if it is longer than `limit` bytes, or if whoever sent it went away."""
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > limit:
                return None
    except ClientDisconnect:
        return None
    return body
