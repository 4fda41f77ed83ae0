"""What the private door tells of the bot's health, and that it tells nothing else."""

from __future__ import annotations

import json

import httpx
from starlette.applications import Starlette

from bot.web.health import routes
from tests.unit.test_vitals import Body


async def told(body: Body, method: str = "GET") -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=routes(body.vitals)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.request(method, "/healthz")


async def test_a_bot_that_is_well_says_so() -> None:
    body = Body()
    body.clock.go(2.25)

    answer = await told(body)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.json() == {"status": "ok", "telegram_seconds": 2.2, "sweep_seconds": 2.2, "store": "ok"}


async def test_a_bot_that_has_heard_nothing_yet_says_null() -> None:
    body = Body()
    body.heard = body.swept = None

    answer = await told(body)

    assert (answer.status_code, answer.json()["telegram_seconds"], answer.json()["sweep_seconds"]) == (200, None, None)


async def test_a_stuck_sweep_is_503_and_named() -> None:
    body = Body()
    body.clock.go(40)

    answer = await told(body)

    assert (answer.status_code, answer.json()["status"], answer.json()["stuck"]) == (503, "stuck", ["sweep"])


async def test_a_disk_that_hangs_is_503_and_not_a_request_that_hangs() -> None:
    body = Body()
    with body.hanging_disk():
        answer = await told(body)

    assert (answer.status_code, answer.json()["store"], answer.json()["stuck"]) == (503, "stuck", ["store"])


async def test_a_store_that_refuses_is_503_and_nothing_of_the_disk_is_told() -> None:
    body = Body()
    body.refuses = True

    answer = await told(body)

    assert (answer.status_code, answer.json()["store"]) == (503, "refuses")
    assert ".kunji" not in json.dumps(answer.json())


async def test_nothing_is_posted_there() -> None:
    assert (await told(Body(), "POST")).status_code == 405
