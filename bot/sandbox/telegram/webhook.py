"""A webhook: what Telegram refuses to set, and bringing what waits to where it leads.

Only places on this machine are gone to; anywhere else nobody opens. One update at a time, whatever `max_connections`.
"""

from __future__ import annotations

import asyncio
import http
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.sandbox.telegram.params import Params, bad
from bot.sandbox.telegram.world import World

HEADER = "X-Telegram-Bot-Api-Secret-Token"
PORTS = {80, 88, 443, 8443}
HERE = {"127.0.0.1", "localhost", "::1"}
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
AGAIN_AFTER = 0.2
"""Real seconds; Telegram takes its time."""
PATIENCE = 10.0


@dataclass(slots=True)
class Webhook:
    url: str
    secret: str = ""
    connections: int = 40
    failed_at: int | None = None
    failure: str = ""

    @property
    def is_here(self) -> bool:
        return urlsplit(self.url).hostname in HERE

    def to_json(self) -> dict[str, Any]:
        failed = {"last_error_date": self.failed_at, "last_error_message": self.failure} if self.failed_at else {}
        return {"url": self.url, "max_connections": self.connections, "ip_address": "127.0.0.1", **failed}


def asked_for(params: Params) -> Webhook | None:
    """None: to be taken away."""
    url, secret = params.text("url"), params.text("secret_token")
    connections = params.number("max_connections", 40) or 0
    if not url:
        return None
    wanted = Webhook(url, secret, connections)
    if not wanted.is_here and not url.startswith("https://"):
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    if not wanted.is_here and (urlsplit(url).port or 443) not in PORTS:
        raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    if secret and not _SECRET.fullmatch(secret):
        raise bad("secret token contains unallowed characters")
    if not 1 <= connections <= 100:
        raise bad("max_connections must be between 1 and 100")
    return wanted


async def bring(world: World) -> None:
    """Bring what waits to wherever a webhook leads, until cancelled."""

    def due() -> tuple[Webhook, dict[str, Any]] | None:
        with world.lock:
            hook, waiting = world.updates.webhook, world.updates.waiting(1)
            return (hook, waiting[0]) if hook and hook.is_here and waiting else None

    await world.pulse.wait_async(lambda: world.updates.webhook)  # a client costs time that few need to spend
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        while not world.pulse.closed:
            if found := await world.pulse.wait_async(due):
                await _bring_one(client, world, *found)


async def _bring_one(client: httpx.AsyncClient, world: World, hook: Webhook, update: dict[str, Any]) -> None:
    failure = await _failure(client, hook, update)
    with world.lock:
        if failure is None:
            world.updates.confirm(update["update_id"] + 1)
        else:
            hook.failed_at, hook.failure = int(world.unix()), failure
    world.pulse.beat()
    if failure is not None:
        await asyncio.sleep(AGAIN_AFTER)


async def _failure(client: httpx.AsyncClient, hook: Webhook, update: dict[str, Any]) -> str | None:
    try:
        answer = await client.post(hook.url, json=update, headers={HEADER: hook.secret} if hook.secret else {})
    except httpx.TimeoutException:
        return "Read timeout expired"
    except httpx.HTTPError:
        return "Connection refused"
    if answer.is_success:
        return None
    return f"Wrong response from the webhook: {answer.status_code} {http.HTTPStatus(answer.status_code).phrase}"
