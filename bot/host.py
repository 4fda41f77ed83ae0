"""What every host does, whoever leads: keep its files and hooks current, answer its programs, do its share of the
logins, and show that it is alive."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot import logs
from bot.alive import SignOfLife
from bot.handoff.environment import for_programs
from bot.handoff.on_refresh import Hooks
from bot.handoff.sinks import Sinks
from bot.heartbeat import Heartbeat, Monitor, Systemd
from bot.intervals import Intervals, Job
from bot.labour import Shared
from bot.lead import Place, awake
from bot.leader import Alone, Attendance, Leadership
from bot.store import Alert, StoreError, places_of
from bot.store._files import make_folder
from bot.vitals import Vitals
from bot.watch import Watch
from bot.works import THREADS, Works
from handlers.tokens import Crew

if TYPE_CHECKING:
    from starlette.routing import Route

    from bot.private import PrivateDoor, WhoAsks

log = logging.getLogger(__name__)

EVERY_MINUTE = 60
HAND_IN_EVERY = 10
HANDS = THREADS * 3 // 4
"""Logins of a crew that one process does side by side; the rest of its threads is for probes and the proof."""
BEGIN_AGAIN_AFTER = 5.0


class Duty(Protocol):
    """What only the leader does, as far as others ask for it or tell it something."""

    def heard(self) -> datetime | None:
        """When Telegram was last heard of."""

    def refused(self) -> datetime | None:
        """Since when Telegram refuses the bot token, if it does."""

    def swept(self) -> float | None:
        """When the time table was last looked at, by the clock that nobody sets."""

    def touched(self, account: str) -> None:
        """Something about the account changed."""

    def look_now(self) -> datetime:
        """Do at once what is due, as the time was moved; when there is more to do."""


class Host:
    def __init__(self, works: Works) -> None:
        self.works = works
        self.started_at = works.clock.now()
        self.duty: Duty | None = None
        """While this process leads."""
        crew = works.store.crew()
        self.leadership: Leadership = Attendance(crew, works.store) if crew else Alone()
        log_in = partial(works.tokens.refresh, who="schedule")
        known = works.tokens.accounts
        self.labour = Shared(crew, log_in, works.executor, known=known, hands=HANDS) if crew else None
        self._here = f"{platform.node()}:{works.config.folder}" if crew else ""
        """Tells this host's files and hooks from those of others."""
        self.hooks, self._sinks = _hooks(works, self._here), _sinks(works)
        self._jobs = Intervals(
            [
                Job("save", HAND_IN_EVERY, works.tokens.save_unsaved),
                Job("hand over", EVERY_MINUTE, self._hand_over),
                Job("hand in", HAND_IN_EVERY, works.alerts.hand_in),
            ]
        )
        self._folder = Path(places_of(works.config.folder, works.config.store).folder)
        self._vitals = Vitals(
            works.clock, heard=self.heard, swept=self._swept, prove=works.store.check, refused=self._refused
        )
        self._systemd = Systemd(os.environ)
        address = works.config.heartbeat_url
        monitor = Monitor(address, works.config.proxy) if address else None
        self._heartbeat = Heartbeat(self._vitals, self._systemd, monitor)
        self._sign_of_life = SignOfLife(self._folder, self._vitals, self._part)
        self._doors = self._private_doors()
        at_the_doors = [door.touched for door in self._doors]
        self._watch = Watch(works.store, [self._touched, self.hooks.touched, self._sinks.touched, *at_the_doors])
        self._beside: list[asyncio.Task[None]] = []

    # Its life

    async def open(self) -> None:
        """Raises DoorBlocked."""
        make_folder(self._folder)
        for door in self._doors:
            await door.open()
        await asyncio.to_thread(self._tell_of_changed_config)
        self._watch.start()
        if self.labour:
            self.labour.begin()
        await asyncio.to_thread(self._hand_over)
        self._beside = [
            asyncio.create_task(for_ever("the attendance", self.leadership.run)),
            asyncio.create_task(for_ever("the errands", self._run_jobs)),
            asyncio.create_task(for_ever("the heartbeat", self._heartbeat.run)),
            asyncio.create_task(for_ever("the sign of life", self._sign_of_life.run)),
        ]

    async def close(self) -> None:
        self._systemd.says("STOPPING=1")
        self._watch.stop()
        if self.labour:
            self.labour.stop()
        closing = [asyncio.create_task(door.close()) for door in self._doors]
        for task in self._beside:
            task.cancel()
        if self._beside or closing:
            await asyncio.wait([*self._beside, *closing], timeout=1.5)
        self._sign_of_life.take_back()

    def is_busy(self) -> bool:
        """A login or a hook is under way."""
        return bool(self.works.tokens.logging_in) or self.hooks.busy

    # What others ask

    def heard(self) -> datetime | None:
        return self.duty.heard() if self.duty else None

    def _refused(self) -> datetime | None:
        return self.duty.refused() if self.duty else None

    def who_leads(self) -> Crew | None:
        """As handlers want to know it."""
        roll = self.leadership.roll
        return Crew(roll.leader or "nobody", roll.others) if roll else None

    def _swept(self) -> float | None:
        """For whoever stands by: when the crew was last asked."""
        asked_at = self.leadership.round_at
        if self.duty or asked_at is None:
            return self.duty.swept() if self.duty else None
        return self.works.clock.monotonic() - (awake() - asked_at)

    def _part(self) -> str:
        roll, place = self.leadership.roll, self.leadership.place()
        if roll is None:
            return ""
        if place is Place.STANDING_BY:
            return f"it stands by, {roll.leader or 'nobody'} leads"
        return "it leads" if place is Place.LEADING else "it led, and the store does not answer"

    # What it does again and again

    def _touched(self, account: str) -> None:
        if duty := self.duty:
            duty.touched(account)

    async def _run_jobs(self) -> None:
        while True:
            await asyncio.to_thread(self._jobs.pump)
            await asyncio.sleep(1.0)

    def _hand_over(self) -> None:
        """What a change of a token should have brought about and did not, as no bot ran or a disk was full."""
        self.hooks.look_at_all()
        self._sinks.look_at_all()

    def _tell_of_changed_config(self) -> None:
        """So that nobody changes it unseen."""
        try:
            changed = self.works.remember_files(f" at {self._here}" if self._here else "")
        except StoreError as error:
            log.warning("it is not known whether the config has changed: %s", error)
            return
        if changed:
            facts = {"files": ", ".join(changed)}
            self.works.alerts.tell(Alert("config_changed", self.works.clock.now(), None, facts, loud=False))

    # Its private door

    def _private_doors(self) -> list[PrivateDoor]:
        """None or one. What it takes is loaded where it is configured."""
        works, config = self.works, self.works.config
        if config.private_listen is None:
            return []
        from bot.private import PrivateDoor
        from bot.web import health

        return [
            PrivateDoor(
                works.tokens,
                works.executor,
                config.private_listen,
                config.private_tls,
                self._folder,
                beside=lambda who_asks: [*health.routes(self._vitals), *self._metrics(who_asks)],
            )
        ]

    def _metrics(self, who_asks: WhoAsks) -> list[Route]:
        """None where their library is not installed."""
        if find_spec("prometheus_client") is None:
            return []
        from bot.web import metrics

        figures = metrics.Metrics(self.works.tokens, self.heard)
        self.works.tokens.reports.on_history = figures.refreshed
        self.works.alerts.on_taken = figures.alerted
        for account in self.works.tokens.accounts.values():
            account.broker.after_answer = partial(figures.asked, account.broker.name)
        return metrics.routes(figures, who_asks)


def _hooks(works: Works, here: str) -> Hooks:
    config = works.config
    return Hooks(
        {one.name: one.on_refresh for one in config.accounts if one.on_refresh},
        works.store,
        works.clock.now,
        tell=works.alerts.tell,
        learned=logs.register,
        environment=for_programs(os.environ, config.folder),
        folder=config.folder,
        host=here,
    )


def _sinks(works: Works) -> Sinks:
    files = {one.name: one.write_to for one in works.config.accounts if one.write_to}
    return Sinks(files, works.store, works.clock.now, works.alerts.tell)


async def for_ever(what: str, serve: Callable[[], Awaitable[None]]) -> None:
    """Begin again whatever ends by a fault of ours: a bot without alerts looks healthy from outside."""
    while True:
        try:
            await serve()
        except Exception:
            log.exception("%s stumbled and begins again", what)
        await asyncio.sleep(BEGIN_AGAIN_AFTER)
