"""One account's file: which broker, which way to log in, with which credentials, and who may see it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import time
from pathlib import Path
from typing import Any

from bot.config._check import checked, checked_with_defaults, known_only, nearest, numbers_as_text
from bot.config._faults import Complain
from bot.config._keys import AccountKeys, BotKeys, ForAll, names
from brokers import BROKERS, Broker, Secret, broker_class, own_address
from handlers.access import Audience

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
LEFT_TO_ITSELF = ("auto", "assisted")
"""The ways taken when the config names none; any other must be asked for."""
_BOT_WIDE = dict.fromkeys(set(names(BotKeys)) - set(names(AccountKeys)), "belongs into bot_config.json")


@dataclass(frozen=True, slots=True)
class AccountConfig:
    name: str
    file: str
    broker: str
    """Its name, as in `brokers.BROKERS`."""
    config: Any
    """An instance of the broker's own `Config`."""
    login: str
    """A key of the broker's `ways`."""
    endpoints: Mapping[str, str]
    """An address for each of the broker's endpoints."""
    audience: Audience
    morning: time
    on_refresh: tuple[str, ...] | None
    """The command to run when there is a new token."""
    write_to: Path | None
    """The file in which the values for programs are kept current; absolute."""
    secrets: tuple[Secret, ...] = field(repr=False)
    """Everything in it that no log may show."""


def name_fault(name: str) -> str | None:
    """What is wrong with an account's name."""
    if name == "all":
        return "names no account: all is what commands take for every account"
    if _NAME.fullmatch(name):
        return None
    return (
        "names no account: expected something like dhan-wife_config.json, with small letters, digits and dashes, "
        "at most 32 before the underscore"
    )


def spare_keys(name: str, written: Mapping[str, object]) -> set[str]:
    """What of the credentials this account's way to log in does without; none while that is not known."""
    broker = str(written.get("broker") or name.partition("-")[0])
    if broker not in BROKERS:
        return set()
    found = broker_class(broker)
    way = str(written.get("login") or next(iter(_ways_open(found, _given(written))), None))
    if way not in found.ways:
        return set()
    needed = {part.name for part in fields(found.Config) if part.default is MISSING}
    return set(_field_names(found)) - needed - set(found.ways[way])


