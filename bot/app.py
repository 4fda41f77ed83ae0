"""Wires the parts of the bot together; decides nothing. To what every command works with it adds the chat, the
schedule, the doors and whatever else runs beside them, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bot import logs
from bot.alive import SignOfLife
from bot.face import Face
from bot.handoff.environment import for_programs
from bot.handoff.on_refresh import Hooks
from bot.handoff.sinks import Sinks
from bot.heartbeat import Heartbeat, Monitor, Systemd
from bot.intervals import Job
from bot.orders import LOOK_EVERY, OrderWatch
from bot.polling import Hook, Poller, Rival, Webhook, build
from bot.scheduler import Scheduler
from bot.store import Alert, places_of
from bot.vitals import Vitals
from bot.watch import Watch
from bot.works import THREAD_NAME, THREADS, Works
from handlers import Gate, register, set_menus
from handlers.answer import settle
from handlers.context import Desk

if TYPE_CHECKING:
    from starlette.routing import Route

    from bot.doors import Door
    from bot.private import PrivateDoor, WhoAsks

log = logging.getLogger(__name__)

LINGER = 4.0
"""Seconds a stop waits for logins under way: a token that was granted and not stored is lost."""
ACKNOWLEDGEMENT = 0.5
EVERY_MINUTE = 60
BEGIN_AGAIN_AFTER = 5.0


def _hooks(works: Works) -> Hooks:
    config = works.config
    return Hooks(
        {one.name: one.on_refresh for one in config.accounts if one.on_refresh},
        works.store,
        works.clock.now,
        tell=works.alerts.tell,
        learned=logs.register,
        environment=for_programs(os.environ, config.folder),
        folder=config.folder,
    )


def _sinks(works: Works) -> Sinks:
    files = {one.name: one.write_to for one in works.config.accounts if one.write_to}
    return Sinks(files, works.store, works.clock.now, works.alerts.tell)


def _orders(works: Works) -> OrderWatch:
    return OrderWatch(
        works.accounts.orders,
        works.store,
        works.clock,
        tell=works.alerts.tell,
        messages=works.config.order_messages,
        executor=works.executor,
    )


class App:
    """The bot."""

    def __init__(self, works: Works) -> None:
        self.works = works
        config, tokens, clock = works.config, works.tokens, works.clock
        self.chat_executor = ThreadPoolExecutor(THREADS, THREAD_NAME)
        self.face = Face(
            tokens,
            works.accounts,
            self.chat_executor,
            works.drift,
            clock.now(),
            lambda: self.line.last_good,
            lambda: self.line.rival is not None,
        )
        self.desk = Desk(
            tokens=self.face,
            audiences=works.audiences,
            titles={name: account.title for name, account in tokens.accounts.items()},
            signing_key=works.store.derive("buttons"),
            now=clock.now,
            totp_in_chat=config.totp_in_chat,
            comes_back=config.public_url is not None,
        )
        self.application = build(
            Gate, {"desk": self.desk}, config.bot_token, api_url=config.telegram_api_url, proxy=config.proxy
        )
        register(self.application)
        self.hook = Hook.derived(works.store.derive)
        for secret in (self.hook.part, self.hook.token):
            logs.register(secret)
        self.line = self._line()
        self.hooks, self.sinks = _hooks(works), _sinks(works)
        self.orders = _orders(works)
        self.scheduler = Scheduler(
            tokens,
            works.accounts,
            works.store,
            clock=clock,
            rules=tokens.rules,
            tell=works.alerts.tell,
            executor=works.executor,
            jobs=[
                Job("save", EVERY_MINUTE, tokens.save_unsaved),
                Job("hand over", EVERY_MINUTE, self._hand_over),
                Job("orders", LOOK_EVERY, self.orders.look),
            ],
        )
        self.face.planned = self.scheduler
        self.face.touched = self.scheduler.touched
        self.vitals = Vitals(
            clock,
            heard=lambda: self.line.last_good,
            swept=lambda: self.scheduler.last_sweep,
            prove=works.store.check,
        )
        self.systemd = Systemd(os.environ)
        monitor = Monitor(config.heartbeat_url, config.proxy) if config.heartbeat_url else None
        self.heartbeat = Heartbeat(self.vitals, self.systemd, monitor)
        self.sign_of_life = SignOfLife(Path(places_of(config.folder, config.store).store), self.vitals)
        private = self._private_doors()
        at_the_doors = [door.touched for door in private]
        self.doors: list[PrivateDoor | Door] = [*private, *self._public_doors()]
        listeners = [self.scheduler.touched, self.hooks.touched, self.sinks.touched, *at_the_doors]
        self.watch = Watch(works.store, listeners)

    def _line(self) -> Poller | Webhook:
        """As `telegram_mode` says."""
        config, now = self.works.config, self.works.clock.now
        if config.telegram_mode == "webhook" and config.public_url:
            url = config.public_url
            return Webhook(self.application, now=now, on_rival=self._on_rival, hook=self.hook, public_url=url)
        return Poller(self.application, now=now, on_rival=self._on_rival, was_ours=self.hook.is_at)

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
                Path(places_of(config.folder, config.store).store),
                beside=lambda who_asks: [*health.routes(self.vitals), *self._metrics(who_asks)],
            )
        ]

    def _metrics(self, who_asks: WhoAsks) -> list[Route]:
        """None where their library is not installed."""
        if find_spec("prometheus_client") is None:
            return []
        from bot.web import metrics

        figures = metrics.Metrics(self.works.tokens, lambda: self.line.last_good)
        self.works.tokens.reports.on_history = figures.refreshed
        self.works.alerts.on_taken = figures.alerted
        for account in self.works.tokens.accounts.values():
            account.broker.after_answer = partial(figures.asked, account.broker.name)
        return metrics.routes(figures, who_asks)

    def _public_doors(self) -> list[Door]:
        """None or one."""
        place, url, works = self.works.config.listen, self.works.config.public_url, self.works
        if place is None or url is None:
            return []
        from bot.web import postbacks, public_door, webhook
        from bot.web.callback import Callback

        brokers = {name: one.broker for name, one in works.tokens.accounts.items()}
        routes = [
            *Callback(self.face, url, partial(settle, self.application.bot)).routes,
            *postbacks.routes(brokers, works.store.derive, self.orders.hint),
        ]
        if isinstance(self.line, Webhook):
            routes += webhook.routes(self.hook, self.line.take)
        return [public_door(routes, place, url, works.config.trusted_proxies, works.clock.monotonic)]

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then end within five seconds. Raises DoorBlocked."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, THREAD_NAME))
        for door in self.doors:
            await door.open()
        self._tell_of_changed_config()
        self.watch.start()
        self._hand_over()
        beside = [
            asyncio.create_task(_for_ever("the schedule", self.scheduler.run)),
            asyncio.create_task(_for_ever("the outbox", self._speak)),
            asyncio.create_task(_for_ever("the heartbeat", self.heartbeat.run)),
            asyncio.create_task(_for_ever("the sign of life", self.sign_of_life.run)),
        ]
        lingering = asyncio.create_task(self._linger(stop))
        acknowledged = asyncio.Event()
        acknowledging = asyncio.create_task(self._await_acknowledgement(stop, acknowledged))
        try:
            await self.line.run(acknowledged)
        finally:
            self.systemd.says("STOPPING=1")
            self.watch.stop()
            closing = [asyncio.create_task(door.close()) for door in self.doors]
            acknowledging.cancel()
            for task in beside:
                task.cancel()
            await asyncio.wait([*beside, *closing], timeout=1.5)
            self.sign_of_life.take_back()
            await asyncio.to_thread(self.works.alerts.settle)
            stop.set()
            await lingering
            self.chat_executor.shutdown(wait=False, cancel_futures=True)

    async def _speak(self) -> None:
        """Once Telegram was reached: menus, and whatever waits in the outbox."""
        await self.line.reached.wait()
        menus = asyncio.create_task(set_menus(self.application.bot, self.desk))
        try:
            await self.works.alerts.run(self.application.bot)
        finally:
            menus.cancel()

    async def _await_acknowledgement(self, stop: asyncio.Event, acknowledged: asyncio.Event) -> None:
        """Let Telegram say that it took what was just sent, lest it comes again at the next start."""
        await stop.wait()
        deadline = asyncio.get_running_loop().time() + ACKNOWLEDGEMENT
        while self.works.alerts.is_sending() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - rare
            await asyncio.sleep(0.02)
        acknowledged.set()

    async def _linger(self, stop: asyncio.Event) -> None:
        """Let logins and hooks that are under way end, if they do so soon."""
        await stop.wait()
        deadline = asyncio.get_running_loop().time() + LINGER
        while self._is_busy() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - threads
            await asyncio.sleep(0.05)

    def _is_busy(self) -> bool:
        return bool(self.works.tokens.logging_in) or self.hooks.busy

    def _hand_over(self) -> None:
        """What a change of a token should have brought about and did not, as no bot ran or a disk was full."""
        self.hooks.look_at_all()
        self.sinks.look_at_all()

    def _on_rival(self, rival: Rival | None) -> None:
        now = self.works.clock.now()
        alert = Alert("second_poller", now, None, {"webhook": rival is Rival.WEBHOOK})
        if rival is None:
            alert = Alert("second_poller_gone", now, None, {}, loud=False)
        self.works.executor.submit(self.works.alerts.tell, alert)

    def _tell_of_changed_config(self) -> None:
        """So that nobody changes it unseen."""
        if changed := self.works.remember_files():
            facts = {"files": ", ".join(changed)}
            self.works.alerts.tell(Alert("config_changed", self.works.clock.now(), None, facts, loud=False))


async def _for_ever(what: str, serve: Callable[[], Awaitable[None]]) -> None:
    """Begin again whatever ends by a fault of ours: a bot without alerts looks healthy from outside."""
    while True:
        try:
            await serve()
        except Exception:
            log.exception("%s stumbled and begins again", what)
        await asyncio.sleep(BEGIN_AGAIN_AFTER)
