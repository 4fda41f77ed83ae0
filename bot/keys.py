"""The store's key and what is sealed with it: values of the config, and all of the store when the key is changed.

Wherever a `key` is given it is a key ring: 32 bytes, or several times 32 while keys are being changed. The first seals,
all open.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bot.moving import alone, copy
from bot.store import StoreError, address_of, open_place, places_of
from bot.store._files import in_our_words, write_over
from bot.store._key import has_begun, read_key
from bot.store._rotation import Configs, Files, new_backup
from bot.store._turns import Locks
from kunji import StoreUnreadable
from kunji._places import Places
from kunji._seal import Ring, Sealer, new_key, split_ring, write_ring

SEALED = "sealed:"


def seal_value(key: bytes, account: str, field: str, text: str) -> str:
    """A value for the config that opens in this field of this account only."""
    return SEALED + Sealer(split_ring(key)[0]).seal(text, "config", account, field)


def open_value(key: bytes, account: str, field: str, text: str) -> str:
    """What was sealed. Raises StoreError."""
    sealed = text.removeprefix(SEALED)
    sealers = {sealer.name: sealer for sealer in map(Sealer, split_ring(key))}
    sealer = sealers.get(sealed.partition(".")[0])
    if sealer is None:
        raise StoreError("was sealed with another key, or is damaged")
    try:
        return sealer.open(sealed, "config", account, field)
    except StoreUnreadable:
        raise StoreError("was sealed for another account or field, or is damaged") from None


class Rotated(NamedTuple):
    backup: Path
    """The store, the sealed config files and the old key as they were; as secret as these."""
    config_files: tuple[str, ...]
    """Names of those in which values were sealed again."""


def rotate(folder: str | Path, store: str | None = None, environment: Mapping[str, str] = os.environ) -> Rotated:
    """Make a new key, and seal with it the store and the sealed values of the config. Raises StoreError.

    Everything is opened and a backup made before anything is changed. Then the key file holds the new key **and** the
    old one, until every file, each replaced whole, is sealed with the new one; only then the old one goes. So whenever
    this is killed the key file opens everything, and doing it again brings it to its end.

    A key in KUNJI_KEY cannot be changed from here: it has to hold the new and the old key first. So has the key of a
    store on a server, on every machine.
    """
    places = places_of(folder, store, environment)
    if not (has_begun(places) if places.is_on_server else Path(places.folder).is_dir()):
        raise StoreError(f"there is no store at {places.shown}")
    with in_our_words(f"the key of {places.shown} cannot be changed"):
        rotation = _Rotation(places, Path(folder), environment)
        return rotation.on_server() if places.is_on_server else rotation.in_folder()


class _Rotation:
    def __init__(self, places: Places, config: Path, environment: Mapping[str, str]) -> None:
        self._places = places
        self._folder = Path(places.folder)
        self._config = config
        self._environment = environment
        self._fixed = bool(environment.get("KUNJI_KEY"))

    def in_folder(self) -> Rotated:
        with Locks(self._folder).writing():
            old = self._key()
            ring = _new_ring(old, self._fixed)
            sealing = Ring(lambda: ring), Sealer(split_ring(ring)[0])
            files, configs = Files(self._folder, *sealing), Configs(self._config, *sealing)
            backup = self._backup(old, configs)
            files.back_up(backup)
            self._write_key(ring)
            files.write()
            configs.write()
            self._write_key(split_ring(ring)[0])
            return Rotated(backup, configs.names)

    def on_server(self) -> Rotated:
        """The other machines have the new key already, and the old one as long as anything is sealed with it."""
        from bot.store.redis import open_server

        ring = self._key()
        if len(split_ring(ring)) == 1:
            raise StoreError(
                f"every machine that uses the store at {self._places.shown} has to hold the new and the old key first",
                hint="docs/running.md says how, under Two machines",
            )
        configs = Configs(self._config, Ring(lambda: ring), Sealer(split_ring(ring)[0]))
        store = open_server(address_of(self._places.store), lambda: ring)
        with closing(store), alone(store, self._places.shown):
            backup = self._backup(ring, configs)
            with closing(open_place(str(backup), lambda: ring)) as kept:
                copy(store, kept, partial(datetime.now, UTC))
            store.reseal()
        configs.write()
        self._write_key(split_ring(ring)[0])
        return Rotated(backup, configs.names)

    def _key(self) -> bytes:
        return read_key(self._places, create=False, environment=self._environment)

    def _backup(self, ring: bytes, configs: Configs) -> Path:
        backup = new_backup(self._folder, None if self._fixed else ring)
        configs.back_up(backup)
        return backup

    def _write_key(self, ring: bytes) -> None:
        if not self._fixed:
            write_over(Path(self._places.key_file).resolve(), write_ring(ring).encode())


def _new_ring(old: bytes, fixed: bool) -> bytes:
    if len(split_ring(old)) > 1:
        # Somebody was killed half-way, or wrote both keys into KUNJI_KEY: the first is the new one.
        return old
    if fixed:
        raise StoreError(
            "the key is in KUNJI_KEY, which cannot be changed from here",
            hint="set it to a new key (32 random bytes as base64), a comma and the present one; run this again; "
            "then leave only the new one",
        )
    return new_key() + old


__all__ = ["SEALED", "Rotated", "open_value", "read_key", "rotate", "seal_value"]
