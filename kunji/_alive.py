"""Is the bot that serves this store alive? As long as it does its work it dates a file in the store, and as long as its
process lives it holds a lock on it; this looks at both. Asks nobody, so that a monitor may look often.
"""

from __future__ import annotations

import fcntl
import os
import time
from typing import NamedTuple

from kunji._places import Places

FILE = "alive"
DATED_EVERY = 10
STALE_AFTER = 60.0
"""Seconds. The bot may be held up by a slow disk for a while."""


class Finding(NamedTuple):
    good: bool
    sentence: str


def look(places: Places) -> Finding:
    """By this machine's clock, which also dates the file; one dated in the future was left there before the clock was
    set back."""
    path = os.path.join(places.folder, FILE)
    try:
        age = time.time() - os.stat(path).st_mtime
    except FileNotFoundError:
        return Finding(False, f"no bot serves the store {places.shown}{_here(places)}")
    except OSError as error:
        return Finding(
            False, f"the folder {places.folder} cannot be looked into: {(error.strerror or 'it cannot').lower()}"
        )
    if _was_let_go(path):
        return Finding(False, f"the bot was killed: it gave its last sign of life {abs(age):.0f} s ago")
    if abs(age) > STALE_AFTER:
        return Finding(False, f"the bot is stuck or was killed: it gave no sign of life for {abs(age):.0f} s")
    return Finding(True, f"alive: the bot gave its last sign of life {max(age, 0):.0f} s ago{_part(path)}")


def _was_let_go(path: str) -> bool:
    """The bot's process has ended. Where that cannot be told, as the file is not ours to open or its file system knows
    no locks, only the date counts."""
    try:
        with open(path, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _here(places: Places) -> str:
    return " from here" if places.is_on_server else ""


def _part(path: str) -> str:
    """What the bot says of its part among others; nothing where it is alone."""
    try:
        with open(path, encoding="utf-8") as file:
            said = file.read(200)
    except (OSError, ValueError):
        return ""
    return f"; {said}" if said.isprintable() and said else ""
