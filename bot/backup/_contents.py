"""What is in a backup, as a value and as bytes. Knows the names a file in it may have; touches no disk.

It is one JSON object: there are no links, modes or owners in it that somebody could have thought up.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import kunji
from brokers import KunjiError, Secret
from kunji._seal import parse_ring

CONFIG, STORE = "config/", "store/"
"""How the name of a file begins, by where it belongs."""
STORE_FILE = re.compile(r"(?:[a-z]+|history/[A-Za-z0-9_][A-Za-z0-9_-]{0,63})\.json(?:\.[0-9])?|audit\.log(?:\.1)?")
"""What the store's folder holds of its own, below it; and nothing of locks, keys and older backups."""


class BackupError(KunjiError):
    """There is no backup to be had, or none to be restored from it; nothing was changed."""


class KeyLay(StrEnum):
    """Where the store's key was found."""

    IN_THE_STORE = "store"
    ELSEWHERE = "file"
    IN_THE_ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Contents:
    made_at: datetime
    version: str
    """Of the program that made it."""
    files: Mapping[str, bytes] = field(repr=False)
    """By names such as `config/dhan_config.json` and `store/tokens.json`."""
    key: Secret | None
    """The key ring, as a key file holds it."""
    key_lay: KeyLay
    remarks: tuple[str, ...] = ()
    """What is not in it, and what was not as it should be, in sentences."""

    def of(self, folder: str) -> dict[str, bytes]:
        """The files that belong into this folder, by their names below it."""
        return {name.removeprefix(folder): data for name, data in self.files.items() if name.startswith(folder)}


def to_bytes(contents: Contents) -> bytes:
    written = {
        "made_at": contents.made_at.isoformat(),
        "version": contents.version,
        "files": {name: b64encode(data).decode() for name, data in contents.files.items()},
        "key": contents.key.reveal() if contents.key else None,
        "key_lay": contents.key_lay.value,
        "remarks": contents.remarks,
    }
    return json.dumps(written).encode()


def from_bytes(data: bytes) -> Contents:
    """Raises BackupError. Whoever knew the passphrase may have written anything."""
    try:
        written = json.loads(data)
        return Contents(
            made_at=_aware(written["made_at"]),
            version=_shown(written["version"]),
            files={_named(name): b64decode(text, validate=True) for name, text in written["files"].items()},
            key=_key(written["key"]),
            key_lay=KeyLay(written["key_lay"]),
            remarks=tuple(map(_shown, written["remarks"])),
        )
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, kunji.Error):
        raise BackupError("the backup holds what kunji never writes; nothing was restored") from None


def _shown(text: object) -> str:
    """Nothing in it makes a terminal do anything."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))


def _aware(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no time zone")
    return at


def _key(text: str | None) -> Secret | None:
    if text is None:
        return None
    parse_ring(text, "the backup")
    return Secret(text)


def _named(name: str) -> str:
    if name.startswith(STORE) and STORE_FILE.fullmatch(name.removeprefix(STORE)):
        return name
    if name.startswith(CONFIG) and stays_below(name.removeprefix(CONFIG)):
        return name
    raise ValueError("a name that no file in a backup has")


def stays_below(path: str) -> bool:
    """Whether a path leads to a file below the folder it starts from, by its text alone."""
    return path.isprintable() and "\\" not in path and not {"", ".", ".."} & set(path.split("/"))
