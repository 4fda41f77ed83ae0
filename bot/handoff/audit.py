"""Who was given which token when: a line of JSON for every question, in a file for its owner only. Never a token, and
nothing made of one.

Written by a thread of its own, so that a slow disk holds up nobody. A full one costs lines, not answers.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

log = logging.getLogger(__name__)

FILE = "audit.log"
SIZE_LIMIT = 5 * 1024 * 1024
WAITING_LIMIT = 10_000
"""Lines that wait for the disk; what comes on top is lost."""
GATHERING = 0.05
"""Seconds in which lines are gathered for one write: a thread that woke for each would slow down the answers."""


class Audit:
    """Thread-safe."""

    def __init__(self, path: Path, now: Callable[[], datetime], *, size_limit: int = SIZE_LIMIT) -> None:
        self._path = path
        self._now = now
        self._size_limit = size_limit
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING_LIMIT)
        self._failing = False
        self._writing: threading.Thread | None = None

    def open(self) -> None:
        self._writing = threading.Thread(target=self._write_all, name="audit", daemon=True)
        self._writing.start()

    def close(self, within: float = 0.5) -> None:
        """What was noted is written, if the disk takes it in so many seconds."""
        if self._writing is not None:
            try:
                self._waiting.put(None, timeout=within)
            except queue.Full:
                return
            self._writing.join(within)

    def note(self, who: str, account: str | None, what: str) -> None:
        """Returns at once."""
        line = {"at": self._now().isoformat(timespec="milliseconds"), "who": who, "account": account, "what": what}
        try:
            self._waiting.put_nowait(json.dumps(line))
        except queue.Full:
            self._fail("the disk does not keep up")

    def _write_all(self) -> None:
        for lines in self._batches():
            try:
                self._write("".join(f"{line}\n" for line in lines).encode())
            except OSError as error:
                self._fail((error.strerror or "it cannot").lower())
            else:
                self._failing = False

    def _batches(self) -> Iterator[list[str]]:
        """Until the end is put in."""
        line = self._waiting.get()
        while line is not None:
            time.sleep(GATHERING)
            lines = [line]
            while not self._waiting.empty() and (line := self._waiting.get()) is not None:
                lines.append(line)
            yield lines
            line = self._waiting.get() if line is not None else None

    def _write(self, data: bytes) -> None:
        with _appending(self._path) as (file, size):
            full = bool(size) and size + len(data) > self._size_limit
            if not full:
                _write_whole(file, data, size)
        if full:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._write(data)

    def _fail(self, why: str) -> None:
        if not self._failing:
            self._failing = True
            log.warning("%s cannot be written: %s; tokens are read without a trace", self._path, why)


@contextmanager
def _appending(path: Path) -> Iterator[tuple[int, int]]:
    """The file, made if there is none, and its size."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(file, 0o600)
        yield file, os.fstat(file).st_size
    finally:
        os.close(file)


def _write_whole(file: int, data: bytes, size: int) -> None:
    """All of it, or nothing: half a line would spoil the next one."""
    try:
        while data:
            data = data[os.write(file, data) :]
    except OSError:
        os.ftruncate(file, size)
        raise
