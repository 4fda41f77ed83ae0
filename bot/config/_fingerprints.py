"""Tells a changed config from an unchanged one, without keeping anything of it that could be read."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import fields

from bot.config._accounts import AccountConfig
from bot.config._files import Source
from brokers import Secret, TotpSecret


def fingerprint(account: AccountConfig, key: bytes) -> str:
    """Changes when the credentials do: refusals of the earlier ones then count no more."""
    parts = {part.name: _plain(getattr(account.config, part.name)) for part in fields(account.config)}
    text = json.dumps([account.broker, parts], sort_keys=True, ensure_ascii=True)
    return _keyed(key, b"credentials", text.encode())


def file_fingerprint(source: Source, key: bytes) -> str:
    """Changes when the file does."""
    return _keyed(key, b"file", source.digest)


def _plain(value: object) -> object:
    if isinstance(value, TotpSecret):
        # A code tells secrets apart that differ in their algorithm only.
        return [value.reveal(), value.period, value.code_at(0).reveal()]
    if isinstance(value, Secret):
        return value.reveal()
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def _keyed(key: bytes, purpose: bytes, content: bytes) -> str:
    return hmac.new(key, purpose + b"\0" + content, hashlib.sha256).hexdigest()
