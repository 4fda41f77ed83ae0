"""Putting a kept copy back, when somebody asks for it. Opens nothing that is sealed and needs no key."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bot.store import StoreError
from bot.store._files import FILES, Damaged, SafeFile, in_our_words, newest_whole, sync_folder
from bot.store._turns import Locks


def recover(place: Path) -> list[str]:
    if not place.is_dir():
        raise StoreError(f"there is no store at {place}")
    with Locks(place).writing(), in_our_words(f"{place} cannot be written"):
        return [said for file in files_of(place) if (said := _recovered(file))]


def files_of(place: Path) -> list[SafeFile]:
    """Every file of the store, also those of which only copies are left."""
    found = {_without_number(path) for pattern in FILES for path in place.glob(pattern)}
    return [SafeFile(path, path.relative_to(place).with_suffix("").as_posix()) for path in sorted(found)]


def _recovered(file: SafeFile) -> str | None:
    try:
        file.state()
    except Damaged as error:
        return _put_back(file, error)
    return None


def _put_back(file: SafeFile, error: Damaged) -> str:
    copy = newest_whole(file)
    if copy is None:
        return f"{error.message}; no whole copy is left of it"
    kept = copy.stat()
    if file.path.exists():
        aside = file.path.with_name(f"{file.path.name}.damaged-{time.time_ns()}")
        os.replace(file.path, aside)
    os.link(copy, file.path)
    sync_folder(file.path.parent)
    at = time.strftime("%d %b %H:%M:%S", time.localtime(kept.st_mtime))
    return f"{file.path.name} is again what it was on {at}; what was saved after that is lost"


def _without_number(path: Path) -> Path:
    return path.with_name(path.name[: path.name.index(".json") + len(".json")])
