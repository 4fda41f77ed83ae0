"""Who may write when. Knows locks; nothing of what is written.

Among processes, one writes at a time. Among threads, whoever gets the turn does what all the others are waiting for in
one durable write, so that a hundred logins side by side do not wait for a hundred disks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeVar, cast

from filelock import FileLock, Timeout

from bot.store import LockBusy, StoreError
from bot.store._files import give_to_owner, in_our_words, make_folder

T = TypeVar("T")
_PATIENCE = 20.0
"""Seconds a writer waits for other processes; a write takes milliseconds."""
_WRITERS_POLL = 0.002
_ACCOUNTS_POLL = 0.02


class Locks:
    """The locks of one store. Freed when their holder dies."""

    def __init__(self, store: Path) -> None:
        self._folder = store / "locks"
        self._threads = Lock()
        make_folder(self._folder)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer of the store. Raises StoreError."""
        busy = f"{self._folder.parent} cannot be written: somebody else has been writing there for {_PATIENCE:.0f} s"
        # The file lock alone would do; in a queue for it threads would have to poll.
        if not self._threads.acquire(timeout=_PATIENCE):
            raise StoreError(busy)
        try:
            # "store" is followed by no suffix: an account of that name has another file.
            with self._hold(self._folder / "store", _PATIENCE, _WRITERS_POLL, StoreError(busy)):
                yield
        finally:
            self._threads.release()

    @contextmanager
    def account(self, account: str, timeout: float) -> Iterator[None]:
        """Raises LockBusy."""
        busy = LockBusy(f"{account} is being refreshed by somebody else", hint="try again in a minute")
        with self._hold(self._folder / f"{account}.lock", max(timeout, 0), _ACCOUNTS_POLL, busy):
            yield

    @contextmanager
    def _hold(self, path: Path, timeout: float, poll: float, busy: Exception) -> Iterator[None]:
        # A lock object counts who enters it twice instead of keeping them out: so a new one every time.
        lock = FileLock(path, mode=0o600, poll_interval=poll)
        with in_our_words(f"{path} cannot be locked"):
            try:
                lock.acquire(timeout=timeout)
            except Timeout:
                raise busy from None
            give_to_owner(path)
        try:
            yield
        finally:
            lock.release()


class Book(Protocol):
    """What is written in turns."""

    def begin(self) -> None: ...

    def commit(self) -> None:
        """Durable when it returns. Raises StoreError."""

    def end(self) -> None:
        """Always called; forgets what was not committed."""


class Turns:
    """The writers of one book."""

    def __init__(self, locks: Locks, book: Book) -> None:
        self._locks = locks
        self._book = book
        self._waiting: deque[_Wish] = deque()
        self._turn = Lock()

    def take(self, change: Callable[[], T]) -> T:
        """What `change` returns, once what it did is durable. It changes nothing if it raises; it sees what those
        before it did. Raises what it raises, and StoreError."""
        wish = _Wish(change)
        self._waiting.append(wish)
        with self._turn:
            if not wish.done:
                self._write_all()
        return cast("T", wish.outcome())

    def _write_all(self) -> None:
        wishes = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            with self._locks.writing():
                try:
                    self._book.begin()
                    for wish in wishes:
                        wish.run()
                    self._book.commit()
                finally:
                    self._book.end()
        except StoreError as error:
            for wish in wishes:
                wish.fail(error)
        except BaseException:
            for wish in wishes:
                wish.fail(StoreError("the write was interrupted; nothing was kept"))
            raise
        for wish in wishes:
            wish.done = True


class _Wish:
    """One thread's change, and how it went."""

    def __init__(self, change: Callable[[], Any]) -> None:
        self._change = change
        self._result: Any = None
        self._error: Exception | None = None
        self.done = False

    def run(self) -> None:
        try:
            self._result = self._change()
        except Exception as error:
            self._error = error

    def fail(self, error: StoreError) -> None:
        """The write failed. Its own error is the better answer if there is one."""
        self._error = self._error or StoreError(error.message, hint=error.hint)
        self.done = True

    def outcome(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._result
