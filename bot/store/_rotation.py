"""Sealing everything again with another key: the files of the store and the sealed values of the config.

Works it all out in memory, which proves that everything can be opened, before anything is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.store import StoreError
from bot.store._files import SafeFile, in_our_words, make_folder, write_new, write_over
from bot.store._recovery import files_of
from kunji._file import Contents
from kunji._places import KEY_FILE
from kunji._seal import Ring, Sealer, write_ring

_SEALED = "sealed:"
_CONFIG = "_config.json"
_VARIABLE = re.compile(r"""^\s*(?:export\s+)?(\w+)\s*=\s*["']?(sealed:[\w.-]+)""", re.ASCII | re.MULTILINE)


def new_backup(store: Path, ring: bytes | None) -> Path:
    """A folder for what is there before anything is changed, with the key ring unless that lies elsewhere."""
    backup = store / "backups" / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    for folder in (store, backup.parent, backup, backup / "config"):
        make_folder(folder)
    if ring is not None:
        write_new(backup / KEY_FILE, write_ring(ring).encode())
    return backup


class Files:
    """The files of a store, from what `ring` opens to what `sealer` seals. The caller holds the store's write lock."""

    def __init__(self, store: Path, ring: Ring, sealer: Sealer) -> None:
        """Raises StoreError if anything cannot be opened."""
        self._store = store
        self._ring = ring
        self._sealer = sealer
        self._files = [(file, self._resealed(file)) for file in files_of(store)]

    def back_up(self, backup: Path) -> None:
        make_folder(backup / "history")
        for file, _ in self._files:
            write_new(backup / file.path.relative_to(self._store), file.path.read_bytes())

    def write(self) -> None:
        for file, contents in self._files:
            file.replace(contents)
            # The earlier versions open with the old key only; they are in the backup.
            for path in file.copies():
                path.unlink()

    def _resealed(self, file: SafeFile) -> Contents:
        contents = file.state().contents
        if contents is None:
            raise StoreError(f"{file.path} is gone")
        tables = {kind: self._table(kind, table) for kind, table in contents.tables.items()}
        return Contents(self._sealer.name, tables)

    def _table(self, kind: str, table: dict[str, Any]) -> dict[str, Any]:
        return {
            id_: {**document, "sealed": self._again(document["sealed"], kind, id_)}
            if "sealed" in document
            else document
            for id_, document in table.items()
        }

    def _again(self, sealed: str, *about: str) -> str:
        return self._sealer.seal(self._ring.open(sealed, *about), *about)


class Configs:
    """The config files in which something is sealed; as `Files`."""

    def __init__(self, config: Path, ring: Ring, sealer: Sealer) -> None:
        """Raises StoreError if anything cannot be opened."""
        self._ring = ring
        self._sealer = sealer
        self._configs = {path.resolve(): self._config(path) for path in _config_files(config)}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(path.name for path in self._configs)

    def back_up(self, backup: Path) -> None:
        for path in self._configs:
            write_new(backup / "config" / path.name, path.read_bytes())

    def write(self) -> None:
        for path, data in self._configs.items():
            write_over(path, data)

    def _config(self, path: Path) -> bytes:
        with in_our_words(f"{path} cannot be sealed again"):
            text = path.read_bytes().decode()
            for account, field, value in _sealed_values(path, text):
                if value not in text:
                    raise StoreError(f"{path}: {field} is written in a way that cannot be sealed again; seal it anew")
                about = ("config", account, field)
                again = self._sealer.seal(self._ring.open(value.removeprefix(_SEALED), *about), *about)
                text = text.replace(value, _SEALED + again)
        return text.encode()


def _config_files(folder: Path) -> Iterator[Path]:
    for path in (*sorted(folder.glob(f"*{_CONFIG}")), folder / ".env"):
        if path.is_file() and _SEALED.encode() in path.read_bytes():
            yield path


def _sealed_values(path: Path, text: str) -> list[tuple[str, str, str]]:
    """Account, field and sealed value of each, as the config names them."""
    if path.name == ".env":
        return [("bot", name.lower(), value) for name, value in _VARIABLE.findall(text)]
    try:
        written = json.loads(text.removeprefix("\ufeff"))
    except ValueError:
        raise StoreError(f"{path} is not JSON") from None
    account = path.name.removesuffix(_CONFIG)
    return [(account, field, value) for field, value in _texts(written, "") if value.startswith(_SEALED)]


def _texts(written: Any, field: str) -> Iterator[tuple[str, str]]:
    if isinstance(written, str):
        yield field, written
    elif isinstance(written, list):
        for item in written:
            yield from _texts(item, field)
    elif isinstance(written, dict):
        for name, item in written.items():
            yield from _texts(item, f"{field}.{name}" if field else name)
