"""Wires the parts together; decides nothing.

`Works` is what every command needs: store, tokens, accounts. `App` adds the chat and the schedule, and runs until it
is told to stop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
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
from brokers import Clock, Drift, KunjiError, Surroundings, broker_class, is_loopback
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
EVERY_MINUTE = 60


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

    @classmethod
    def of(cls, config: Config, clock: Clock | None = None) -> Works:
        """By this machine's clock, unless KUNJI_CLOCK or the caller says otherwise. Raises StoreError, ClockError."""
        clock = clock or open_clock(_clock_address(config))
        store = open_store(config.folder, config.store)
        drift, executor = Drift(), ThreadPoolExecutor(THREADS, THREAD_NAME)
        signer = buttons.Signer(store.derive("buttons"), clock.now)
        alerts = Alerts(
            store,
            clock.now,
            _audiences(config, store),
            words=text,
            keyboard=lambda user, wanted: buttons.keyboard(signer, user, wanted),
            still_true=lambda alert: still_true(tokens, alert),
            quiet=config.hours.quiet,
        )
        tokens = TokenService(
            {one.name: _account(one, config, store, clock, drift) for one in config.accounts},
            store,
            clock,
            drift,
            rules=Rules(config.hours, TradingDays(config.extra_trading_days, config.extra_holidays)),
            tell=alerts.tell,
            learned=logs.register,
        )
        return cls(config, clock, store, drift, executor, alerts, tokens, Accounts(tokens, executor))

    def close(self) -> None:
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.store.close()


def _account(one: AccountConfig, config: Config, store: Store, clock: Clock, drift: Drift) -> Account:
    kind = broker_class(one.broker)
    given = Surroundings(one.login, one.endpoints, clock, StoredCodes(store, one.name), drift, config.proxy)
    key = store.derive("fingerprints")
    return Account(one.name, kind.title, kind(one.config, given), one.login, one.morning, fingerprint(one, key))


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
        config, tokens = works.config, works.tokens
        self.chat_executor = ThreadPoolExecutor(THREADS, THREAD_NAME)
        self.face = Face(
            tokens, works.accounts, self.chat_executor, works.drift, works.clock.now(), lambda: self.poller.last_good
        )
        self.desk = Desk(
            tokens=self.face,
            audiences=_audiences(config, works.store),
            titles={name: account.title for name, account in tokens.accounts.items()},
            signing_key=works.store.derive("buttons"),
            now=works.clock.now,
            totp_in_chat=config.totp_in_chat,
        )
        self.application = build(
            Gate, {"desk": self.desk}, config.bot_token, api_url=config.telegram_api_url, proxy=config.proxy
        )
        register(self.application)
        self.poller = Poller(self.application, now=works.clock.now, on_rival=self._on_rival)
        self.scheduler = Scheduler(
            tokens,
            works.accounts,
            works.store,
            clock=works.clock,
            rules=tokens.rules,
            tell=works.alerts.tell,
            executor=works.executor,
            jobs=[Job("save", EVERY_MINUTE, tokens.save_unsaved)],
        )
        self.face.planned = self.scheduler
        self.face.touched = self.scheduler.touched

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then end within five seconds."""
        self._tell_of_changed_config()
        beside = [asyncio.create_task(self.scheduler.run()), asyncio.create_task(self._speak())]
        lingering = asyncio.create_task(self._linger(stop))
        try:
            await self.poller.run(stop)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside, timeout=1.0)
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

    async def _linger(self, stop: asyncio.Event) -> None:
        """Let logins that are under way end, if they do so soon."""
        await stop.wait()
        deadline = asyncio.get_running_loop().time() + LINGER
        while self.works.tokens.logging_in and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - threads
            await asyncio.sleep(0.05)

    def _on_rival(self, rival: Rival | None) -> None:
        self.works.executor.submit(self._meet_rival, rival)

    def _meet_rival(self, rival: Rival | None) -> None:
        now, store = self.works.clock.now(), self.works.store
        known = store.bot_note().second_poller_since is not None
        store.update_bot(lambda note: replace(note, second_poller_since=now if rival else None))
        if rival and not known:
            self.works.alerts.tell(Alert("second_poller", now, None, {"webhook": rival is Rival.WEBHOOK}))
        elif known and not rival:
            self.works.alerts.tell(Alert("second_poller_gone", now, None, {}, loud=False))

    def _tell_of_changed_config(self) -> None:
        """So that nobody changes it unseen."""
        works = self.works
        key = works.store.derive("fingerprints")
        now_so = {file.name: file_fingerprint(file, key) for file in works.config.files}
        before = works.store.bot_note().config_fingerprints
        changed = sorted(name for name in {*before, *now_so} if before.get(name) != now_so.get(name))
        if not changed:
            return
        works.store.update_bot(lambda note: replace(note, config_fingerprints=now_so))
        if before:
            facts = {"files": ", ".join(changed)}
            works.alerts.tell(Alert("config_changed", works.clock.now(), None, facts, loud=False))


def run(config: Config, log_level: str) -> None:
    """The command `kunji run`: until SIGTERM or Ctrl-C. Raises AlreadyRunning, StoreError, ClockError."""
    logs.set_up(log_level.upper(), config.secrets)
    works = Works.of(config)
    for name in works.tokens.accounts:
        if held := works.tokens.held(name):
            logs.register(held.token.value)
    with _alone(works.store):
        log.info("serving %s", ", ".join(works.tokens.accounts))
        asyncio.run(_until_signalled(App(works).run))
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


async def _until_signalled(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    await serve(stop)


def _leave() -> None:
    """End the process. Python would wait for threads that still wait for a broker, for as long as that hangs; what they
    were doing is on disk as begun and is looked after at the next start."""
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        logging.shutdown()
        os._exit(0)
