"""The private door as programs meet it, before a token service with a broker in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bot.handoff.readers import Readers
from bot.listening import Port, UnixSocket
from bot.private import PrivateDoor
from bot.watch import Watch
from tests.unit.tokens.desk import NAME, Bench

TOKEN, REJECTED = f"/v1/tokens/{NAME}", f"/v1/tokens/{NAME}/rejected"


@dataclass
class Counter:
    bench: Bench
    private: PrivateDoor
    folder: Path

    def client(self, key: str | None = None, **more: Any) -> httpx.AsyncClient:
        place = self.private.door.place
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if isinstance(place, UnixSocket):
            transport = httpx.AsyncHTTPTransport(uds=str(place.path))
            return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers, **more)
        return httpx.AsyncClient(base_url=f"http://{place}", headers=headers, trust_env=False, **more)

    def key(self, name: str = "strategy1", *accounts: str) -> str:
        return Readers(self.bench.store).add(name, accounts or None, self.bench.clock.now()).reveal()

    def refresh(self) -> None:
        self.bench.clock.go(3600)
        self.bench.service.refresh(NAME, who="admin", replace=True)

    async def audited(self) -> list[dict[str, Any]]:
        """What was written down, once the door is closed."""
        await self.private.close()
        return [json.loads(line) for line in (self.folder / "audit.log").read_text().splitlines()]


@asynccontextmanager
async def counter(folder: Path, *, port: bool = False, **how: Any) -> AsyncIterator[Counter]:
    """With a live token. `how`: what the bench is made with."""
    bench = Bench(**how)
    if bench.login == "auto":
        bench.service.refresh(NAME, who="admin")
    place = Port("127.0.0.1", 0) if port else UnixSocket(folder / "kunji.sock")
    with ThreadPoolExecutor(8) as executor:
        private = PrivateDoor(bench.service, executor, place, None, folder)
        watch = Watch(bench.store, [private.touched])
        await private.open()
        watch.start()
        try:
            yield Counter(bench, private, folder)
        finally:
            watch.stop()
            await private.close()
