"""Config folders for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.config import Config, ConfigErrors, load

BOT_TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
FLAT = {
    "client_id": "1000000001",
    "api_key": "a1b2c3d4",
    "api_secret": "e5f6a7b8-c9d0",
    "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "telegram_bot_token": BOT_TOKEN,
    "telegram_chat_id": "5001",
    "admin_chat_id": "5002",
}
"""The reference: every value of the flat Dhan form."""
AUTO = {
    "client_id": "1000000001",
    "pin": "012345",
    "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "telegram_bot_token": BOT_TOKEN,
    "telegram_chat_id": 5001,
}

OTHER = {"client_id": "1000000002", "totp_secret": "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"}
"""What makes a second account of any of the above."""


def write(folder: Path, name: str, content: object, mode: int = 0o600) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    path.chmod(mode)
    return path


def faults(folder: Path, environment: Mapping[str, str] | None = None) -> list[str]:
    """The sentences a folder is answered with; none if it loads."""
    try:
        load(folder, environment or {})
    except ConfigErrors as error:
        return [str(fault) for fault in error.faults]
    return []


def only_fault(folder: Path, environment: Mapping[str, str] | None = None) -> str:
    found = faults(folder, environment)
    assert len(found) == 1, found
    return found[0]


def loaded(folder: Path, environment: Mapping[str, str] | None = None) -> Config:
    try:
        return load(folder, environment or {})
    except ConfigErrors as error:
        pytest.fail(str(error))
