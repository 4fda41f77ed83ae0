"""Reads config files, and says what is wrong with them as files: whose they are, who may read them, whether they are
JSON. Knows no key by name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bot.config._faults import Complain

SIZE_LIMIT = 64 * 1024
DEEPEST = 10
"""Levels of lists and objects; no key takes more than two."""
_HAS_MODES = os.name == "posix"


@dataclass(frozen=True, slots=True)
class Source:
    """A file the config was read from, and what tells later whether it has changed."""

    name: str
    digest: bytes = field(repr=False)


def check_folder(folder: Path, complain: Complain) -> bool:
    """Whether there is such a folder. Complains if others could put files into it."""
    try:
        found = folder.stat()
    except OSError:
        complain("", "expected a folder with config files; there is none")
        return False
    if not stat.S_ISDIR(found.st_mode):
        complain("", "expected a folder with config files")
        return False
    _check_owner(folder, found, complain, "")
    return True


def read_bytes(path: Path, complain: Complain, key: str = "") -> bytes | None:
    """The file's content; None if it cannot be had. Complains if anybody else could have read or written it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        complain(key, f"expected a file that can be read: {(error.strerror or 'it cannot').lower()}")
        return None
    except ValueError:
        complain(key, "expected a file; no file can have such a name")
        return None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        complain(key, "expected an ordinary file")
        return None
    with os.fdopen(descriptor, "rb") as file:
        _check_owner(path, found, complain, key)
        _check_readers(path, found, complain, key)
        content = file.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        complain(key, f"expected at most {SIZE_LIMIT // 1024} KiB")
        return None
    return content


def read_text(path: Path, complain: Complain, key: str = "") -> str | None:
    content = read_bytes(path, complain, key)
    return None if content is None else _text(content, complain, key)


def read_object(path: Path, complain: Complain) -> tuple[dict[str, object], Source] | None:
    """The file's JSON object, and what to remember of the file."""
    content = read_bytes(path, complain)
    if content is None:
        return None
    text = _text(content, complain, "")
    if text is None:
        return None
    try:
        parsed = _shallow(json.loads(text, object_pairs_hook=partial(_once, complain)))
    except json.JSONDecodeError as error:
        complain("", f"expected JSON; line {error.lineno}, column {error.colno}: {error.msg.lower()}")
        return None
    except (ValueError, RecursionError):
        complain("", "expected JSON of an ordinary size and depth")
        return None
    if not isinstance(parsed, dict):
        complain("", "expected a JSON object: keys and values in { }")
        return None
    return parsed, source(path, content)


def source(path: Path, content: bytes) -> Source:
    return Source(path.name, hashlib.sha256(content).digest())


def _text(content: bytes, complain: Complain, key: str) -> str | None:
    try:
        return content.decode("utf-8-sig")  # editors on Windows put a mark in front
    except UnicodeDecodeError:
        complain(key, "expected text in UTF-8")
        return None


def _shallow(value: object, left: int = DEEPEST) -> object:
    """The value itself. Raises ValueError if there are more levels in it."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        if left == 0:
            raise ValueError("too deep")
        _shallow(inner, left - 1)
    return value


def _once(complain: Complain, pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            complain(key, "is written twice; expected once")
        found[key] = value
    return found


def _check_owner(path: Path, found: os.stat_result, complain: Complain, key: str) -> None:
    if not _HAS_MODES:
        return
    quoted = shlex.quote(str(path))
    if found.st_uid not in (os.geteuid(), 0):
        complain(key, f"belongs to another user: chown {os.geteuid()} {quoted}")
    if found.st_mode & 0o022:
        complain(key, f"can be written by others: chmod go-w {quoted}")


def _check_readers(path: Path, found: os.stat_result, complain: Complain, key: str) -> None:
    if _HAS_MODES and found.st_mode & 0o044:
        complain(key, f"can be read by others: chmod 600 {shlex.quote(str(path))}")
