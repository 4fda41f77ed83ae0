"""Files that are replaced whole and cannot be lost by being killed. Knows the folder and its files; nothing of records.

A write is serialised first, written aside (for the owner only from its creation), brought to the disk, and put in the
place of the earlier version; of that a few copies are kept. So there is always one whole version in place, readers need
no lock, and a damaged file can only come from outside. It is refused then, never replaced: what lies beside it may be
older than what was promised to be kept, and only a person can know whether that will do.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import kunji
from bot.store import StoreError
from kunji._file import Contents, Signature, Tables, pack, signature, unpack

KEPT = 3
"""Earlier versions kept of every file, as `<name>.1` (the last one) and so on."""
FILES = ("*.json", "*.json.*", "history/*.json", "history/*.json.*")
"""The store's files and their copies, within its folder."""
_ASIDE = ".new"

Sync = Callable[[int], None]


def durable(descriptor: int) -> None:
    """Bring a file or folder to the disk."""
    if sys.platform == "darwin":
        import fcntl

        # There fsync ends at the drive's own cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


class Damaged(StoreError):
    """A file is not what was written, or gone although it was written."""


@contextmanager
def in_our_words(doing: str) -> Iterator[None]:
    """Turns what the system and the package `kunji` raise into a StoreError. `doing`: "<file> cannot be written"."""
    try:
        yield
    except kunji.Error as error:
        raise StoreError(str(error)) from None
    except OSError as error:
        raise StoreError(
            f"{doing}: {_WORDS.get(error.errno or 0) or (error.strerror or 'it cannot').lower()}"
        ) from None


_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "it belongs to another user",
    errno.EPERM: "it belongs to another user",
}


def make_folder(folder: Path) -> None:
    """For its owner only. One that is there must be ours, or root's, and writable by nobody else. Raises StoreError."""
    with in_our_words(f"{folder} cannot be used as the store's folder"):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            give_to_owner(folder)
        found = folder.stat()
    if os.name != "posix":
        return
    if found.st_uid not in {os.geteuid(), 0} and os.geteuid() != 0:
        raise StoreError(f"{folder} belongs to another user")
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise StoreError(f"others may write in {folder}", hint=f"mend it with: chmod 700 '{folder}'")


def give_to_owner(path: Path) -> None:
    """What root makes belongs to whom the folder belongs: else one `sudo kunji` would lock the bot out."""
    if os.name == "posix" and os.geteuid() == 0:
        folder = path.parent.stat()
        # Whoever the folder belongs to could put a link in its place.
        os.chown(path, folder.st_uid, folder.st_gid, follow_symlinks=False)


class State(NamedTuple):
    """One version of a file."""

    signature: Signature | None
    """None: there is no file yet."""
    contents: Contents | None

    @property
    def tables(self) -> Tables:
        return self.contents.tables if self.contents else {}


class SafeFile:
    """One file of the store. Reading is thread-safe; who writes holds the store's write lock."""

    def __init__(self, path: Path, kind: str, sync: Sync = durable) -> None:
        self.path = path
        self.kind = kind
        self._sync = sync
        self._state: State | None = None
        self._reading = Lock()

    def state(self) -> State:
        """The version in place; must not be changed. One look at the disk if it is known already. Raises StoreError."""
        known = self._state
        if known is not None and known.signature == self._signature():
            return known
        with self._reading:
            self._state = self._read()
            return self._state

    def replace(self, contents: Contents) -> None:
        """Durable when it returns. Raises StoreError, and then what was there is still there."""
        data = pack(self.kind, contents)
        with in_our_words(f"{self.path} cannot be written"):
            written = self._write_aside(data)
            self._keep_copy()
            os.replace(self._aside, self.path)
            sync_folder(self.path.parent, self._sync)
        self._state = State(written, contents)

    def copies(self) -> list[Path]:
        """The earlier versions that are kept, newest first."""
        return [path for path in (self._copy(number) for number in range(1, KEPT + 1)) if path.exists()]

    @property
    def _aside(self) -> Path:
        return self.path.with_name(self.path.name + _ASIDE)

    def _copy(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _signature(self) -> Signature | None:
        try:
            return signature(os.stat(self.path))
        except FileNotFoundError:
            return None
        except OSError:
            # Reading it will say why.
            return (0, 0, 0)

    def _read(self) -> State:
        with in_our_words(f"{self.path} cannot be read"):
            try:
                with self.path.open("rb") as file:
                    found = signature(os.fstat(file.fileno()))
                    data = file.read()
            except FileNotFoundError:
                return self._absent()
        try:
            return State(found, unpack(data, self.kind, str(self.path)))
        except kunji.Damaged as error:
            raise Damaged(str(error), hint=self._way_out()) from None
        except kunji.Error as error:
            raise StoreError(str(error)) from None

    def _absent(self) -> State:
        if self.copies():
            raise Damaged(f"{self.path} is gone, although it was there before", hint=self._way_out())
        return State(None, None)

    def _way_out(self) -> str | None:
        whole = newest_whole(self)
        if whole is None:
            return None
        at = time.strftime("%d %b %H:%M:%S", time.localtime(whole.stat().st_mtime))
        return f"{whole.name} beside it is whole, of {at}: with the bot stopped it can be put in its place"

    def _write_aside(self, data: bytes) -> Signature:
        self._aside.unlink(missing_ok=True)
        descriptor = os.open(self._aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                give_to_owner(self._aside)
                self._date(descriptor)
                self._sync(descriptor)
                return signature(os.fstat(descriptor))
        except BaseException:
            with suppress(OSError):
                self._aside.unlink()
            raise

    def _date(self, descriptor: int) -> None:
        """Every version is dated later than the one before, whatever the clock does: that is how others notice."""
        with suppress(FileNotFoundError):
            before = os.stat(self.path).st_mtime_ns
            if os.fstat(descriptor).st_mtime_ns <= before:
                os.utime(descriptor, ns=(before + 1, before + 1))

    def _keep_copy(self) -> None:
        # A convenience: a file system without links, or a killed writer, may leave fewer.
        for number in range(KEPT - 1, 0, -1):
            with suppress(OSError):
                os.replace(self._copy(number), self._copy(number + 1))
        with suppress(OSError):
            os.link(self.path, self._copy(1))


def sync_folder(folder: Path, sync: Sync = durable) -> None:
    """Make what was renamed, made or removed in it durable."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def newest_whole(file: SafeFile) -> Path | None:
    """The newest kept copy that is not damaged."""
    for path in file.copies():
        with suppress(OSError, kunji.Error):
            unpack(path.read_bytes(), file.kind, str(path))
            return path
    return None


def write_new(path: Path, data: bytes) -> None:
    """A small file, for its owner only; whole or not at all. FileExistsError if there is one."""
    aside = path.with_name(f"{path.name}.{os.getpid()}{_ASIDE}")
    aside.unlink(missing_ok=True)
    try:
        _write_durably(aside, data)
        os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_over(path: Path, data: bytes, mode: int = 0o600) -> None:
    """A small file in the place of another; whole, whenever one is killed."""
    aside = path.with_name(f"{path.name}.{os.getpid()}{_ASIDE}")
    aside.unlink(missing_ok=True)
    try:
        _write_durably(aside, data, mode)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)


def _write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        give_to_owner(path)
        durable(descriptor)
