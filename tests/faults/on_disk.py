"""Config folders and stores with anything in them, and what may come of reading them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.config import ConfigErrors, load
from bot.config._keys import AccountKeys, BotKeys, names
from bot.store import StoreError, open_store
from brokers import BROKERS, broker_class
from kunji import Error, NoLiveToken, Reader
from kunji._seal import write_ring
from tests.contract.test_kotak import KEY as CONSUMER_KEY
from tests.faults.fuzz import Chance, refusal
from tests.unit.config.files import AUTO, FLAT
from tests.unit.store.samples import KEY, NOW, held

EXAMPLES: dict[str, dict[str, Any]] = {
    "dhan_config.json": FLAT,
    "dhan-wife_config.json": AUTO | {"client_id": "1000000002", "totp_secret": "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"},
    "zerodha_config.json": {
        "client_id": "AB1234",
        "api_key": "planted-zerodha-key",
        "api_secret": "planted-zerodha-secret",
        "redirect_url": "http://127.0.0.1:9123/landing",
    },
    "kotak_config.json": {
        "client_id": "ZT4K9",
        "consumer_key": CONSUMER_KEY,
        "mobile_number": "9000000042",
        "mpin": "730251",
    },
    "bot_config.json": {
        "morning": "08:40",
        "quiet_hours": "22:00-07:00",
        "extra_holidays": ["2026-11-09"],
        "store": "kept/here",
        "proxy": "http://me:planted-proxy@proxy.example:3128",
        "admin_user_ids": [5002],
        "probe_minutes": 20,
    },
}
DOTENV = b"TELEGRAM_CHAT_ID=5001\nHIDDEN='planted-hidden'\nexport ADMIN_CHAT_ID=5002\n# a note\nEMPTY=\n"
KNOWN = sorted(
    {*names(AccountKeys), *names(BotKeys)}
    | {part.name for broker in BROKERS for part in fields(broker_class(broker).Config)}
)
CONFIG_WORDS = (
    *KNOWN,
    *("${HIDDEN}", "${NOWHERE}", "file:.env", "file:/dev/null", "file:a\0b", "file:\ud800", "file:", "sealed:abc.def"),
    *("~nobody-here/kept", "~", "a\0b", "\ud800/kept", "redis://x", "YOUR_KEY", "08:45", "25:61", "-100123", "1,2,x"),
    *(
        "http://[::1",
        "https://dhan.co:99999",
        "http://127.0.0.1:8082",
        "unix:~nobody-here/a",
        "unix:a\0",
        ["a\0b"],
        "otpauth://totp/x?secret=planted2planted",
    ),
    *("auto", "assisted", "unofficial", "dhan", "zerodha", {"api": "http://127.0.0.1:1"}, [5001, -100], 2**80),
)


PUBLIC = " ".join(
    (
        *KNOWN,
        *EXAMPLES,
        *BROKERS,
        "auto assisted unofficial 22:00-07:00 2026-11-08 http://127.0.0.1:8081",
        "http://127.0.0.1:8082",
    )
)
"""What our own sentences say, whoever wrote it, too."""


ACCOUNTS = ("dhan", "kotak")
READER = {"KUNJI_KEY": write_ring(KEY)}


def fill(folder: Path, files: Mapping[str, bytes]) -> None:
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        place = folder / name
        place.write_bytes(content)
        place.chmod(0o600)


def read_config(folder: Path, files: Mapping[str, bytes], hidden: set[str]) -> None:
    """It is one, or every fault is told on a line of its own, and nothing that was written with it."""
    fill(folder, files)
    error = refusal(ConfigErrors, lambda: load(folder, {}, key=lambda: KEY))
    if error is not None:
        said = str(error)
        assert said.encode()
        assert len(said.splitlines()) == len(error.faults)
        shown = [text for text in hidden if text in said]
        assert not shown, shown


def hidden_in(written: Any) -> set[str]:
    """Every value that no error may show; not what is a key elsewhere, as keys are shown."""
    values, keys, places = set(), [PUBLIC], [written]
    while places:
        place = places.pop()
        if isinstance(place, str) and len(place) > 5:
            values.add(place)
        elif isinstance(place, dict):
            keys += place
            places.extend(place.values())
        elif isinstance(place, list):
            places.extend(place)
    return {value for value in values if not any(value in key for key in keys)}


class Kept:
    """A store with the tokens of two accounts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / ".kunji" / "tokens.json"
        store = open_store(folder, key=KEY, environment={})
        for account in ACCOUNTS:
            store.save(account, held(f"token-of-{account}"))
        store.close()
        self.data = self.file.read_bytes()

    def read(self, data: bytes, *, torn: bool) -> None:
        """What was written, or a sentence. Where somebody edited the file with care, also that there is nothing."""
        self.file.write_bytes(data)
        for account in ACCOUNTS:
            told = refusal(Error, partial(self._read_by_a_program, account))
            assert len(str(told)) < 400
            assert not (torn and isinstance(told, NoLiveToken))
        error = refusal(StoreError, partial(self._read_by_the_bot, torn))
        assert len(str(error)) < 800

    def _read_by_a_program(self, account: str) -> None:
        reader = Reader(account, config=self.folder, environment=READER, now=NOW.timestamp)
        assert reader.token() == f"token-of-{account}"

    def _read_by_the_bot(self, torn: bool) -> None:
        store = open_store(self.folder, key=KEY, environment={})
        found = {account: store.load(account) for account in store.accounts()}
        store.close()
        assert all(one and one.token.value.reveal() == f"token-of-{account}" for account, one in found.items())
        assert not torn or len(found) == len(ACCOUNTS)

    def edited(self, chance: Chance) -> bytes:
        """Spoilt, with the sum it should have then."""
        value = chance.spoilt(json.loads(self.data))
        if not isinstance(value, dict):
            return chance.written(value)
        value.pop("sha256", None)
        body = chance.written(value)[:-1] + b",\n"
        return body + f'"sha256": "{sha256(body).hexdigest()}"}}\n'.encode()
