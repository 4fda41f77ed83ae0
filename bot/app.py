"""Wires the parts together; decides nothing.

`Works` is what every command needs: store, tokens, accounts. `App` adds the chat and the schedule, and runs until it
is told to stop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bot import logs
from bot.accounts import Accounts
from bot.alerts import Alerts
from bot.clock import ClockError, open_clock
from bot.config import AccountConfig, Config, file_fingerprint, fingerprint
from bot.face import Face
from bot.intervals import Job
from bot.keeping import StoredCodes
from bot.life import Account
from bot.mended import still_true
from bot.polling import Poller, Rival, build
from bot.scheduler import Scheduler
from bot.store import Alert, LockBusy, Store, open_store
from bot.tokens import TokenService
from bot.trading import Rules, TradingDays
from bot.watch import Watch
from brokers import Clock, Drift, KunjiError, Secret, Surroundings, broker_class, is_loopback
from handlers import Gate, buttons, register, set_menus, text
from handlers.access import Audience
from handlers.context import Desk

log = logging.getLogger(__name__)

THREADS = 128
"""Blocking work side by side, in each of two pools: what people ask in the chat never waits for what the schedule does,
and logins that hang for 30 s leave room for those that do not."""
THREAD_NAME = "kunji-work"
LINGER = 4.0
"""Seconds a stop waits for logins under way: a token that was granted and not stored is lost."""
ACKNOWLEDGEMENT = 0.5
EVERY_MINUTE = 60
BEGIN_AGAIN_AFTER = 5.0


class AlreadyRunning(KunjiError):
    """Another `kunji run` serves this store on this machine."""


@dataclass(slots=True)
class Works:
    """What keeps tokens, and the outbox; without chat or schedule."""

    config: Config
    clock: Clock
    store: Store
    drift: Drift
    executor: ThreadPoolExecutor
    alerts: Alerts
    tokens: TokenService
    accounts: Accounts
    audiences: dict[str, Audience]
    """Shared by the gate and the outbox; follows groups that become supergroups."""
    salt: bytes
    """What fingerprints are made with."""

    @classmethod
    def of(cls, config: Config, clock: Clock | None = None) -> Works:
        """By this machine's clock, unless KUNJI_CLOCK or the caller says otherwise. Raises StoreError, ClockError."""
        clock = clock or open_clock(_clock_address(config))
        store = open_store(config.folder, config.store)
        drift, executor = Drift(), ThreadPoolExecutor(THREADS, THREAD_NAME)
        audiences, salt = _audiences(config, store), _salt(store)
        signer = buttons.Signer(store.derive("buttons"), clock.now)
        alerts = Alerts(
            store,
            clock.now,
            audiences,
            words=text,
            keyboard=lambda user, wanted: buttons.keyboard(signer, user, wanted),
            still_true=lambda alert: still_true(tokens, alert),
            quiet=config.hours.quiet,
            started_at=clock.now(),
        )
        tokens = TokenService(
            {one.name: _account(one, config, store, clock, drift, salt) for one in config.accounts},
            store,
            clock,
            drift,
            rules=Rules(config.hours, TradingDays(config.extra_trading_days, config.extra_holidays)),
            tell=alerts.tell,
            learned=logs.register,
        )
        accounts = Accounts(tokens, executor)
        return cls(config, clock, store, drift, executor, alerts, tokens, accounts, audiences, salt)

    def remember_files(self) -> list[str]:
        """Take the config files for known as they are now; the names of those that changed since the last time."""
        now_so = {file.name: file_fingerprint(file, self.salt) for file in self.config.files}
        before = self.store.bot_note().config_fingerprints
        changed = sorted(name for name in {*before, *now_so} if before.get(name) != now_so.get(name))
        if changed:
            self.store.update_bot(lambda note: replace(note, config_fingerprints=now_so))
        return changed if before else []

    def close(self) -> None:
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.store.close()


def _account(one: AccountConfig, config: Config, store: Store, clock: Clock, drift: Drift, salt: bytes) -> Account:
    kind = broker_class(one.broker)
    given = Surroundings(one.login, one.endpoints, clock, StoredCodes(store, one.name), drift, config.proxy)
    return Account(one.name, kind.title, kind(one.config, given), one.login, one.morning, fingerprint(one, salt))


