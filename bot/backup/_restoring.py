"""Putting a backup back, where neither config nor store is yet.

What is to be there is written aside first and linked into its place then: the key and the store before the config, and
the accounts last, so that no bot starts on half of it. A file that is there already and says the same is left alone. So
whoever is killed in the middle does it again.
"""

from __future__ import annotations

import hmac
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from bot.backup._contents import CONFIG, STORE, STORE_FILE, BackupError, Contents, KeyLay
from bot.backup._taking import BOT_FILE
from bot.moving import RUNNING
from bot.store import LockBusy, places_of
from bot.store._files import in_our_words, make_folder, sync_folder, write_new
from bot.store._turns import Locks
from brokers import Secret
from kunji._places import Places, meant
from kunji._seal import parse_ring

_ASIDE = ".restoring"


class Restored(NamedTuple):
    folder: Path
    store: Path
    remarks: tuple[str, ...]
    """What is left to do, in sentences."""


class _Item(NamedTuple):
    """One file to be put back."""

    root: Path
    """The folder whose file system it goes to."""
    target: Path
    data: bytes

    @property
    def is_there(self) -> bool:
        return self.target.is_file() and hmac.compare_digest(self.target.read_bytes(), self.data)


def put_back(contents: Contents, folder: Path, environment: Mapping[str, str] = os.environ) -> Restored:
    """All of it or nothing. Raises BackupError, StoreError."""
    folder = folder.absolute()
    with in_our_words(f"{folder} cannot be restored"):
        places, said = _places(contents, folder, environment)
        place = Path(places.store)
        items, remarks = _key(contents, places, environment)
        remarks += said
        items += [_Item(place, place / name, data) for name, data in sorted(contents.of(STORE).items())]
        items += [_Item(folder, folder / name, data) for name, data in sorted(contents.of(CONFIG).items(), key=_order)]
        with _alone(place) if place.is_dir() else nullcontext():
            _refuse_others(folder, place, items)
        for root in (folder, place):
            root.parent.mkdir(parents=True, exist_ok=True)
            make_folder(root)
        with _alone(place):
            _place(items)
    return Restored(folder, place, tuple(remarks))


def _places(contents: Contents, folder: Path, environment: Mapping[str, str]) -> tuple[Places, list[str]]:
    """As they will be found once the config is back, and what is to be said of it. What was on a server goes into the
    usual folder: the server may have it still."""
    usual = str(folder / ".kunji")
    store = environment.get("KUNJI_STORE") or meant(_said_of_store(contents), str(folder), environment) or usual
    places = places_of(folder, store, environment)
    if not places.is_on_server:
        return places, []
    named = {name: value for name, value in environment.items() if name != "KUNJI_STORE"}
    remark = (
        f"the config says that the store lies at {places.shown}; what the backup holds of it is now in {usual}. If the "
        f"server has lost it, say: kunji store move --from {usual} --to ADDRESS"
    )
    return places_of(folder, usual, named), [remark]


def _said_of_store(contents: Contents) -> object:
    try:
        said = json.loads(contents.files.get(CONFIG + BOT_FILE, b"{}").decode("utf-8-sig")).get("store")
    except (ValueError, AttributeError, RecursionError):
        return None
    if not isinstance(said, str) or not said.startswith("file:"):
        return said
    kept = contents.files.get(CONFIG + said.removeprefix("file:"))
    return said if kept is None else kept.decode(errors="replace").strip()


def _order(file: tuple[str, bytes]) -> tuple[bool, bool, str]:
    """Accounts come last, and what is bot-wide before them."""
    name, _ = file
    is_config = name.endswith("_config.json")
    return is_config and name != BOT_FILE, is_config, name


def _key(contents: Contents, places: Places, environment: Mapping[str, str]) -> tuple[list[_Item], list[str]]:
    """The key's file, unless KUNJI_KEY has it; and what is to be said of it. Raises BackupError."""
    if contents.key is None:
        return [], []
    if text := environment.get("KUNJI_KEY"):
        if not _same_key(text, contents.key):
            raise BackupError("KUNJI_KEY is not the key of the backup; nothing was restored", hint="unset it")
        return [], []
    file = Path(places.key_file).absolute()
    remarks = {
        KeyLay.IN_THE_STORE: [],
        KeyLay.ELSEWHERE: []
        if environment.get("KUNJI_KEY_FILE")
        else [f"the key lay outside the store and is now in {file}: move it, and name its place in KUNJI_KEY_FILE"],
        KeyLay.IN_THE_ENVIRONMENT: [
            f"the key was in KUNJI_KEY and is now in {file}: set KUNJI_KEY to what is in that file, and remove it"
        ],
    }[contents.key_lay]
    return [_Item(file.parent, file, contents.key.reveal().encode())], remarks


def _same_key(text: str, key: Secret) -> bool:
    return hmac.compare_digest(parse_ring(text, "KUNJI_KEY"), parse_ring(key.reveal(), "the backup"))


def _refuse_others(folder: Path, place: Path, items: list[_Item]) -> None:
    """Raises BackupError if there is a config or a store that is not the one of the backup, or a link to elsewhere."""
    if links := {str(below) for item in items for below in _folders(item) if below.is_symlink()}:
        raise BackupError(f"nothing was restored: a link leads away from {', '.join(sorted(links))}", hint="remove it")
    targets = {item.target for item in items}
    others = {item.target for item in items if item.target.exists() and not item.is_there}
    others |= {path for path in (*folder.glob("*_config.json"), folder / ".env") if path.exists()} - targets
    stored = [path for path in (*place.glob("*"), *place.glob("history/*")) if path.is_file()]
    others |= {path for path in stored if STORE_FILE.fullmatch(path.relative_to(place).as_posix())} - targets
    if others:
        names = ", ".join(str(path) for path in sorted(others))
        raise BackupError(f"nothing was restored: there are {names}", hint="move them away, or name another folder")


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    try:
        with Locks(place).account(RUNNING, 0.0):
            yield
    except LockBusy:
        raise BackupError(f"kunji runs with the store in {place}; nothing was restored", hint="end it first") from None


def _place(items: list[_Item]) -> None:
    with ExitStack() as asides, ExitStack() as undo:
        roots = {root: asides.enter_context(_aside(root)) for root in {item.root for item in items}}
        waiting = [(item, roots[item.root] / str(number)) for number, item in enumerate(items) if not item.is_there]
        for item, aside in waiting:
            write_new(aside, item.data)
        for item, aside in waiting:
            _make_folders(item)
            os.link(aside, item.target)
            undo.callback(item.target.unlink)
            sync_folder(item.target.parent)
        undo.pop_all()


@contextmanager
def _aside(root: Path) -> Iterator[Path]:
    aside = root / _ASIDE
    shutil.rmtree(aside, ignore_errors=True)  # of somebody who was killed
    make_folder(aside)
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _make_folders(item: _Item) -> None:
    for folder in _folders(item):
        make_folder(folder)


def _folders(item: _Item) -> list[Path]:
    """In which it lies below its root, the uppermost first."""
    return [item.root / folder for folder in reversed(item.target.relative_to(item.root).parents[:-1])]
