"""Whether the bot's parts go on: what /healthz, the heartbeat and systemd's watchdog go by. No names, no reasons.

The loop is what asks, so it goes on. Everything on the schedule shares one thread with the sweep. The store is proved
on a thread of its own, so that a disk that hangs shows as stuck and holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from brokers import Clock

SWEEP_WITHIN = 30.0
STORE_WITHIN = 120.0
"""Seconds after which something that should have happened is missed."""
REFUSED_FOR = timedelta(minutes=15)
"""After which a refused bot token is no hiccup any more: nobody is warned of anything until somebody mends it."""
MOVING_WITHIN = 120.0
"""Seconds after which nothing moves: a sweep that waits for the store is late, and is not to be ended for it."""
PROVED_EVERY = 10.0
PATIENCE = 5.0
"""Seconds the store may take to be proved before it counts as stuck."""


@dataclass(frozen=True, slots=True)
class Signs:
    telegram_seconds: float | None
    """Since Telegram was last heard of. It may be away: that is not the bot's fault, and no restart helps. Neither does
    one where it refuses the bot token, but somebody has to know."""
    sweep_seconds: float | None
    store: str
    """`ok`, `refuses` (it cannot be read or written), or `stuck`."""
    sweep_is_stuck: bool
    is_moving: bool
    """Sweep and store go on, if not well. A store that refuses is worked without; a restart would lose what it did not
    take."""
    is_well: bool

    @property
    def stuck(self) -> list[str]:
        """What does not work now."""
        return ["sweep"] * self.sweep_is_stuck + ["store"] * (self.store != "ok")


class Vitals:
    def __init__(
        self,
        clock: Clock,
        *,
        heard: Callable[[], datetime | None],
        swept: Callable[[], float | None],
        prove: Callable[[], None],
        refused: Callable[[], datetime | None] = lambda: None,
        patience: float = PATIENCE,
    ) -> None:
        """`heard`: when Telegram was last heard of. `refused`: since when it refuses the bot token. `swept`: when the
        last sweep ended, by the monotonic clock. `prove` raises if the store does not work, and may hang."""
        self._clock = clock
        self._heard = heard
        self._swept = swept
        self._prove = prove
        self._refused = refused
        self._patience = patience
        self._thread = ThreadPoolExecutor(1, "kunji-work-vitals")
        self._proving: asyncio.Future[None] | None = None
        self._refuses = False
        self._begun = self._asked = self._answered = self._proved = clock.monotonic()

    async def look(self) -> Signs:
        """Within a few seconds, whatever hangs."""
        await self._look_at_store()
        now, heard, swept = self._clock.monotonic(), self._heard(), self._swept()
        since_sweep = now - (self._begun if swept is None else swept)
        sweep_is_stuck = since_sweep > SWEEP_WITHIN
        return Signs(
            telegram_seconds=None if heard is None else max(0.0, (self._clock.now() - heard).total_seconds()),
            sweep_seconds=None if swept is None else now - swept,
            store=self._store_is(),
            sweep_is_stuck=sweep_is_stuck,
            is_moving=max(since_sweep, now - self._answered) <= MOVING_WITHIN,
            is_well=not sweep_is_stuck and now - self._proved <= STORE_WITHIN and not self._is_refused(),
        )

    async def _look_at_store(self) -> None:
        """Prove it, unless that was done just now or is being done."""
        now = self._clock.monotonic()
        if self._proving is None or (self._proving.done() and now - self._asked >= PROVED_EVERY):
            self._asked = now
            self._proving = asyncio.get_running_loop().run_in_executor(self._thread, self._prove_now)
        await asyncio.wait({self._proving}, timeout=max(0.0, self._asked + self._patience - now))

    def _prove_now(self) -> None:
        try:
            self._prove()
        except Exception:  # why it refuses is said where something was to be kept
            self._refuses = True
        else:
            self._refuses, self._proved = False, self._clock.monotonic()
        self._answered = self._clock.monotonic()

    def _is_refused(self) -> bool:
        since = self._refused()
        return since is not None and self._clock.now() - since > REFUSED_FOR

    def _store_is(self) -> str:
        if self._proving is None or not self._proving.done():
            return "stuck"
        return "refuses" if self._refuses else "ok"
