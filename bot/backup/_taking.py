"""Taking a backup: what lies in the config folder and the store at one moment.

The store is read while nobody writes it, one on a server record by record, and the config until it was the same twice.
The config is not understood, only looked through for the files it names: one that is wrong is taken as it is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

import kunji
from bot.backup._contents import CONFIG, STORE, STORE_FILE, BackupError, Contents, KeyLay, stays_below
from bot.moving import copy
from bot.store import StoreError, open_place, places_of
from bot.store._files import in_our_words
from bot.store._key import has_begun, read_key
from bot.store._turns import Locks
from brokers import Secret
from kunji._errors import NoKey
from kunji._file import unpack
from kunji._places import Places, read_ring
from kunji._seal import Ring, write_ring

T = TypeVar("T")
BOT_FILE = "bot_config.json"
_DOTENV = ".env"
_AUDIT = "audit.log"
_TRIES = 10
_COPY = re.compile(r"(.+\.json)\.[0-9]")
_IN_JSON = re.compile(r'"file:((?:[^"\\]|\\.)*)"')
_IN_DOTENV = re.compile(r"""^\s*(?:export\s+)?\w+\s*=\s*["']?file:([^"'\n]+)""", re.MULTILINE)
_TLS = re.compile(r'"(?:certificate|key)"\s*:\s*"((?:[^"\\]|\\.)*)"')
_VARIABLE = re.compile(r'"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"')


class Found(NamedTuple):
    """Files by name, and what is to be said of them."""

    files: dict[str, bytes]
    remarks: list[str]


def take(folder: Path, now: datetime, environment: Mapping[str, str] = os.environ) -> Contents:
    """Raises BackupError, StoreError."""
    folder = folder.absolute()
    places, guess = _places(folder, environment)
    with _at_rest(places, environment, lambda: now) as (place, damaged), in_our_words(f"{folder} cannot be read"):
        store = _store(place)
        key = _key(places, store.files, environment)
        config = settled(lambda: _config(folder))
    if not config.files and not store.files:
        raise BackupError(f"there is nothing to keep in {folder}", hint="--config DIR names another folder")
    return Contents(
        made_at=now,
        version=version("kunji"),
        files={CONFIG + name: data for name, data in config.files.items()}
        | {STORE + name: data for name, data in store.files.items()},
        key=key,
        key_lay=_key_lay(places, environment),
        remarks=(*guess, *damaged, *store.remarks, *config.remarks),
    )


def settled(read: Callable[[], T]) -> T:
    """What is read the same twice in a row. Raises BackupError."""
    found = read()
    for _ in range(_TRIES):
        before, found = found, read()
        if found == before:
            return found
    raise BackupError("the config files keep changing", hint="try again when nobody writes them")


def _places(folder: Path, environment: Mapping[str, str]) -> tuple[Places, list[str]]:
    try:
        return places_of(folder, None, environment), []
    except StoreError as error:
        usual = folder / ".kunji"
        if not usual.is_dir():
            raise
        return places_of(folder, str(usual), environment), [f"{error}: took the store in {usual}"]


# The store.


@contextmanager
def _at_rest(
    places: Places, environment: Mapping[str, str], now: Callable[[], datetime]
) -> Iterator[tuple[Path, list[str]]]:
    """The folder of the store, with nobody writing there; of one on a server a folder that is a copy of it, and what is
    to be said of that."""
    place = Path(places.folder)
    if not places.is_on_server:
        with Locks(place).writing() if place.is_dir() else nullcontext():
            yield place, []
        return
    with TemporaryDirectory(prefix="kunji-") as made:
        damaged: list[str] = []
        if has_begun(places):
            key = partial(read_key, places, create=False, environment=environment)
            with closing(open_place(places.store, key, now)) as store, closing(open_place(made, key)) as kept:
                copy(store, kept, now, damaged)
        if (place / _AUDIT).is_file():
            shutil.copyfile(place / _AUDIT, Path(made) / _AUDIT)
        yield Path(made), [f"{what} is not in the backup: it is damaged" for what in sorted(damaged)]


def _store(place: Path) -> Found:
    """Its files; of one that is damaged or gone also the copies beside it."""
    paths = {path.relative_to(place).as_posix(): path for path in (*place.glob("*"), *place.glob("history/*"))}
    found = {name: path.read_bytes() for name, path in sorted(paths.items()) if STORE_FILE.fullmatch(name)}
    originals = {name: _original(name) for name in found}
    whole = {name for name, data in found.items() if name == originals[name] and _is_whole(name, data)}
    kept = {name: data for name, data in found.items() if name == originals[name] or originals[name] not in whole}
    damaged = sorted({originals[name] for name in kept} - whole)
    return Found(kept, [f"{name} of the store is damaged or gone: took what is there of it" for name in damaged])


def _original(name: str) -> str:
    """What a file is a copy of; itself, if it is none."""
    copy = _COPY.fullmatch(name)
    return copy[1] if copy else name


def _is_whole(name: str, data: bytes) -> bool:
    return not name.endswith(".json") or _sealed_with(name, data) is not None


def _sealed_with(name: str, data: bytes) -> str | None:
    """The name of the key; None if the file is damaged."""
    with suppress(kunji.Error):
        return unpack(data, name.removesuffix(".json"), name).key
    return None


# The key.


def _key(places: Places, store: Mapping[str, bytes], environment: Mapping[str, str]) -> Secret | None:
    """Proved to be the one the store is sealed with. Raises BackupError: a store without its key is worth nothing."""
    try:
        ring = read_ring(places, environment)
        for name, data in store.items():
            if key := _sealed_with(name, data):
                Ring(lambda: ring).named(key, name)
    except NoKey as error:
        if store:
            raise BackupError(str(error), hint="without it the store could never be read again") from None
        return None
    return Secret(write_ring(ring))


def _key_lay(places: Places, environment: Mapping[str, str]) -> KeyLay:
    if environment.get("KUNJI_KEY"):
        return KeyLay.IN_THE_ENVIRONMENT
    in_the_store = Path(places.key_file).parent == Path(places.folder)
    return KeyLay.IN_THE_STORE if in_the_store else KeyLay.ELSEWHERE


# The config.


def _config(folder: Path) -> Found:
    found = Found({}, [])
    for path in (*sorted(folder.glob("*_config.json")), folder / _DOTENV):
        if path.is_file():
            _add(found, folder, path.name, path.name)
    texts = {name: data.decode(errors="replace") for name, data in found.files.items()}
    for name, text in texts.items():
        for named in _named_in(name, text):
            _add(found, folder, named, f"{named}, which {name} names,")
    own = texts.get(_DOTENV, "")
    for variable in sorted({variable for text in texts.values() for variable in _VARIABLE.findall(text)}):
        if not re.search(rf"^\s*(?:export\s+)?{variable}\s*=", own, re.MULTILINE):
            found.remarks.append(f"the variable {variable} is not in the backup: it comes from the environment")
    return found


def _named_in(name: str, text: str) -> Iterator[str]:
    """The files that a config file names."""
    if name == _DOTENV:
        yield from (path.strip() for path in _IN_DOTENV.findall(text))
        return
    for quoted in (*_IN_JSON.findall(text), *(_TLS.findall(text) if name == BOT_FILE else ())):
        with suppress(ValueError):
            yield json.loads(f'"{quoted}"')


def _add(found: Found, folder: Path, path: str, called: str) -> None:
    name = os.path.relpath(folder / path, folder)
    if name in found.files:
        return
    if not stays_below(name):
        found.remarks.append(f"{called} is not in the backup: it lies outside the config folder")
    elif not (folder / name).is_file():
        found.remarks.append(f"{called} is not in the backup: there is no such file")
    else:
        found.files[name] = (folder / name).read_bytes()
