"""The store's key: found, or made when a store begins. Knows the folder and the key file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bot.store import StoreAway, StoreError, address_of
from bot.store._files import FILES, in_our_words, make_folder, write_new
from kunji import StoreUnreadable
from kunji._errors import NoKey
from kunji._errors import StoreAway as Away
from kunji._places import Places, read_ring
from kunji._redis import has_begun as server_has_begun
from kunji._seal import new_key, write_ring

_LOST = "put kunji.key back or set KUNJI_KEY; nothing was changed"


def read_key(places: Places, create: bool, environment: Mapping[str, str] = os.environ) -> bytes:
    """The key ring: one key of 32 bytes, or several while keys are being changed, the one to seal with first.

    With `create`, a key is made where a store begins, never where something is sealed already. Raises StoreError.
    """
    with suppress(NoKey):
        return _found(places, environment)
    begun = has_begun(places)
    try:
        # Somebody else may have begun the store since we looked.
        return _found(places, environment)
    except NoKey as error:
        missing = str(error)
    if begun:
        raise _lost(places, missing)
    if not create:
        raise StoreError(missing)
    return _made(places, environment)


def _found(places: Places, environment: Mapping[str, str]) -> bytes:
    try:
        return read_ring(places, environment)
    except NoKey:
        raise
    except Exception as error:
        raise StoreError(str(error)) from None


def _made(places: Places, environment: Mapping[str, str]) -> bytes:
    path = Path(places.key_file)
    with in_our_words(f"the key file {path} cannot be made"):
        make_folder(Path(places.folder))
        # Somebody else may be starting at this moment: then theirs is the key.
        with suppress(FileExistsError):
            write_new(path, write_ring(new_key()).encode())
    return _found(places, environment)


def has_begun(places: Places) -> bool:
    """Whether something is sealed there already. Raises StoreError."""
    if not places.is_on_server:
        return any(path for pattern in FILES for path in Path(places.store).glob(pattern))
    try:
        return server_has_begun(address_of(places.store))
    except Away as error:
        raise StoreAway(str(error)) from None
    except StoreUnreadable as error:
        raise StoreError(str(error)) from None


def _lost(places: Places, missing: str) -> StoreError:
    if not places.is_on_server:
        return StoreError(f"the key is lost: {missing}; without it the store cannot be read", hint=_LOST)
    hint = (
        f"copy kunji.key from a machine that has it to {places.key_file} (scp), and chmod 600 it; nothing was changed"
    )
    return StoreError(f"the store at {places.shown} was begun with a key that is not here", hint=hint)