def _salt(store: Store) -> bytes:
    """Made once; sealed in the store, and not derived from its key, so that a new key forgives no refusal."""
    made = Secret(secrets.token_hex(32))
    note = store.update_bot(lambda note: note if note.salt else replace(note, salt=made))
    return (note.salt or made).reveal().encode()


def _audiences(config: Config, store: Store) -> dict[str, Audience]:
    """As configured, with groups that became supergroups since."""
    found = {one.name: one.audience for one in config.accounts}
    for group, supergroup in store.bot_note().supergroups.items():
        found = {name: audience.moved(int(group), supergroup) for name, audience in found.items()}
    return found


def _clock_address(config: Config) -> str | None:
    """Where the sandbox's clock is; None for this machine's own. Never a moved clock for a real broker."""
    address = os.environ.get("KUNJI_CLOCK")
    if address is None:
        return None
    others = [config.telegram_api_url or "", *(url for one in config.accounts for url in one.endpoints.values())]
    if not all(is_loopback(url) for url in others):
        raise ClockError("KUNJI_CLOCK is for the sandbox: every endpoint and telegram_api_url must be on this machine")
    return address


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
            lambda: self.poller.last_good,
            lambda: self.poller.rival is not None,
        )
        self.desk = Desk(
            tokens=self.face,
            audiences=works.audiences,
            titles={name: account.title for name, account in tokens.accounts.items()},
            signing_key=works.store.derive("buttons"),
            now=clock.now,
            totp_in_chat=config.totp_in_chat,
        )
        self.application = build(
            Gate, {"desk": self.desk}, config.bot_token, api_url=config.telegram_api_url, proxy=config.proxy
        )
        register(self.application)
        self.poller = Poller(self.application, now=clock.now, on_rival=self._on_rival)
        self.scheduler = Scheduler(
            tokens,
            works.accounts,
            works.store,
            clock=clock,
            rules=tokens.rules,
            tell=works.alerts.tell,
            executor=works.executor,
            jobs=[Job("save", EVERY_MINUTE, tokens.save_unsaved)],
        )
        self.face.planned = self.scheduler
        self.face.touched = self.scheduler.touched
        self.watch = Watch(works.store, [self.scheduler.touched])

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then end within five seconds."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, THREAD_NAME))
        self._tell_of_changed_config()
        self.watch.start()
        beside = [
            asyncio.create_task(_for_ever("the schedule", self.scheduler.run)),
            asyncio.create_task(_for_ever("the outbox", self._speak)),
        ]
        lingering = asyncio.create_task(self._linger(stop))
        acknowledged = asyncio.Event()
        acknowledging = asyncio.create_task(self._await_acknowledgement(stop, acknowledged))
        try:
            await self.poller.run(acknowledged)
        finally:
            self.watch.stop()
            acknowledging.cancel()
            for task in beside:
                task.cancel()
            await asyncio.wait(beside, timeout=1.0)
            await asyncio.to_thread(self.works.alerts.settle)
            stop.set()
            await lingering
            self.chat_executor.shutdown(wait=False, cancel_futures=True)

    async def _speak(self) -> None:
        """Once Telegram was reached: menus, and whatever waits in the outbox."""
        await self.poller.reached.wait()
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
        """Let logins that are under way end, if they do so soon."""
        await stop.wait()
        deadline = asyncio.get_running_loop().time() + LINGER
        while self.works.tokens.logging_in and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - threads
            await asyncio.sleep(0.05)

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


def run(config: Config, log_level: str) -> None:
    """The command `kunji run`: until SIGTERM or Ctrl-C. Raises AlreadyRunning, StoreError, ClockError."""
    logs.set_up(log_level.upper(), config.secrets)
    works = Works.of(config)
    for name in works.tokens.accounts:
        if held := works.tokens.held(name):
            logs.register(held.token.value)
    with _alone(works.store):
        log.info("serving %s", ", ".join(works.tokens.accounts))
        _serve(App(works).run)
        works.close()
        log.info("stopped")
    _leave()


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    try:
        with store.lock("_run", 0.0):
            yield
    except LockBusy:
        raise AlreadyRunning("kunji already runs with this store", hint="end the other one first") from None


def _serve(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until signalled. Not by `asyncio.run`: that waits for every thread, for as long as a broker or a name server
    hangs."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.run_until_complete(serve(stop))


def _leave() -> None:
    """End the process. Python would wait for threads that still wait for a broker, for as long as that hangs; what they
    were doing is on disk as begun and is looked after at the next start."""
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        logging.shutdown()
        os._exit(0)
