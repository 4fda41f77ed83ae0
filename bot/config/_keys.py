"""The keys of the config files that are ours, not a broker's: their names, their form, their defaults."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, time
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import PlainValidator

from bot.config._addresses import (
    heartbeat_address,
    proxy_address,
    public_address,
    store_address,
    telegram_address,
)
from bot.listening import IPNetwork, Place, Tls, place
from bot.trading import Hours
from brokers import Secret
from kunji._places import can_be_named
from kunji._redis import is_address

_BOT_TOKEN = re.compile(r"[0-9]{3,20}:[A-Za-z0-9_-]{20,}")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_ID = re.compile(r"-?[0-9]{1,19}")
_DEFAULTS = Hours()
ORDER_MESSAGES = {"filled": "on", "rejected": "on", "cancelled": "silent"}
"""What is told of an order's end, and whether with a sound."""

T = TypeVar("T")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected text in quotes")  # noqa: TRY004 -- pydantic reports ValueError, as a fault
    return value


def _read(parse: Callable[[str], T]) -> Callable[[object], T]:
    return lambda value: parse(_text(value))


def _bot_token(value: object) -> Secret:
    token = _text(value).strip()
    if not _BOT_TOKEN.fullmatch(token):
        raise ValueError("expected a bot token as BotFather gives it: digits, a colon, and about 35 signs")
    return Secret(token)


def _time(text: str) -> time:
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError('expected a time of day (IST) such as "08:45"')
    return time(int(found[1]), int(found[2]))


def _trading_end(text: str) -> time:
    end = _time(text)
    if end <= _DEFAULTS.trading_starts:
        raise ValueError(f"expected a time of day after {_DEFAULTS.trading_starts:%H:%M}, when trading starts")
    return end


def _span(text: str) -> tuple[time, time]:
    first, dash, last = text.partition("-")
    try:
        span = _time(first.strip()), _time(last.strip())
    except ValueError:
        span = None
    if not dash or span is None or span[0] == span[1]:
        raise ValueError('expected two times of day (IST) such as "22:00-07:00"')
    return span


def _minutes(least: int, most: int) -> Callable[[object], int]:
    def minutes(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"expected a whole number of minutes from {least} to {most}")
        return value

    return minutes


def _dates(value: object) -> frozenset[date]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('expected a list of dates such as ["2026-11-08"]')
    try:
        return frozenset(date.fromisoformat(item) for item in value)
    except ValueError:
        raise ValueError('expected dates such as "2026-11-08"') from None


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false, without quotes")  # noqa: TRY004 -- as above
    return value


def _ids(value: object) -> frozenset[int]:
    """One id or several: numbers, texts of digits, or a text with commas as an environment holds it."""
    items = value if isinstance(value, list) else value.split(",") if isinstance(value, str) else [value]
    found = frozenset(_id(item) for item in items)
    if not found:
        raise ValueError("expected at least one id")
    return found


