"""Figures for Prometheus: the only file that knows its library.

What happens is counted as it happens; how things stand is looked up when somebody asks. Accounts are named, so nobody
is shown an account whose tokens he may not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.life import Standing, state
from bot.store import HistoryRow
from bot.tokens import TokenService
from handlers.tokens import State

LATENESS = (0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 3600)
REQUEST = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30)
"""Upper bounds of what is counted together, in seconds."""


class Reader(Protocol):
    """Whoever asks, once it is known who."""

    def may_read(self, account: str, /) -> bool: ...


Admit = Callable[[Request], Awaitable[Reader]]
"""Raises HTTPException for a key that is none."""


def routes(metrics: Metrics, admit: Admit) -> list[Route]:
    async def figures(request: Request) -> Response:
        reader = await admit(request)
        return Response(
            await metrics.shown_to(reader), media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
        )

    return [Route("/metrics", figures)]


class Metrics:
    """What is counted may be told from any thread."""

    def __init__(self, tokens: TokenService, heard: Callable[[], datetime | None]) -> None:
        """`heard`: when Telegram was last heard of."""
        self._registry = CollectorRegistry()
        self._thread = ThreadPoolExecutor(1, "kunji-work-metrics")
        self._refreshes = Counter(
            "kunji_refreshes",
            "Refreshes, by the way that was taken and what came of it",
            ["account", "way", "outcome"],
            registry=self._registry,
        )
        self._lateness = Histogram(
            "kunji_alert_lateness_seconds",
            "From an alert to Telegram taking it",
            registry=self._registry,
            buckets=LATENESS,
        )
        self._requests = Histogram(
            "kunji_broker_request_seconds",
            "Requests to brokers, whatever came of them",
            ["broker"],
            registry=self._registry,
            buckets=REQUEST,
        )
        self._registry.register(_Standings(tokens, heard))
        ProcessCollector(registry=self._registry)

    def refreshed(self, row: HistoryRow) -> None:
        self._refreshes.labels(row.account, row.way, row.outcome).inc()

    def alerted(self, waited: timedelta) -> None:
        self._lateness.observe(waited.total_seconds())

    def asked(self, broker: str, seconds: float) -> None:
        self._requests.labels(broker).observe(seconds)

    async def shown_to(self, reader: Reader) -> bytes:
        """All figures but those of other people's accounts. Raises StoreError."""
        readable = _Readable(self._registry, reader)
        return await asyncio.get_running_loop().run_in_executor(self._thread, generate_latest, readable)


class _Readable(Collector):
    def __init__(self, registry: CollectorRegistry, reader: Reader) -> None:
        self._registry = registry
        self._reader = reader

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [one for one in metric.samples if self._may_see(one.labels)]
            yield metric

    def _may_see(self, labels: dict[str, str]) -> bool:
        return "account" not in labels or self._reader.may_read(labels["account"])


class _Standings(Collector):
    """How things stand when somebody asks."""

    def __init__(self, tokens: TokenService, heard: Callable[[], datetime | None]) -> None:
        self._tokens = tokens
        self._heard = heard

    def describe(self) -> list[Metric]:
        """Nothing: the store is not to be read when this is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        standings = [self._tokens.standing(name) for name in self._tokens.accounts]
        yield _expiries(standings)
        yield self._states(standings)
        yield self._last_good()
        waiting = sum(1 for _, item in self._tokens.store.queued() if item.parked is None)
        yield GaugeMetricFamily("kunji_outbox_waiting", "Messages that Telegram has not taken yet", value=waiting)

    def _states(self, standings: list[Standing]) -> Metric:
        found = GaugeMetricFamily("kunji_token_state", "1 for the state each token is in", labels=["account", "state"])
        for one in standings:
            now_in = state(one, self._tokens.rules.hours.warn_before)
            for each in State:
                found.add_metric([one.account.name, each.value], each is now_in)
        return found

    def _last_good(self) -> Metric:
        found = GaugeMetricFamily("kunji_telegram_last_good_seconds", "Since Telegram was last heard of", labels=[])
        if heard := self._heard():
            found.add_metric([], max(0.0, (self._tokens.clock.now() - heard).total_seconds()))
        return found


def _expiries(standings: list[Standing]) -> Metric:
    """Of live tokens only: there is nothing to wait for in the others."""
    found = GaugeMetricFamily("kunji_token_expires_seconds", "Until a live token expires", labels=["account"])
    for one in standings:
        if one.live:
            found.add_metric([one.account.name], (one.live.token.expires_at - one.now).total_seconds())
    return found
