"""Stand-ins for tests: a store in memory and a clock that is a value."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from bot.store import HISTORY_KEPT, Crew, LockBusy, Roll, Store, StoreAway, StoreError
from bot.store.crew import CLAIM, LEAD
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
    """A whole store that forgets everything with the process. `refuses_writes` makes it a full disk, `is_away` a server
    that gives neither tokens nor notes; `damaged` are accounts whose token cannot be read."""

    def __init__(self) -> None:
        self.refuses_writes = False
        self.is_away = False
        self.damaged: set[str] = set()
        self.writes = 0
        self._tokens: dict[str, HeldToken] = {}
        self._notes: dict[str, AccountNote] = {}
        self._bot = BotNote()
        self._outbox: dict[int, OutboxItem] = {}
        self._marks: set[str] = set()
        self._next_id = 1
        self._rows: dict[str, list[HistoryRow]] = defaultdict(list)
        self._changed: set[str] = set()
        self._changes = threading.Condition(threading.RLock())
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._changes:
            if self.is_away:
                raise StoreAway("the store does not answer")
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._changes:
            if self.refuses_writes:
                raise StoreError("the disk is full")
            self.writes += 1
            yield

    def load(self, account: str) -> HeldToken | None:
        with self._reading():
            if account in self.damaged:
                raise StoreError(f"the record of {account} cannot be read")
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
        with self._reading():
            return self._notes.get(account, AccountNote())

    def tokens_and_notes(self, accounts: Sequence[str]) -> dict[str, tuple[HeldToken | None, AccountNote]]:
        with self._reading():
            whole = [account for account in accounts if account not in self.damaged]
            return {account: (self.load(account), self.note(account)) for account in whole}

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

    def queue(self, items: Iterable[OutboxItem], *, once: bool = False) -> list[int]:
        with self._writing():
            ids = []
            for item in items:
                if not once or item.mark not in self._marks:
                    self._outbox[self._next_id] = item
                self._marks |= {item.mark} - {""}
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

    def known(self) -> list[str]:
        with self._changes:
            return sorted({*self._tokens, *self._notes, *self._rows})

    def rewrite_history(self, account: str, rows: Sequence[HistoryRow]) -> None:
        with self._writing():
            self._rows[account] = list(reversed(rows))

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


class Hall:
    """Where crews meet, in memory: what a server keeps of them, by a clock that is a value."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.leader: str | None = None
        self.leads_until = 0.0
        self.present: dict[str, float] = {}
        self.due: dict[str, float] = {}
        """Each login that is offered, and from when on it may be claimed."""
        self.lock = threading.Lock()

    def join(self, name: str) -> FakeCrew:
        return FakeCrew(self, name)


class FakeCrew(Crew):
    """One process's place in a hall. `is_cut_off`: it hears nothing."""

    def __init__(self, hall: Hall, name: str) -> None:
        self.hall = hall
        self.name = name
        self.is_cut_off = False
        self._claimed: set[str] = set()

    @contextmanager
    def _inside(self) -> Iterator[Hall]:
        if self.is_cut_off:
            raise StoreAway("the store does not answer")
        with self.hall.lock:
            yield self.hall

    def attend(self, *, lead: bool = True) -> Roll:
        with self._inside() as hall:
            now = hall.clock()
            hall.present[self.name] = now + LEAD
            hall.present = {name: until for name, until in hall.present.items() if until > now}
            if hall.leads_until <= now or (hall.leader == self.name and not lead):
                hall.leader = None
            if lead and hall.leader in {None, self.name}:
                hall.leader, hall.leads_until = self.name, now + LEAD
            others = tuple(sorted(hall.present.keys() - {self.name}))
            return Roll(hall.leader == self.name, hall.leader, others)

    def look(self) -> Roll:
        with self._inside() as hall:
            others = {name for name, until in hall.present.items() if until > hall.clock()} - {self.name}
            leader = hall.leader if hall.leads_until > hall.clock() else None
            return Roll(leader == self.name, leader, tuple(sorted(others)))

    def leave(self) -> None:
        with self._inside() as hall:
            hall.present.pop(self.name, None)
            if hall.leader == self.name:
                hall.leader = None
            hall.due |= {account: 0.0 for account in self._claimed if account in hall.due}

    def offer(self, accounts: Sequence[str]) -> None:
        with self._inside() as hall:
            hall.due = dict.fromkeys(accounts, 0.0) | hall.due

    def claim(self, most: int) -> list[str]:
        with self._inside() as hall:
            now = hall.clock()
            claimed = [account for account, since in sorted(hall.due.items()) if since <= now][:most]
            hall.due |= dict.fromkeys(claimed, now + CLAIM)
            self._claimed.update(claimed)
            return claimed

    def hand_back(self, account: str) -> None:
        with self._inside() as hall:
            hall.due |= {account: hall.clock()} if account in hall.due else {}
            self._claimed.discard(account)

    def finished(self, account: str) -> None:
        with self._inside() as hall:
            hall.due.pop(account, None)
            self._claimed.discard(account)

    def offered(self) -> set[str]:
        with self._inside() as hall:
            return set(hall.due)
