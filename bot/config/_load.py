"""Finds the files, reads them in order, and puts together what they say."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from types import MappingProxyType

from dotenv import dotenv_values

from bot.config._accounts import AccountConfig, AccountFile, name_fault, spare_keys
from bot.config._addresses import password_in
from bot.config._check import checked_with_defaults, known_only
from bot.config._doors import check_doors, place_in, tls_in
from bot.config._doubles import without_doubles
from bot.config._faults import Complain, Faults
from bot.config._files import Source, check_folder, read_bytes, read_object, source
from bot.config._keys import ENVIRONMENT, AccountKeys, BotKeys, ForAll, TelegramKeys, lost, names
from bot.config._server import check_server, files_of, password_of
from bot.config._sinks import check_sinks
from bot.config._times import OrderOfTheDay
from bot.config._values import Values
from bot.listening import IPNetwork, Place, Tls
from bot.trading import Hours
from brokers import BROKERS, Secret, broker_class
from kunji._redis import is_address

BOT_FILE = "bot_config.json"
_SUFFIX = "_config.json"
_DOTENV = ".env"

Drafts = Mapping[str, Mapping[str, object]]
"""What would stand in files, by their names."""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the admin wrote, checked."""

    folder: Path
    bot_token: Secret
    accounts: tuple[AccountConfig, ...]
    """By name."""
    hours: Hours
    extra_trading_days: frozenset[date]
    extra_holidays: frozenset[date]
    totp_in_chat: bool
    store: str | None = field(repr=False)
    """Where `"store"` says it lies: an address, which may hold a password, or an absolute path. The variable
    KUNJI_STORE is not looked at."""
    store_password: Secret | None = field(repr=False)
    """Of the address that holds, from wherever it comes."""
    proxy: str | None = field(repr=False)
    """May hold a password."""
    telegram_api_url: str | None
    private_listen: Place | None
    private_tls: Tls | None
    public_url: str | None
    listen: Place | None
    trusted_proxies: tuple[IPNetwork, ...]
    telegram_mode: str
    """`polling` or `webhook`."""
    heartbeat_url: Secret | None
    order_messages: Mapping[str, str]
    """`on`, `silent` or `off` for each way an order ends: `filled`, `rejected`, `cancelled`."""
    files: tuple[Source, ...]
    """What it was read from."""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Everything that no log may show."""
        password = password_in(self.proxy) if self.proxy else None
        own = [self.bot_token, *([Secret(password)] if password else [])]
        own += [secret for secret in (self.heartbeat_url, self.store_password) if secret]
        return (*own, *(secret for account in self.accounts for secret in account.secrets))


def load(
    folder: Path,
    environment: Mapping[str, str] = os.environ,
    *,
    key: Callable[[], bytes] | None = None,
    drafts: Drafts = MappingProxyType({}),
) -> Config:
    """Read the folder. `key` gives the store's key, and is called only if a value is sealed. `drafts` are files that
    are not there yet; with one the folder need not be there either.

    Raises ConfigErrors, with everything that is wrong.
    """
    return _Loading(folder.absolute(), environment, key, drafts).config()


class _Loading:
    """One reading of one folder."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], key: Callable[[], bytes] | None, drafts: Drafts
    ) -> None:
        self.folder = folder
        self.drafts = drafts
        self.faults = Faults()
        self.sources: list[Source] = []
        self.token: Secret | None = None
        self.token_place = ""
        self.token_lost = False
        """One was given and could not be taken, or may stand in a file that could not: it is not missing."""
        to_be_made = drafts and not folder.exists()
        if not to_be_made and not check_folder(folder, self.faults.of(str(folder))):
            self.faults.raise_any()
        self.environment = environment
        self.dotenv = self._dotenv()
        self.values = Values(folder, {**self.dotenv, **environment}, key)

    def config(self) -> Config:
        bot, for_all = self._for_all()
        day = OrderOfTheDay(bot, self.faults.keys_in(BOT_FILE), self.faults.of(BOT_FILE))
        accounts = self._accounts(for_all, day, bot)
        token = self._token()
        check_doors(bot, self.faults.keys_in(BOT_FILE), self.faults.of(BOT_FILE))
        check_server(bot.store, self.faults.of(BOT_FILE))
        self.faults.raise_any()
        return Config(
            folder=self.folder,
            bot_token=token,
            accounts=accounts,
            hours=_hours(bot),
            extra_trading_days=bot.extra_trading_days,
            extra_holidays=bot.extra_holidays,
            totp_in_chat=bot.totp_in_chat,
            store=self._place(bot.store),
            store_password=password_of(self.environment.get("KUNJI_STORE") or bot.store),
            proxy=bot.proxy,
            telegram_api_url=bot.telegram_api_url,
            private_listen=place_in(self.folder, bot.private_listen),
            private_tls=tls_in(self.folder, bot.private_tls),
            public_url=bot.public_url,
            listen=place_in(self.folder, bot.listen),
            trusted_proxies=bot.trusted_proxies,
            telegram_mode=bot.telegram_mode,
            heartbeat_url=bot.heartbeat_url,
            order_messages=bot.order_messages,
            files=tuple(self.sources),
        )

    def _dotenv(self) -> dict[str, str]:
        path = self.folder / _DOTENV
        if not path.exists():
            return {}
        complain = self.faults.of(_DOTENV)
        content = read_bytes(path, complain)
        if content is None:
            return {}
        self.sources.append(source(path, content))
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            complain("", "expected text in UTF-8")
            return {}
        # Nothing is put together from other variables: a password may hold a dollar sign.
        found = dotenv_values(stream=StringIO(text), interpolate=False)
        return {name: value for name, value in found.items() if value is not None}

    def _for_all(self) -> tuple[BotKeys, ForAll]:
        """What the bot's file says, and what holds for all accounts: there the environment comes first."""
        variables, lost_there = self._from_environment()
        bot, lost_here = self._bot_file()
        telegram = TelegramKeys(
            telegram_chat_id=variables.telegram_chat_id or bot.telegram_chat_id,
            admin_chat_id=variables.admin_chat_id or bot.admin_chat_id,
            viewer_user_ids=bot.viewer_user_ids,
            admin_user_ids=bot.admin_user_ids,
        )
        return bot, ForAll(self.folder, telegram, bot.morning, lost_there | lost_here)

    def _from_environment(self) -> tuple[TelegramKeys, frozenset[str]]:
        written: dict[str, object] = {}
        shown: dict[str, tuple[str, str]] = {}
        for variable, key in ENVIRONMENT.items():
            place = "environment" if self.environment.get(variable) else _DOTENV
            value = self.environment.get(variable) or self.dotenv.get(variable)
            if value:
                written[key] = value
                shown[key] = place, variable

        def complain(key: str, expected: str) -> None:
            self.faults.add(*shown[key], expected)

        keys = checked_with_defaults(TelegramKeys, self.values.of(written, "bot", complain), complain)
        self._note_token(written, keys, *shown.get("telegram_bot_token", ("", "")))
        return keys, lost(keys, written)

    def _bot_file(self) -> tuple[BotKeys, frozenset[str]]:
        path = self.folder / BOT_FILE
        complain = self.faults.of(BOT_FILE)
        written = self._object(path, complain) if path.exists() or BOT_FILE in self.drafts else {}
        if written is None:
            return BotKeys(), frozenset(names(TelegramKeys))
        ours = names(BotKeys)
        elsewhere = {} if set(written).issubset(ours) else _of_accounts()
        known = known_only(self.values.of(written, "bot", complain), ours, elsewhere, complain)
        keys = checked_with_defaults(BotKeys, known, complain)
        self._note_token(written, keys, BOT_FILE)
        return keys, lost(keys, written)

    def _accounts(self, for_all: ForAll, day: OrderOfTheDay, bot: BotKeys) -> tuple[AccountConfig, ...]:
        made: list[tuple[AccountConfig, Complain]] = []
        # Drafts come last, so that what is there already is taken for right.
        there = sorted(self.folder.glob(f"*{_SUFFIX}"))
        paths = [path for path in [*there, *map(self.folder.joinpath, self.drafts)] if path.name != BOT_FILE]
        if not paths:
            example = "expected at least one account, such as dhan_config.json; kunji init makes one"
            self.faults.add(str(self.folder), "", example)
        for path in paths:
            file = self._account_file(path)
            if file is None:
                continue
            if "morning" not in file.lost:
                day.check_account(file.keys.morning, file.complain)
            account = file.account(for_all)
            if account:
                made.append((account, file.complain))
        day.check_bot()
        without_doubles(made)
        check_sinks(made, self.folder, *self._of_the_store(self._place(bot.store)), self._only_read(bot))
        return tuple(sorted((account for account, _ in made), key=lambda account: account.name))

    def _account_file(self, path: Path) -> AccountFile | None:
        complain = self.faults.of(path.name)
        name = path.name.removesuffix(_SUFFIX)
        fault = name_fault(name)
        if fault:
            complain("", fault)
            self.token_lost = True
            return None
        written = self._object(path, complain)
        if written is None:
            return None
        values = self.values.of(written, name, complain, spare_keys(name, written))
        file = AccountFile(name, path.name, written, values, complain)
        self._note_token(written, file.keys, path.name)
        return file

    def _object(self, path: Path, complain: Complain) -> dict[str, object] | None:
        if path.name in self.drafts:
            return dict(self.drafts[path.name])
        read = read_object(path, complain)
        if read is None:
            self.token_lost = True
            return None
        written, found = read
        self.sources.append(found)
        return written

    def _note_token(
        self, written: Mapping[str, object], keys: TelegramKeys, place: str, key: str = "telegram_bot_token"
    ) -> None:
        token = keys.telegram_bot_token
        if token is None:
            self.token_lost |= "telegram_bot_token" in lost(keys, written)
        elif self.token is None:
            self.token, self.token_place = token, place
        elif token != self.token:
            self.faults.add(place, key, f"is another bot's than the one in {self.token_place}; there is one bot")

    def _token(self) -> Secret:
        if self.token is None and not self.token_lost:
            self.faults.add(
                str(self.folder),
                "telegram_bot_token",
                "is missing; expected in one of the files, or as TELEGRAM_BOT_TOKEN in the environment or .env",
            )
        return self.token or Secret("")

    def _only_read(self, bot: BotKeys) -> set[Path]:
        tls = tls_in(self.folder, bot.private_tls)
        return {*self.values.files, *((tls.certificate, tls.key) if tls else ()), *files_of(bot.store).values()}

    def _of_the_store(self, configured: str | None) -> tuple[str, str]:
        """Its folder on this machine and the file of its key."""
        usual = str(self.folder / ".kunji")
        store = self.environment.get("KUNJI_STORE") or configured or usual
        here = usual if is_address(store) else store
        return here, self.environment.get("KUNJI_KEY_FILE") or os.path.join(here, "kunji.key")

    def _place(self, store: str | None) -> str | None:
        if store is None or is_address(store):
            return store
        return str(self.folder / os.path.expanduser(store))


def _hours(bot: BotKeys) -> Hours:
    return Hours(
        morning=bot.morning,
        ask_at=bot.ask_at,
        ready_at=bot.ready_at,
        trading_ends=bot.trading_ends,
        warn_before=timedelta(minutes=bot.warn_before_minutes),
        probe_every=timedelta(minutes=bot.probe_minutes),
        quiet=bot.quiet_hours,
    )


def _of_accounts() -> dict[str, str]:
    """Keys that belong into an account's file, and what to say when they stand in the bot's."""
    theirs = set(names(AccountKeys)) - set(names(BotKeys))
    for broker in BROKERS:
        theirs.update(part.name for part in fields(broker_class(broker).Config))
    return dict.fromkeys(theirs, "belongs into an account's file, such as dhan_config.json")
