"""The figures Prometheus is given, and to whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request

pytest.importorskip("prometheus_client", reason="the extra `metrics` is not installed")

from bot.handoff.readers import Asker
from bot.store import Alert, HistoryRow, OutboxItem
from bot.web.metrics import Metrics, routes
from tests.unit.tokens.desk import NAME, Bench

AT = datetime(2026, 11, 17, 2, 30, tzinfo=UTC)
OWNER = Asker("owner", None)


class Scraped:
    """A desk with its figures."""

    def __init__(self, reader: Asker | None = OWNER) -> None:
        self.bench = Bench()
        self.heard: datetime | None = self.bench.clock.now()
        self.metrics = Metrics(self.bench.service, lambda: self.heard)
        self.bench.service.reports.on_history = self.metrics.refreshed
        self._reader = reader
        self._app = Starlette(routes=routes(self.metrics, self._admit))

    async def _admit(self, _request: Request) -> Asker:
        if self._reader is None:
            raise HTTPException(401)
        return self._reader

    async def scraped(self) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://localhost") as client:
            return await client.get("/metrics")

    async def figures(self) -> dict[str, float]:
        lines = (await self.scraped()).text.splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def test_a_live_token_shows_its_seconds_and_its_state() -> None:
    desk = Scraped()
    desk.bench.service.refresh(NAME, who="admin")
    desk.bench.clock.go(3600)

    figures = await desk.figures()

    assert figures[f'kunji_token_expires_seconds{{account="{NAME}"}}'] == 23 * 3600
    states = {name: value for name, value in figures.items() if name.startswith("kunji_token_state")}
    assert states.pop(f'kunji_token_state{{account="{NAME}",state="fresh"}}') == 1
    assert set(states.values()) == {0}


@pytest.mark.parametrize("why", ["missing", "expired", "rejected"])
async def test_a_token_that_is_not_live_has_no_seconds_left(why: str) -> None:
    desk = Scraped()
    if why != "missing":
        desk.bench.service.refresh(NAME, who="admin")
    if why == "expired":
        desk.bench.clock.go(25 * 3600)
    elif why == "rejected":
        held = desk.bench.store.load(NAME)
        assert held
        desk.bench.store.save(NAME, replace(held, rejected_at=desk.bench.clock.now()))

    figures = await desk.figures()

    assert not any(name.startswith("kunji_token_expires") for name in figures)
    assert figures[f'kunji_token_state{{account="{NAME}",state="{why}"}}'] == 1


async def test_refreshes_are_counted_by_what_came_of_them() -> None:
    desk = Scraped()
    desk.bench.service.refresh(NAME, who="admin")
    desk.bench.clock.go(3600)
    desk.bench.service.refresh(NAME, who="admin", replace=True)

    figures = await desk.figures()

    assert figures[f'kunji_refreshes_total{{account="{NAME}",outcome="granted",way="login"}}'] == 2


async def test_lateness_and_requests_are_counted_by_how_long_they_took() -> None:
    desk = Scraped()
    desk.metrics.alerted(timedelta(seconds=0.2))
    desk.metrics.alerted(timedelta(minutes=3))
    desk.metrics.asked("dhan", 0.7)

    figures = await desk.figures()

    assert figures["kunji_alert_lateness_seconds_count"] == 2
    assert figures['kunji_alert_lateness_seconds_bucket{le="0.25"}'] == 1
    assert figures['kunji_broker_request_seconds_bucket{broker="dhan",le="1.0"}'] == 1
    assert figures['kunji_broker_request_seconds_bucket{broker="dhan",le="0.5"}'] == 0


async def test_what_waits_for_telegram_is_counted_without_what_it_refused() -> None:
    desk = Scraped()
    item = OutboxItem(7, (Alert("store", AT),), AT)
    desk.bench.store.queue([item, item, replace(item, parked="Forbidden")])
    desk.bench.clock.go(12)

    figures = await desk.figures()

    assert figures["kunji_outbox_waiting"] == 2
    assert figures["kunji_telegram_last_good_seconds"] == 12


async def test_a_telegram_that_never_answered_has_no_figure() -> None:
    desk = Scraped()
    desk.heard = None

    assert "kunji_telegram_last_good_seconds" not in await desk.figures()


async def test_the_process_is_measured_too() -> None:
    assert (await Scraped().figures())["process_resident_memory_bytes"] > 1_000_000


async def test_without_a_key_there_is_nothing_to_see() -> None:
    answer = await Scraped(reader=None).scraped()

    assert answer.status_code == 401
    assert NAME not in answer.text


async def test_a_reader_sees_no_account_whose_tokens_it_may_not_read() -> None:
    desk = Scraped(Asker("strategy1", frozenset({"other"})))
    desk.bench.service.refresh(NAME, who="admin")
    desk.metrics.refreshed(HistoryRow("other", AT, "admin", "login", 1.0, "granted"))

    text = (await desk.scraped()).text

    assert f'"{NAME}"' not in text
    assert 'account="other"' in text
    assert "kunji_outbox_waiting" in text


async def test_no_token_is_among_the_figures() -> None:
    desk = Scraped()
    desk.bench.service.refresh(NAME, who="admin")

    answer = await desk.scraped()

    assert "token-1" not in answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert answer.headers["Cache-Control"] == "no-store"
