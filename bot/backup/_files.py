"""The file a backup lies in; `-` is standard output, or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.backup._contents import BackupError
from bot.store._files import in_our_words, write_new, write_over

SIZE_LIMIT = 256 * 1024 * 1024
"""Far more than thousands of accounts take; what is longer is not read to its end."""
STREAM = Path("-")


def refuse_to_replace(path: Path) -> None:
    if path.exists():
        raise BackupError(f"{path} exists already", hint="--force replaces it")


def write(path: Path, data: bytes, *, force: bool) -> None:
    """For its owner only, and whole or not at all. Raises BackupError, StoreError."""
    if path == STREAM:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with in_our_words(f"{path} cannot be written"):
        try:
            (write_over if force else write_new)(path, data)
        except FileExistsError:
            refuse_to_replace(path)


def read(path: Path) -> bytes:
    """Raises BackupError, StoreError."""
    with in_our_words(f"{path} cannot be read"):
        if path == STREAM:
            data = sys.stdin.buffer.read(SIZE_LIMIT + 1)
        else:
            with path.open("rb") as file:
                data = file.read(SIZE_LIMIT + 1)
    if len(data) > SIZE_LIMIT:
        raise BackupError(f"{path} is too long for a backup made by kunji")
    return data
