"""What every command works with, put together from a config: store, tokens, accounts, outbox. No chat, no schedule."""

from __future__ import annotations

import os
import platform
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from bot import logs
from bot.accounts import Accounts
from bot.alerts import Alerts
from bot.clock import ClockError, open_clock
from bot.config import AccountConfig, Config, file_fingerprint, fingerprint
from bot.keeping import StoredCodes
from bot.life import Account
from bot.mended import still_true
from bot.moving import refuse_unfinished
from bot.store import Alert, BotNote, Store, open_store
from bot.tokens import TokenService
from bot.trading import Rules, TradingDays
from brokers import Clock, Drift, Secret, Surroundings, broker_class, is_loopback
from handlers import buttons, text
from handlers.access import Audience

THREADS = 128
"""Blocking work side by side, in each of three pools: for what the schedule does, for what people ask in the chat (each
term's own), and for the loop's own errands. None waits for another, and logins that hang for 30 s leave room for those
that do not."""
THREAD_NAME = "kunji-work"


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
    button_key: bytes
    """Buttons of alerts and of answers are signed with it."""

    @classmethod
    def of(cls, config: Config, clock: Clock | None = None) -> Works:
        """By this machine's clock, unless KUNJI_CLOCK or the caller says otherwise. Raises StoreError, ClockError."""
        clock = clock or open_clock(clock_address(config))
        store = open_store(config.folder, config.store, now=clock.now)
        refuse_unfinished(store)
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
            machine=platform.node() if store.crew() else "",
        )
        accounts = Accounts(tokens, executor)
        return cls(config, clock, store, drift, executor, alerts, tokens, accounts, audiences, salt, signer.signing_key)

    def remember_files(self, host: str = "") -> list[str]:
        """Take the config files for known as they are now; the names of those that changed since the last time. `host`:
        where these are, if other hosts have their own."""
        now_so = {f"{file.name}{host}": file_fingerprint(file, self.salt) for file in self.config.files}
        known = self.store.bot_note().config_fingerprints
        before = {name: mark for name, mark in known.items() if name.endswith(host)}
        changed = sorted(name for name in {*before, *now_so} if before.get(name) != now_so.get(name))
        if changed:
            self.store.update_bot(partial(_with_files, before, now_so))
        return [name.removesuffix(host) for name in changed] if before else []

    def set_locked(self, locked: bool) -> bool:
        """Lock or unlock the chat, and tell; False if it was so already."""
        if self.store.bot_note().locked == locked:
            return False
        self.store.update_bot(lambda note: replace(note, locked=locked))
        self.alerts.tell(Alert("locked" if locked else "unlocked", self.clock.now(), loud=False))
        return True

    def close(self) -> None:
        self.executor.shutdown(wait=False, cancel_futures=True)
        self.store.close()


def _with_files(before: Mapping[str, str], now_so: Mapping[str, str], note: BotNote) -> BotNote:
    elsewhere = {name: mark for name, mark in note.config_fingerprints.items() if name not in before}
    return replace(note, config_fingerprints={**elsewhere, **now_so})


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


def clock_address(config: Config) -> str | None:
    """Where the sandbox's clock is; None for this machine's own. Never a moved clock for a real broker."""
    address = os.environ.get("KUNJI_CLOCK")
    if address is None:
        return None
    others = [config.telegram_api_url or "", *(url for one in config.accounts for url in one.endpoints.values())]
    if not all(is_loopback(url) for url in others):
        raise ClockError("KUNJI_CLOCK is for the sandbox: every endpoint and telegram_api_url must be on this machine")
    return address
