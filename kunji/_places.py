"""Where the store and its key lie, for the bot and for every program that reads.

The store, a folder or the address of a server: what the caller says, else KUNJI_STORE, else `"store"` in the config
folder's `bot_config.json`, else `.kunji` in the config folder. The config folder: what the caller says, else
KUNJI_CONFIG, else the working folder. The key: the text in KUNJI_KEY, else the file named by KUNJI_KEY_FILE, else
`kunji.key` in the store's folder, which for a store on a server is `.kunji` in the config folder.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from typing import IO, NamedTuple

from kunji._errors import NoKey, StoreUnreadable
from kunji._seal import parse_ring

KEY_FILE = "kunji.key"
_USUAL = ".kunji"
_ACCOUNT_FILE, _BOT_FILE = "_config.json", "bot_config.json"
_IN_FILE = "file:"
_IN_NAMES, _LONGEST_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-"), 32
"""Of an account; a file of another name is none to the bot either."""


class Places(NamedTuple):
    """Printing them shows no password."""

    store: str
    """A folder, or the address of a server."""
    key_file: str
    """Read only where KUNJI_KEY is not set."""
    config: str | None = None
    """The config folder; None where only the store's place is known."""
    here: str | None = None
    """Where on this machine things lie that belong to a store on a server."""

    @property
    def folder(self) -> str:
        """The store itself, if it is one."""
        return self.here or self.store

    @property
    def is_on_server(self) -> bool:
        return self.here is not None

    @property
    def shown(self) -> str:
        """The store, as it may be shown to anybody."""
        if not self.is_on_server:
            return self.store
        from kunji._redis import parse

        return str(parse(self.store))

    def __repr__(self) -> str:
        return f"Places({self.shown!r}, {self.key_file!r}, {self.config!r})"


def find(
    config: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Places:
    """Raises StoreUnreadable if the store's place cannot be known."""
    named = config or environment.get("KUNJI_CONFIG")
    folder = os.path.abspath(os.path.expanduser(named or "."))
    said = store or environment.get("KUNJI_STORE")
    place = os.fspath(said or _configured(folder, environment) or "")
    usual, here = os.path.join(folder, _USUAL), None
    if "://" in place:
        _check_address(place)
        here = usual
    else:
        place = os.path.abspath(os.path.expanduser(place)) if place else usual
    key_file = environment.get("KUNJI_KEY_FILE") or os.path.join(here or place, KEY_FILE)
    return Places(place, key_file, folder if named or not said else None, here)


def _check_address(place: str) -> None:
    from kunji._redis import parse  # only who needs it takes the time to import it

    parse(place)


def account_names(places: Places) -> list[str]:
    """Of the accounts with a file in the config folder; none where that cannot be known."""
    try:
        files = os.listdir(places.config) if places.config else []
    except OSError:
        return []
    return sorted(
        name
        for file in files
        if (name := file.removesuffix(_ACCOUNT_FILE)) != file and file != _BOT_FILE and _names_an_account(name)
    )


def _names_an_account(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and name != "all" and name[0] != "-" and _IN_NAMES.issuperset(name)


def _configured(folder: str, environment: Mapping[str, str]) -> str | None:
    path = os.path.join(folder, _BOT_FILE)
    try:
        with open(path, encoding="utf-8-sig") as file:
            place = json.load(file).get("store")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError, RecursionError):
        raise StoreUnreadable(f"{path} cannot be read; it may say where the store lies") from None
    return meant(place, folder, environment)


def meant(place: object, folder: str, environment: Mapping[str, str]) -> str | None:
    """The place that `"store"` in this folder's `bot_config.json` means. Raises StoreUnreadable."""
    path = os.path.join(folder, _BOT_FILE)
    if not isinstance(place, str):
        return None
    if place.startswith("${") and place.endswith("}"):
        place = environment.get(place[2:-1], "")
        if not place:
            raise StoreUnreadable(f'"store" in {path} names a variable that is not set here; set KUNJI_STORE')
    elif place.startswith(_IN_FILE):
        place = _written_in(place.removeprefix(_IN_FILE), folder)
    if not can_be_named(place):
        raise StoreUnreadable(f'"store" in {path} is not the path of a folder')
    return place if "://" in place else os.path.join(folder, os.path.expanduser(place))


def _written_in(file: str, folder: str) -> str:
    path = os.path.join(folder, file)
    try:
        with open(path, encoding="utf-8-sig") as opened:
            _check_closed(opened, path, "the address of the store")
            return opened.read().strip()
    except (OSError, ValueError) as error:
        raise StoreUnreadable(f"{path}, which says where the store lies, cannot be read: {reason(error)}") from None


def can_be_named(text: str) -> bool:
    """Whether the system can take it as a path or an argument."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def read_ring(places: Places, environment: Mapping[str, str] = os.environ) -> bytes:
    """The key ring. Raises NoKey if there is none, StoreUnreadable if it is not one or lies open to others."""
    text = environment.get("KUNJI_KEY")
    if text:
        return parse_ring(text, "KUNJI_KEY")
    path = places.key_file
    try:
        with open(path, encoding="ascii") as file:
            if not _is_handed_over(path, environment):
                _check_closed(file, path, "the key")
            return parse_ring(file.read(), path)
    except FileNotFoundError:
        raise NoKey(f"there is no key: {path} does not exist and KUNJI_KEY is not set") from None
    except (OSError, ValueError) as error:
        raise StoreUnreadable(f"the key in {path} cannot be read: {reason(error)}") from None


def _check_closed(file: IO[str], path: str, what: str) -> None:
    if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
        raise StoreUnreadable(f"others may read {what} in {path}; mend it with: chmod 600 '{path}'")


def _is_handed_over(path: str, environment: Mapping[str, str]) -> bool:
    """By systemd, which lets the service alone into that folder. The access list on the file shows as its group's."""
    return os.path.dirname(path) == environment.get("CREDENTIALS_DIRECTORY")


def reason(error: OSError | ValueError) -> str:
    """Why a file cannot be read, in words."""
    known = error.strerror if isinstance(error, OSError) else None
    return (known or "it is not text").lower()
