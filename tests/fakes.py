"""Stand-ins for tests: a store in memory and a clock that is a value."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from bot.store import HISTORY_KEPT, LockBusy, Store, StoreError
from bot.store.records import AccountNote, BotNote, HeldToken, HistoryRow, OutboxItem


class FakeClock:
    """Wall and monotonic time as values. `sleep` passes time; `jump` sets the wall clock alone."""

    def __init__(self, now: datetime = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)) -> None:
        self._now = now
        self._monotonic = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.go(max(seconds, 0))

    def go(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def go_to(self, moment: datetime) -> None:
        self.go((moment - self._now).total_seconds())

    def jump(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class MemoryStore(Store):
    """A whole store that forgets everything with the process. `refuses_writes` makes it a full disk."""

    def __init__(self) -> None:
        self.refuses_writes = False
        self.writes = 0
        self._tokens: dict[str, HeldToken] = {}
        self._notes: dict[str, AccountNote] = {}
        self._bot = BotNote()
        self._outbox: dict[int, OutboxItem] = {}
        self._next_id = 1
        self._rows: dict[str, list[HistoryRow]] = defaultdict(list)
        self._changed: set[str] = set()
        self._changes = threading.Condition(threading.RLock())
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._changes:
            if self.refuses_writes:
                raise StoreError("the disk is full")
            self.writes += 1
            yield

    def load(self, account: str) -> HeldToken | None:
        with self._changes:
            return self._tokens.get(account)

    def save(self, account: str, held: HeldToken) -> None:
        with self._writing():
            self._tokens[account] = held
            self._changed.add(account)
            self._changes.notify_all()

    def delete(self, account: str) -> None:
        with self._writing():
            if self._tokens.pop(account, None):
                self._changed.add(account)
                self._changes.notify_all()

    def accounts(self) -> list[str]:
        with self._changes:
            return sorted(self._tokens)

    def changes(self, timeout: float) -> set[str]:
        with self._changes:
            self._changes.wait_for(lambda: self._changed, timeout)
            changed, self._changed = self._changed, set()
            return changed

    def note(self, account: str) -> AccountNote:
        with self._changes:
            return self._notes.get(account, AccountNote())

    def update(
        self, changes: dict[str, Callable[[AccountNote], AccountNote]], *, holding: str | None = None
    ) -> dict[str, AccountNote]:
        with self._writing():
            new = {account: change(self.note(account)) for account, change in changes.items()}
            self._notes |= new
            return new

    def bot_note(self) -> BotNote:
        with self._changes:
            return self._bot

    def update_bot(self, change: Callable[[BotNote], BotNote]) -> BotNote:
        with self._writing():
            self._bot = change(self._bot)
            return self._bot

    def queue(self, items: Iterable[OutboxItem]) -> list[int]:
        with self._writing():
            ids = []
            for item in items:
                self._outbox[self._next_id] = item
                ids.append(self._next_id)
                self._next_id += 1
            return ids

    def queued(self) -> list[tuple[int, OutboxItem]]:
        with self._changes:
            return sorted(self._outbox.items())

    def settle(self, outcomes: dict[int, OutboxItem | None]) -> None:
        with self._writing():
            for number, item in outcomes.items():
                if item is None:
                    self._outbox.pop(number, None)
                elif number in self._outbox:
                    self._outbox[number] = item

    def record(self, row: HistoryRow) -> None:
        with self._writing():
            self._rows[row.account] = [*self._rows[row.account], row][-HISTORY_KEPT:]

    def history(self, account: str, limit: int = HISTORY_KEPT) -> list[HistoryRow]:
        with self._changes:
            return self._rows[account][::-1][:limit]

    @contextmanager
    def lock(self, account: str, timeout: float) -> Iterator[None]:
        with self._changes:
            lock = self._locks[account]
        if not lock.acquire(timeout=max(timeout, 0)):
            raise LockBusy(f"somebody else is busy with {account}")
        try:
            yield
        finally:
            lock.release()

    def derive(self, purpose: str) -> bytes:
        return hashlib.sha256(purpose.encode()).digest()

    def check(self) -> None:
        with self._writing():
            pass

    def close(self) -> None:
        pass
