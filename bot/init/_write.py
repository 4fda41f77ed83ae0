"""Writes the new files, whole, for their owner only, and never over one that is there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bot.init._draft import Draft
from bot.sealing import seal_values
from bot.store._files import in_our_words, write_new
from brokers import KunjiError


class NotWritten(KunjiError):
    """Somebody else made the file meanwhile."""


@dataclass(frozen=True, slots=True)
class Written:
    account: str
    files: tuple[str, ...]
    windows: tuple[int, ...]
    """TOTP windows whose codes were shown."""


def write(draft: Draft, windows: list[int], *, sealed: bool) -> Written:
    """The account's file comes last: without it the other one means nothing. Raises NotWritten, StoreError."""
    _make_folder(draft.folder)
    made: list[Path] = []
    try:
        for name, content in _contents(draft, sealed=sealed).items():
            path = draft.folder / name
            _write(path, content)
            made.append(path)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise
    return Written(draft.name, tuple(path.name for path in made), tuple(windows))


def _make_folder(folder: Path) -> None:
    with in_our_words(f"{folder} cannot be made"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _contents(draft: Draft, *, sealed: bool) -> dict[str, bytes]:
    files = {name: dict(content) for name, content in draft.files.items()}
    for name, content in files.items():
        if sealed:
            seal_values(content, name, draft.key())
    return {
        name: (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode() for name, content in files.items()
    }


def _write(path: Path, content: bytes) -> None:
    with in_our_words(f"{path} cannot be written"):
        try:
            write_new(path, content)
        except FileExistsError:
            raise NotWritten(f"{path.name} has come into being meanwhile", hint="nothing was changed") from None
