"""`kunji key seal FILE`: the secret values of a config file are replaced by sealed ones, in place.

A sealed value opens only with the store's key, in the account and field it was sealed for.
"""

from __future__ import annotations

import json
import os
import typing
from dataclasses import fields
from pathlib import Path
from typing import Any

from bot.config import BOT_FILE
from bot.keys import SEALED, seal_value
from bot.totp import replace_file
from brokers import BROKERS, Broker, KunjiError, Secret, TotpSecret, broker_class

SUFFIX = "_config.json"
ELSEWHERE = ("${", "file:", SEALED)
"""How a value begins that does not stand in the file itself."""


class NotSealed(KunjiError):
    """The file cannot be sealed; nothing in it was changed."""


def seal_file(path: Path, key: bytes) -> list[str]:
    """Seal what is secret; the names of the keys that were sealed. The file stays readable by its owner only.

    Raises NotSealed.
    """
    if not path.name.endswith(SUFFIX):
        raise NotSealed(f"{path.name} is no config file", hint=f"its name must end in {SUFFIX}")
    written = _read(path)
    sealed = seal_values(written, path.name, key)
    if sealed:
        replace_file(path, (json.dumps(written, indent=2, ensure_ascii=False) + "\n").encode())
        os.chmod(path, 0o600)
    return sealed


def seal_values(written: dict[str, object], file: str, key: bytes) -> list[str]:
    """Seal what is secret of what stands in a config file of that name; the names of the keys that were sealed."""
    account = file.removesuffix(SUFFIX)
    secret = {"telegram_bot_token"} if file == BOT_FILE else {"telegram_bot_token", *_secrets_of(written, account)}
    sealed = []
    for name, value in written.items():
        if name in secret and isinstance(value, str) and not value.startswith(ELSEWHERE):
            written[name] = seal_value(key, account, name, value)
            sealed.append(name)
    return sealed


def secret_fields(kind: type[Broker[Any]]) -> set[str]:
    """Those of the broker's fields that are secret."""
    hints = typing.get_type_hints(kind.Config)
    return {part.name for part in fields(kind.Config) if _is_secret(hints[part.name])}


def _read(path: Path) -> dict[str, object]:
    try:
        written = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        raise NotSealed(f"{path.name} cannot be read as JSON", hint="kunji check says what is wrong with it") from None
    if not isinstance(written, dict):
        raise NotSealed(f"{path.name} holds no JSON object")
    return written


def _secrets_of(written: dict[str, object], account: str) -> set[str]:
    name = written.get("broker", account.partition("-")[0])
    if name not in BROKERS:
        raise NotSealed(f"there is no broker {name}", hint=f"known are {', '.join(BROKERS)}")
    return secret_fields(broker_class(str(name)))


def _is_secret(hint: object) -> bool:
    if isinstance(hint, type):
        return issubclass(hint, Secret | TotpSecret)
    return any(_is_secret(part) for part in typing.get_args(hint))