class AccountFile:
    """An account's file whose values are known, with everything that is needed to judge them."""

    def __init__(
        self, name: str, file: str, written: Mapping[str, object], meant: Mapping[str, object], complain: Complain
    ) -> None:
        self.name = name
        self.file = file
        self.written = written
        self.meant = meant
        self.complain = complain
        self.lost = {key for key, value in written.items() if value is not None} - meant.keys()
        """Keys already complained about."""
        ours = names(AccountKeys)
        self.keys = checked_with_defaults(AccountKeys, {k: v for k, v in meant.items() if k in ours}, complain)
        self.lost |= {key for key in meant if key in ours and getattr(self.keys, key) is None}

    def account(self, for_all: ForAll) -> AccountConfig | None:
        """What the file says; None after complaining about each fault that leaves it without a sense."""
        found = self._broker()
        audience = self._audience(for_all)
        if found is None:
            return None
        credentials = self._credentials(found)
        endpoints = self._endpoints(found)
        login = self._login(found)
        if credentials is None or endpoints is None or login is None or audience is None:
            return None
        return AccountConfig(
            name=self.name,
            file=self.file,
            broker=found.name,
            config=credentials,
            login=login,
            endpoints=endpoints,
            audience=audience,
            morning=self.keys.morning or for_all.morning,
            on_refresh=self.keys.on_refresh,
            write_to=self._sink(for_all.folder),
            secrets=self._secrets(credentials),
        )

    def _broker(self) -> type[Broker[Any]] | None:
        name = self.keys.broker or self.name.partition("-")[0]
        if name in BROKERS:
            return broker_class(name)
        if "broker" not in self.lost:
            known = ", ".join(BROKERS)
            self.complain("broker", f"expected the name of a broker ({known}){nearest(name, BROKERS)}")
        return None

    def _credentials(self, found: type[Broker[Any]]) -> Any | None:
        theirs = _field_names(found)
        values = known_only(self.meant, [*theirs, *names(AccountKeys)], _BOT_WIDE, self.complain)
        values = numbers_as_text(found.Config, {key: value for key, value in values.items() if key in theirs})
        tight = {key for key, value in values.items() if self._padded(key, value)}

        def complain(key: str, expected: str) -> None:
            if key not in self.lost | tight:
                self.complain(key, expected)

        made = checked(found.Config, {key: value for key, value in values.items() if key not in tight}, complain)
        return None if tight else made

    def _padded(self, key: str, value: object) -> bool:
        """Blanks that came along with a copied value; a TOTP secret may have them."""
        if key == "totp_secret" or not isinstance(value, str) or value == value.strip():
            return False
        self.complain(key, "has blanks before or after it; expected none")
        return True

    def _login(self, found: type[Broker[Any]]) -> str | None:
        given = _given(self.written)
        asked = self.keys.login
        if asked is None:
            return None if "login" in self.lost else self._default_login(found, given)
        if asked not in found.ways:
            known = ", ".join(found.ways)
            self.complain("login", f"expected one of the ways to log in at {found.title} ({known})")
            return None
        for key in found.ways[asked]:
            if key not in given:
                self.complain(key, f"is missing; login {asked} needs {' and '.join(found.ways[asked])}")
        return asked if given.issuperset(found.ways[asked]) else None

    def _default_login(self, found: type[Broker[Any]], given: set[str]) -> str | None:
        for way in _ways_open(found, given):
            return way
        ways = [way for way in found.ways if way in LEFT_TO_ITSELF]
        needed = ", or ".join(f"{' and '.join(found.ways[way])} for login {way}" for way in ways)
        self.complain("login", f"expected {needed}")
        return None

    def _endpoints(self, found: type[Broker[Any]]) -> dict[str, str] | None:
        replaced = self.keys.endpoints or {}
        checked_ones = dict(found.endpoints)
        good = True
        for name, address in replaced.items():
            key = f"endpoints.{name}"
            if name not in found.endpoints:
                self.complain(key, f"expected one of {', '.join(found.endpoints)}")
                good = False
                continue
            try:
                checked_ones[name] = own_address(address, found.domains.get(name, found.domain))
            except ValueError as error:
                self.complain(key, str(error))
                good = False
        return checked_ones if good else None

    def _audience(self, for_all: ForAll) -> Audience | None:
        wide = for_all.telegram
        viewers = self.keys.telegram_chat_id or wide.telegram_chat_id
        admins = self.keys.admin_chat_id or wide.admin_chat_id or viewers
        viewer_users = self.keys.viewer_user_ids or wide.viewer_user_ids or frozenset()
        admin_users = self.keys.admin_user_ids or wide.admin_user_ids or frozenset()
        if admins is None:
            if not (self.lost | for_all.lost) & {"telegram_chat_id", "admin_chat_id"}:
                self.complain(
                    "telegram_chat_id",
                    "is missing; expected here, in bot_config.json, or as TELEGRAM_CHAT_ID in the environment or .env",
                )
            return None
        if _has_group(viewers) and not viewer_users | admin_users:
            self.complain("viewer_user_ids", "is missing; a group may look only with the ids of its people beside it")
            return None
        if _has_group(admins) and not admin_users:
            self.complain("admin_user_ids", "is missing; an admin group needs the ids of its admins beside it")
            return None
        # What may not be said in a group is said to its people in their private chats, whose ids are their own.
        return Audience((viewers or frozenset()) | viewer_users, admins | admin_users, viewer_users, admin_users)

    def _sink(self, folder: Path) -> Path | None:
        return None if self.keys.write_to is None else folder / self.keys.write_to

    def _secrets(self, credentials: Any) -> tuple[Secret, ...]:
        values = [getattr(credentials, part.name) for part in fields(credentials)]
        secrets = [value for value in values if isinstance(value, Secret)]
        typed = self.meant.get("totp_secret")
        if isinstance(typed, str):
            secrets.append(Secret(typed))  # with the blanks and dashes it was copied with
        return tuple(secrets)


def _given(written: Mapping[str, object]) -> set[str]:
    return {key for key, value in written.items() if value is not None}


def _ways_open(found: type[Broker[Any]], given: set[str]) -> list[str]:
    """Those that may be taken without being asked for, and have what they need."""
    return [way for way in found.ways if way in LEFT_TO_ITSELF and given.issuperset(found.ways[way])]


def _field_names(found: type[Broker[Any]]) -> list[str]:
    return [part.name for part in fields(found.Config)]


def _has_group(chats: frozenset[int] | None) -> bool:
    return bool(chats) and min(chats or (0,)) < 0
