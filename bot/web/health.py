"""Whether the bot is alive, for whoever may reach the private door: no names, no tokens, no key needed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.vitals import Signs, Vitals


def routes(vitals: Vitals) -> list[Route]:
    async def health(_request: Request) -> Response:
        signs = await vitals.look()
        return JSONResponse(_shown(signs), 503 if signs.stuck else 200, {"Cache-Control": "no-store"})

    return [Route("/healthz", health)]


def _shown(signs: Signs) -> dict[str, object]:
    return {
        "status": "stuck" if signs.stuck else "ok",
        **({"stuck": signs.stuck} if signs.stuck else {}),
        "telegram_seconds": _rounded(signs.telegram_seconds),
        "sweep_seconds": _rounded(signs.sweep_seconds),
        "store": signs.store,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
