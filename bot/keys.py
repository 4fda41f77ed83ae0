"""The store's key and what is sealed with it: values of the config, and all of the store when the key is changed.

Wherever a `key` is given it is a key ring: 32 bytes, or several times 32 while keys are being changed. The first seals,
all open.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bot.store import StoreError, places_of
from bot.store._files import in_our_words, write_over
from bot.store._key import read_key
from bot.store._rotation import Resealing
from bot.store._turns import Locks
from kunji import StoreUnreadable
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

    A key in KUNJI_KEY cannot be changed from here: it has to hold the new and the old key first.
    """
    places = places_of(folder, store, environment)
    place = Path(places.store)
    if not place.is_dir():
        raise StoreError(f"there is no store at {place}")
    with Locks(place).writing(), in_our_words(f"the key of {place} cannot be changed"):
        old = read_key(places, create=False, environment=environment)
        fixed = bool(environment.get("KUNJI_KEY"))
        ring = _new_ring(old, fixed)
        work = Resealing(place, Path(folder), Ring(lambda: ring), Sealer(split_ring(ring)[0]))
        backup = work.back_up(None if fixed else old)
        key_file = Path(places.key_file).resolve()
        if not fixed:
            write_over(key_file, write_ring(ring).encode())
        work.write()
        if not fixed:
            write_over(key_file, write_ring(split_ring(ring)[0]).encode())
        return Rotated(backup, work.config_names)


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
