"""A term of leading: the chat, the time table, the outbox and the public door, from the moment this process leads until
it is told to stop. Each term builds its parts anew and leaves none behind."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from bot import logs
from bot.consents import taken_for
from bot.delivery import Waiting
from bot.face import Face
from bot.host import Host, for_ever
from bot.intervals import Job
from bot.lead import Place
from bot.orders import LOOK_EVERY, OrderWatch
from bot.polling import Hook, Poller, Rival, Waits, Webhook, build
from bot.scheduler import Scheduler
from bot.store import Alert, StoreError
from bot.store.crew import LEAD
from bot.works import THREAD_NAME, THREADS, Works
from handlers import Gate, register, set_menus, text
from handlers.asks import came_back
from handlers.context import Desk

if TYPE_CHECKING:
    from bot.doors import Door

log = logging.getLogger(__name__)

ACKNOWLEDGEMENT = 0.5
"""Seconds a stop waits for Telegram to say that it took what was just sent."""
HAND_OVER = LEAD + 6
"""Seconds for which one that led may still ask Telegram for updates: until it knows, and its last question is over."""
SIGN_OFF_WITHIN = 1.0


class Term:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._works = works = host.works
        self._leadership = host.leadership
        self._over = False
        self._began_at = works.clock.monotonic() if host.labour else None
        self._chat_executor = ThreadPoolExecutor(THREADS, THREAD_NAME)
        self._face = self._made_face()
        self._desk = self._made_desk()
        self._application = build(
            Gate,
            {"desk": self._desk},
            works.config.bot_token,
            api_url=works.config.telegram_api_url,
            proxy=works.config.proxy,
            turn=self,
        )
        register(self._application)
        self._hook = Hook.derived(works.store.derive)
        for secret in (self._hook.part, self._hook.token):
            logs.register(secret)
        self._line = self._made_line()
        self._orders = _orders(works)
        self._scheduler = Scheduler(
            works.tokens,
            works.accounts,
            works.store,
            clock=works.clock,
            rules=works.tokens.rules,
            tell=works.alerts.tell,
            executor=works.executor,
            labour=host.labour,
            leads=self.is_ours,
            jobs=[Job("orders", LOOK_EVERY, self._orders.look)],
        )
        self._face.planned = self._scheduler
        self._face.touched = self._scheduler.touched
        self._doors = self._public_doors()

    # Its parts

    def _made_face(self) -> Face:
        works = self._works
        return Face(
            works.tokens,
            works.accounts,
            self._chat_executor,
            works.drift,
            self._host.started_at,
            self.heard,
            lambda: self._line.rival is not None,
            who_leads=self._host.who_leads,
        )

    def _made_desk(self) -> Desk:
        works = self._works
        return Desk(
            tokens=self._face,
            audiences=works.audiences,
            titles={name: account.title for name, account in works.tokens.accounts.items()},
            signing_key=works.button_key,
            now=works.clock.now,
            totp_in_chat=works.config.totp_in_chat,
            doors=self._own_doors(),
        )

    def _own_doors(self) -> dict[str, text.Door]:
        """Where browsers come back to: the public door, of the accounts whose broker sends them."""
        if self._works.config.public_url is None:
            return {}
        brokers = {name: one.broker for name, one in self._works.tokens.accounts.items()}
        return {name: text.Door(taken_for(one)) for name, one in brokers.items() if one.redirects}

    def _made_line(self) -> Poller | Webhook:
        """As `telegram_mode` says."""
        config, now = self._works.config, self._works.clock.now
        waits = Waits(hand_over=HAND_OVER) if self._host.labour else Waits()
        if config.telegram_mode == "webhook" and config.public_url:
            return Webhook(
                self._application,
                now=now,
                on_rival=self._on_rival,
                turn=self,
                waits=waits,
                hook=self._hook,
                public_url=config.public_url,
            )
        return Poller(
            self._application, now=now, on_rival=self._on_rival, turn=self, waits=waits, was_ours=self._hook.is_at
        )

    def _public_doors(self) -> list[Door]:
        """None or one. What it takes is loaded where it is configured."""
        place, url, works = self._works.config.listen, self._works.config.public_url, self._works
        if place is None or url is None:
            return []
        from bot.web import postbacks, public_door, webhook
        from bot.web.callback import Callback

        brokers = {name: one.broker for name, one in works.tokens.accounts.items()}
        routes = [
            *Callback(self._face, url, partial(came_back, self._desk, self._application.bot)).routes,
            *postbacks.routes(brokers, works.store.derive, self._orders.hint),
        ]
        if isinstance(self._line, Webhook):
            routes += webhook.routes(self._hook, self._line.take)
        return [public_door(routes, place, url, works.config.trusted_proxies, works.clock.monotonic)]

    # What the host asks and tells (`bot.host.Duty`)

    def heard(self) -> datetime | None:
        return self._line.last_good

    def refused(self) -> datetime | None:
        return self._line.refused_since

    def swept(self) -> float | None:
        return self._began_at if self._scheduler.last_sweep is None else self._scheduler.last_sweep

    def touched(self, account: str) -> None:
        self._scheduler.touched(account)

    def look_now(self) -> datetime:
        return self._scheduler.look_now()

    # Whose turn it is (`bot.polling.Turn`)

    def is_ours(self) -> bool:
        return not self._over and self._leadership.leads()

    async def comes(self) -> bool:
        return await self._leadership.answers() and not self._over

    def met_rival(self) -> None:
        self._leadership.met_rival()

    # From beginning to end

    async def run(self, over: asyncio.Event) -> None:
        """Lead until `over` is set, then end within three seconds. Raises DoorBlocked."""
        for door in self._doors:
            await door.open()
        await self._sign_on()
        self._host.duty = self
        beside = [
            asyncio.create_task(for_ever("the schedule", self._scheduler.run)),
            asyncio.create_task(for_ever("the outbox", self._speak)),
        ]
        acknowledged = asyncio.Event()
        acknowledging = asyncio.create_task(self._await_acknowledgement(over, acknowledged))
        try:
            await self._line.run(acknowledged)
        finally:
            acknowledging.cancel()
            await self._sign_off()
            self._over, self._host.duty = True, None
            for task in beside:
                task.cancel()
            closing = [asyncio.create_task(door.close()) for door in self._doors]
            await asyncio.wait([*beside, *closing], timeout=1.5)
            if self._host.labour:
                self._host.labour.forget()
            await asyncio.to_thread(self._works.alerts.settle)
            self._chat_executor.shutdown(wait=False, cancel_futures=True)

    async def _sign_on(self) -> None:
        """Take down that this one leads; whoever led before and did not sign off was cut off."""
        try:
            await asyncio.to_thread(self._tell_and_sign_on)
        except StoreError as error:
            log.warning("it could not be taken down who leads: %s", error)

    def _tell_and_sign_on(self) -> None:
        if taken_over := self._leadership.taken_over():
            facts = {"by": taken_over.by, "before": taken_over.before}
            self._works.alerts.tell(Alert("took_over", self._works.clock.now(), None, facts))
        self._leadership.sign_on()

    async def _sign_off(self) -> None:
        if self.is_ours():
            with suppress(StoreError, TimeoutError):
                await asyncio.wait_for(asyncio.to_thread(self._leadership.sign_off), SIGN_OFF_WITHIN)

    async def _speak(self) -> None:
        """Once Telegram was reached: menus, and whatever waits in the outbox."""
        await self._line.reached.wait()
        bot = self._application.bot
        menus = asyncio.create_task(set_menus(bot, self._desk))
        try:
            among_others = self._host.labour is not None
            await self._works.alerts.run(bot, may_send=self._may_send, among_others=among_others)
        finally:
            menus.cancel()

    def _may_send(self, one: Waiting) -> bool:
        """What lies in the store is the leader's to send; what does not, nobody else knows of."""
        return self.is_ours() or (one.number is None and self._leadership.place() is Place.ADRIFT)

    async def _await_acknowledgement(self, over: asyncio.Event, acknowledged: asyncio.Event) -> None:
        """Let Telegram say that it took what was just sent, lest it comes again at the next start."""
        await over.wait()
        deadline = asyncio.get_running_loop().time() + ACKNOWLEDGEMENT
        while self._works.alerts.is_sending() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - rare
            await asyncio.sleep(0.02)
        acknowledged.set()

    def _on_rival(self, rival: Rival | None) -> None:
        if not self.is_ours():
            return
        now = self._works.clock.now()
        alert = Alert("second_poller", now, None, {"webhook": rival is Rival.WEBHOOK})
        if rival is None:
            alert = Alert("second_poller_gone", now, None, {}, loud=False)
        self._works.executor.submit(self._works.alerts.tell, alert)


def _orders(works: Works) -> OrderWatch:
    return OrderWatch(
        works.accounts.orders,
        works.store,
        works.clock,
        tell=works.alerts.tell,
        messages=works.config.order_messages,
        executor=works.executor,
    )
