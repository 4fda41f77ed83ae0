"""A process that forks hosts for tests, as starting Python anew for each takes too long.

It says that it is ready; then, for every line on its input, a `Task` as JSON, it starts a host and prints its process
id. A host is made of the parts of `kunji run`, with short leases and fast time, without Telegram's HTTP, and with a
broker that the test keeps. It writes into a diary what it does; a line is whole as soon as it is there, so a kill loses
nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import time as time_of_day
from typing import Any

from bot.alerts import Alerts
from bot.delivery import Waiting
from bot.keeping import StoredCodes
from bot.labour import Shared
from bot.lead import Place, awake
from bot.leader import Attendance
from bot.life import Account
from bot.mended import still_true
from bot.scheduler import Scheduler
from bot.store import Alert, Store, StoreError
from bot.store.redis import open_server
from bot.tokens import TokenService
from bot.watch import Watch
from brokers import Drift, KunjiError, Surroundings
from handlers.access import Audience
from kunji._redis import parse
from tests.faults.witnesses import (
    ADMIN,
    CLAIM,
    FINGERPRINT,
    LEAD,
    LOCK,
    RULES,
    WAITS,
    Diary,
    FarBroker,
    FastClock,
    Phone,
    Plan,
    Reach,
    Task,
    WatchedCrew,
    WatchedStore,
    Words,
    key_of,
)
from tests.unit.store.samples import KEY

STALL = 0.15
"""A thread that is not woken for so long shows that the machine paused the whole process."""


class Prover:
    """It is no time for a proof."""


class Host:
    def __init__(self, task: Task, diary: Diary) -> None:
        self.diary = diary
        self.clock = FastClock(task.zero)
        self.store: Any = WatchedStore(self._opened(task), self.diary)
        self.crew: Any = WatchedCrew(self.store.crew(lead=LEAD, claim=CLAIM), self.diary)
        self.leadership = Attendance(self.crew, self.store, every=LEAD / 5)
        self.executor = ThreadPoolExecutor(16)
        self.alerts = Alerts(
            self.store,
            self.clock.now,
            {plan.name: Audience(frozenset({ADMIN}), frozenset({ADMIN})) for plan in task.plans},
            words=Words(),
            keyboard=lambda *_: None,
            still_true=lambda alert: still_true(self.tokens, alert),
            pause=lambda seconds: asyncio.sleep(seconds / 10),
            read_every=0.3,
        )
        accounts = {plan.name: self._account(plan, task.broker) for plan in task.plans}
        self.tokens = TokenService(accounts, self.store, self.clock, Drift(), rules=RULES, tell=self.tell)
        self.labour = Shared(self.crew, self.log_in, self.executor, known=accounts, hands=8)
        self.scheduler: Scheduler | None = None

    def _opened(self, task: Task) -> Store:
        while True:
            try:
                return open_server(parse(task.address), lambda: KEY, now=self.clock.now, lease=LOCK, waits=WAITS)
            except StoreError:
                time.sleep(0.1)

    def _account(self, plan: Plan, port: int) -> Account:
        given = Surroundings(plan.login, FarBroker.endpoints, self.clock, StoredCodes(self.store, plan.name), Drift())
        return Account(
            plan.name,
            "Fake",
            FarBroker(Reach(plan, port, self.diary), given),
            plan.login,
            time_of_day(8, 45),
            FINGERPRINT,
        )

    def log_in(self, account: str) -> None:
        self.diary.write("busy", account=account)
        try:
            self.tokens.refresh(account, who="schedule")
        finally:
            self.diary.write("idle", account=account)

    def tell(self, *alerts: Alert) -> None:
        self.alerts.tell(*alerts)
        self.diary.write("told", alerts=[key_of(alert) for alert in alerts])

    def touched(self, account: str) -> None:
        if scheduler := self.scheduler:
            scheduler.touched(account)

    async def run(self) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(32))
        Watch(self.store, [self.touched]).start()
        for work, every in (
            (self.labour.claim, 0.1),
            (self.labour.look, 0.2),
            (self.tokens.save_unsaved, 0.5),
            (self.alerts.hand_in, 0.5),
        ):
            threading.Thread(target=_again_and_again, args=(work, every), daemon=True).start()
        attending = asyncio.create_task(self.leadership.run())
        self.diary.write("ready")
        while not attending.done():
            await self.leadership.until_called()
            await Term(self).run()


class Term:
    """As `bot.term.Term`, without a chat."""

    def __init__(self, host: Host) -> None:
        self.host, self.over = host, False
        host.scheduler = self.scheduler = Scheduler(
            host.tokens,
            Prover(),  # type: ignore[arg-type]
            host.store,
            clock=host.clock,
            rules=RULES,
            tell=host.tell,
            executor=host.executor,
            labour=host.labour,
            leads=self.is_ours,
        )

    def is_ours(self) -> bool:
        asked_at, leads = awake(), self.host.leadership.leads()
        if leads and not self.over:
            self.host.diary.write("leads", since=asked_at)
        return leads and not self.over

    def may_send(self, one: Waiting) -> bool:
        return self.is_ours() or (one.number is None and self.host.leadership.place() is Place.ADRIFT)

    async def run(self) -> None:
        await asyncio.to_thread(self.sign_on)
        beside = [
            asyncio.create_task(self.sweep()),
            asyncio.create_task(
                self.host.alerts.run(Phone(self.host.diary), may_send=self.may_send, among_others=True)
            ),
        ]
        await self.host.leadership.until_dismissed()
        self.over, self.host.scheduler = True, None
        for task in beside:
            task.cancel()
        await asyncio.wait(beside, timeout=1.5)
        self.host.labour.forget()
        await asyncio.to_thread(self.host.alerts.settle)

    def sign_on(self) -> None:
        with suppress(StoreError):
            if taken_over := self.host.leadership.taken_over():
                facts = {"by": taken_over.by, "before": taken_over.before}
                self.host.tell(Alert("took_over", self.host.clock.now(), None, facts))
            self.host.leadership.sign_on()

    async def sweep(self) -> None:
        while True:
            await asyncio.to_thread(self.scheduler.sweep)
            await asyncio.sleep(0.1)


def _again_and_again(work: Callable[[], None], every: float) -> None:
    while True:
        with suppress(KunjiError):
            work()
        time.sleep(every)


def _notice_stalls(diary: Diary, parent: int) -> None:
    before = awake()
    while os.getppid() == parent:
        time.sleep(0.1)
        now = awake()
        if now - before > 0.1 + STALL:
            diary.write("stalled", since=before)
        before = now
    os._exit(0)


def work(task: Task, parent: int) -> None:
    logging.basicConfig(filename=f"{task.diary}.log", level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    diary = Diary(task.diary, task.host)
    threading.excepthook = lambda fallen: diary.write("fell", why=repr(fallen.exc_value))
    threading.Thread(target=_notice_stalls, args=(diary, parent), daemon=True).start()
    try:
        asyncio.run(Host(task, diary).run())
    except Exception as error:
        diary.write("fell", why=repr(error))
        raise


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            try:
                work(Task.read(line), parent)
            except BaseException:
                logging.exception("the host fell")
            finally:
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    main()