def _id(value: object) -> int:
    if isinstance(value, str) and _ID.fullmatch(value.strip()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value == 0:
        raise ValueError("expected an id in digits such as 123456789, or a list of such ids")
    return value


def _user_ids(value: object) -> frozenset[int]:
    found = _ids(value)
    if min(found) < 0:
        raise ValueError("expected ids of people; an id with a minus is a group's")
    return found


def _endpoints(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(address, str) for address in value.values()):
        raise ValueError('expected names and addresses such as {"api": "http://127.0.0.1:8082"}')
    return value


def _command(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise ValueError('expected a command and its arguments, each in quotes: ["systemctl", "restart", "strategy"]')
    if not all(can_be_named(word) for word in value):
        raise ValueError("expected words without control signs")
    return tuple(value)


def _path(text: str) -> Path:
    if not can_be_named(text):
        raise ValueError("expected the path of a file")
    return Path(os.path.expanduser(text))


def _store(text: str) -> str:
    if not can_be_named(text):
        raise ValueError("expected the path of a folder, or an address")
    return store_address(text) if is_address(text) else text


def _tls(value: object) -> Tls:
    if (
        not isinstance(value, dict)
        or value.keys() != {"certificate", "key"}
        or not all(isinstance(path, str) for path in value.values())
    ):
        raise ValueError('expected two files in PEM: {"certificate": "chain.pem", "key": "key.pem"}')
    return Tls(_path(value["certificate"]), _path(value["key"]))


def _networks(value: object) -> tuple[IPNetwork, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('expected a list of addresses or networks such as ["127.0.0.1", "172.18.0.0/16"]')
    try:
        return tuple(ip_network(item) for item in value)
    except ValueError:
        raise ValueError('expected addresses or networks such as "127.0.0.1" or "172.18.0.0/16"') from None


def _one_of(*choices: str) -> Callable[[object], str]:
    def chosen(value: object) -> str:
        if value not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return str(value)

    return chosen


_LOUDNESS = _one_of("on", "silent", "off")


def _order_messages(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not value.keys() <= ORDER_MESSAGES.keys():
        raise ValueError('expected how to tell of orders: {"filled": "on", "rejected": "on", "cancelled": "silent"}')
    return ORDER_MESSAGES | {kind: _LOUDNESS(how) for kind, how in value.items()}


_Ids = Annotated[frozenset[int] | None, PlainValidator(_ids)]
_UserIds = Annotated[frozenset[int] | None, PlainValidator(_user_ids)]
_Time = Annotated[time, PlainValidator(_read(_time))]


@dataclass(frozen=True, slots=True)
class TelegramKeys:
    """May stand in any file; but for the token, the account's file comes before what holds for all."""

    telegram_bot_token: Annotated[Secret | None, PlainValidator(_bot_token)] = None
    telegram_chat_id: _Ids = None
    admin_chat_id: _Ids = None
    viewer_user_ids: _UserIds = None
    admin_user_ids: _UserIds = None


@dataclass(frozen=True, slots=True)
class AccountKeys(TelegramKeys):
    """What an account's file may hold besides the broker's own fields."""

    broker: Annotated[str | None, PlainValidator(_text)] = None
    login: Annotated[str | None, PlainValidator(_text)] = None
    endpoints: Annotated[dict[str, str] | None, PlainValidator(_endpoints)] = None
    morning: Annotated[time | None, PlainValidator(_read(_time))] = None
    on_refresh: Annotated[tuple[str, ...] | None, PlainValidator(_command)] = None
    write_to: Annotated[Path | None, PlainValidator(_read(_path))] = None


@dataclass(frozen=True, slots=True)
class BotKeys(TelegramKeys):
    """What `bot_config.json` may hold."""

    warn_before_minutes: Annotated[int, PlainValidator(_minutes(5, 1380))] = 120
    morning: _Time = _DEFAULTS.morning
    ask_at: _Time = _DEFAULTS.ask_at
    ready_at: _Time = _DEFAULTS.ready_at
    trading_ends: Annotated[time, PlainValidator(_read(_trading_end))] = _DEFAULTS.trading_ends
    probe_minutes: Annotated[int, PlainValidator(_minutes(1, 360))] = 15
    quiet_hours: Annotated[tuple[time, time] | None, PlainValidator(_read(_span))] = None
    extra_trading_days: Annotated[frozenset[date], PlainValidator(_dates)] = frozenset()
    extra_holidays: Annotated[frozenset[date], PlainValidator(_dates)] = frozenset()
    totp_in_chat: Annotated[bool, PlainValidator(_switch)] = True
    store: Annotated[str | None, PlainValidator(_read(_store))] = None
    proxy: Annotated[str | None, PlainValidator(_read(proxy_address))] = None
    telegram_api_url: Annotated[str | None, PlainValidator(_read(telegram_address))] = None
    private_listen: Annotated[Place | None, PlainValidator(_read(place))] = None
    private_tls: Annotated[Tls | None, PlainValidator(_tls)] = None
    public_url: Annotated[str | None, PlainValidator(_read(public_address))] = None
    listen: Annotated[Place | None, PlainValidator(_read(place))] = None
    trusted_proxies: Annotated[tuple[IPNetwork, ...], PlainValidator(_networks)] = ()
    telegram_mode: Annotated[str, PlainValidator(_one_of("polling", "webhook"))] = "polling"
    heartbeat_url: Annotated[Secret | None, PlainValidator(_read(heartbeat_address))] = None
    order_messages: Annotated[dict[str, str], PlainValidator(_order_messages)] = field(
        default_factory=ORDER_MESSAGES.copy
    )


@dataclass(frozen=True, slots=True)
class ForAll:
    """What holds for every account that does not say otherwise."""

    folder: Path
    telegram: TelegramKeys
    morning: time
    lost: frozenset[str]
    """Keys that were given but complained about: they are not missing."""


ENVIRONMENT = {
    "TELEGRAM_BOT_TOKEN": "telegram_bot_token",
    "TELEGRAM_CHAT_ID": "telegram_chat_id",
    "ADMIN_CHAT_ID": "admin_chat_id",
}
"""Names in the environment or `.env` that hold for all accounts, and the keys they stand for."""


def names(keys: type[TelegramKeys]) -> list[str]:
    return [key.name for key in fields(keys)]


def lost(keys: TelegramKeys, written: Mapping[str, object]) -> frozenset[str]:
    """Those of our keys that were given and could not be taken."""
    given = {key for key, value in written.items() if value is not None}
    return frozenset(key for key in names(TelegramKeys) if key in given and getattr(keys, key) is None)
