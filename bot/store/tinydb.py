"""The store on this machine: TinyDB over files that are replaced whole. The only file that knows TinyDB.

What changes at different rates lies in different files: tokens, notes, the outbox, and one history per account. A
document is `{"sealed": …}`, bound to its kind and id; what did not change is written again as it was sealed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from threading import Condition, Lock, get_ident
from time import monotonic
from typing import Any, Generic, TypeVar, cast

from tinydb import Storage, TinyDB
from tinydb.table import Document, Table

from bot.store import HISTORY_KEPT, Store, StoreError
from bot.store._files import SafeFile, State, Sync, durable, in_our_words, make_folder, write_over
from bot.store._sealed import Sealed, named
from bot.store._turns import Locks, Turns
from bot.store.records import AccountNote, BotNote, HeldToken, HistoryRow, OutboxItem
from kunji._file import COUNTERS, Contents, Tables
from kunji._seal import Ring, derive

T = TypeVar("T")
R = TypeVar("R")
_LOOK_EVERY = 0.15
"""Seconds between two looks for what other processes saved."""
_ROOM = 64
"""Opened records that are remembered at least."""


class TinyStore(Store):
    """`place` is the store's folder, `key` gives the key ring, again whenever it is asked."""

    def __init__(self, place: Path, key: Callable[[], bytes], sync: Sync = durable) -> None:
        make_folder(place)
        self._place = place
        self._sync = sync
        self._ring = Ring(key)
        self._locks = Locks(place)
        self._tokens: Shelf[HeldToken] = self._shelf("tokens", HeldToken)
        self._notes: Shelf[AccountNote] = self._shelf("notes", AccountNote)
        self._bot: Shelf[BotNote] = Shelf(self._notes.database, "bot", BotNote)
        self._outbox: Shelf[OutboxItem] = self._shelf("outbox", OutboxItem)
        self._histories: dict[str, Shelf[HistoryRow]] = {}
        self._histories_lock = Lock()
        self._check_key()
        self._news = News(self._tokens)

    def load(self, account: str) -> HeldToken | None:
        return self._tokens.get(account)

    def save(self, account: str, held: HeldToken) -> None:
        named(account)
        self._tokens.change(lambda: self._tokens.put({account: held}))
        self._news.tell()

    def delete(self, account: str) -> None:
        self._tokens.change(lambda: self._tokens.put({account: None}))
        self._news.tell()

    def accounts(self) -> list[str]:
        return sorted(self._tokens.ids())

    def changes(self, timeout: float) -> set[str]:
        return self._news.wait(timeout)

    def note(self, account: str) -> AccountNote:
        return self._notes.get(account) or AccountNote()

    def update(
        self,
        changes: dict[str, Callable[[AccountNote], AccountNote]],
        *,
        holding: str | None = None,  # noqa: ARG002
    ) -> dict[str, AccountNote]:
        # Whoever holds a lock of this machine cannot lose it.
        for account in changes:
            named(account)

        def apply() -> dict[str, AccountNote]:
            before = {account: self.note(account) for account in changes}
            after = {account: change(before[account]) for account, change in changes.items()}
            self._notes.put({account: note for account, note in after.items() if note != before[account]})
            return after

        return self._notes.change(apply)

    def tokens_and_notes(self, accounts: Sequence[str]) -> dict[str, tuple[HeldToken | None, AccountNote]]:
        notes, tokens = self._notes.some(accounts), self._tokens.some(accounts)
        return {
            account: (tokens[account], notes[account] or AccountNote())
            for account in accounts
            if account in tokens and account in notes
        }

    def bot_note(self) -> BotNote:
        return self._bot.get(_ONLY) or BotNote()

    def update_bot(self, change: Callable[[BotNote], BotNote]) -> BotNote:
        def apply() -> BotNote:
            before = self.bot_note()
            after = change(before)
            self._bot.put({_ONLY: after} if after != before else {})
            return after

        return self._bot.change(apply)

    def queue(self, items: Iterable[OutboxItem], *, once: bool = False) -> list[int]:
        waiting = list(items)

        def apply() -> list[int]:
            lying = {item.mark for item in self._outbox.all().values()} - {""} if once else set()
            first = self._outbox.count_on(len(waiting))
            new = {str(first + place): item for place, item in enumerate(waiting) if item.mark not in lying}
            self._outbox.put(new)
            return list(range(first, first + len(waiting)))

        return self._outbox.change(apply) if waiting else []

    def queued(self) -> list[tuple[int, OutboxItem]]:
        return sorted(((int(id_), item) for id_, item in self._outbox.all().items()), key=lambda pair: pair[0])

    def settle(self, outcomes: dict[int, OutboxItem | None]) -> None:
        def apply() -> None:
            # What somebody else has settled already does not come back.
            waiting = set(self._outbox.ids())
            self._outbox.put({str(id_): item for id_, item in outcomes.items() if str(id_) in waiting})

        self._outbox.change(apply)

    def record(self, row: HistoryRow) -> None:
        rows = self._history(row.account)

        def apply() -> None:
            ids = sorted(map(int, rows.ids()))
            new = ids[-1] + 1 if ids else 1
            dropped = ids[: max(0, len(ids) + 1 - HISTORY_KEPT)]
            rows.put({str(new): row, **{str(id_): None for id_ in dropped}})

        rows.change(apply)

    def history(self, account: str, limit: int = HISTORY_KEPT) -> list[HistoryRow]:
        rows = self._history(account)
        newest = sorted(map(int, rows.ids()), reverse=True)[: max(limit, 0)]
        found = (rows.get(str(id_)) for id_ in newest)
        return [row for row in found if row is not None]

    def known(self) -> list[str]:
        histories = {path.name.partition(".")[0] for path in (self._place / "history").glob("*.json*")}
        return sorted({*self._tokens.ids(), *self._notes.ids(), *histories})

    def rewrite_history(self, account: str, rows: Sequence[HistoryRow]) -> None:
        shelf = self._history(account)
        wanted = {str(number): row for number, row in enumerate(reversed(rows), 1)}
        shelf.change(lambda: shelf.put({**dict.fromkeys(shelf.ids()), **wanted}))

    def lock(self, account: str, timeout: float) -> AbstractContextManager[None]:
        return self._locks.account(named(account), timeout)

    def derive(self, purpose: str) -> bytes:
        with in_our_words("the key cannot be read"):
            return derive(self._ring.first().key, purpose)

    def check(self) -> None:
        for shelf in (self._tokens, self._notes, self._bot, self._outbox):
            shelf.all()
        probe = self._place / "probe"
        with self._locks.writing(), in_our_words(f"{self._place} cannot be written"):
            write_over(probe, b"")
            probe.unlink()

    def close(self) -> None:
        self._news.close()

    def _check_key(self) -> None:
        """Before anything is written: a file that is new must not be sealed with a key that fits none of the others."""
        self._ring.first()
        for shelf in (self._tokens, self._notes, self._outbox):
            file = shelf.database.book.file
            contents = file.state().contents
            if contents is not None:
                self._ring.named(contents.key, str(file.path))

    def _shelf(self, kind: str, record: type[T]) -> Shelf[T]:
        return Shelf(
            Database(SafeFile(self._place / f"{kind}.json", kind, self._sync), self._ring, self._locks), kind, record
        )

    def _history(self, account: str) -> Shelf[HistoryRow]:
        with self._histories_lock:
            if account not in self._histories:
                make_folder(self._place / "history")
                self._histories[account] = self._shelf(f"history/{named(account)}", HistoryRow)
            return self._histories[account]


_ONLY = "bot"


class _ById(Table):
    """TinyDB counts its documents; ours have names."""

    document_id_class = str  # type: ignore[assignment]


class Database(TinyDB):
    """One file: its tables, and turns to change them."""

    table_class = _ById

    def __init__(self, file: SafeFile, ring: Ring, locks: Locks) -> None:
        self.book = SafeStorage(file, ring)
        self.ring = ring
        self.turns = Turns(locks, self.book)
        super().__init__(storage=lambda: self.book)


class SafeStorage(Storage):
    """Gives TinyDB what is on the disk, and takes what it changes within a turn. Everybody else sees a change when it
    is durable."""

    def __init__(self, file: SafeFile, ring: Ring) -> None:
        self.file = file
        self._ring = ring
        self._writer: int | None = None
        self._before: Tables = {}
        self._after: Tables = {}
        self.key = ""
        """The name of the key to seal with in this turn."""

    def read(self) -> Tables:
        if self._writer == get_ident():
            return dict(self._after)
        return dict(self.file.state().tables)

    def write(self, data: Tables) -> None:
        if self._writer != get_ident():
            raise RuntimeError("the store is changed in turns only")
        self._after = data

    def begin(self) -> None:
        state = self.file.state()
        self.key = self._key(state)
        self._before = self._after = state.tables
        self._writer = get_ident()

    def commit(self) -> None:
        if self._after is not self._before:
            self.file.replace(Contents(self.key, self._after))

    def end(self) -> None:
        self._writer = None
        self._before = self._after = {}

    def _key(self, state: State) -> str:
        with in_our_words(f"{self.file.path} cannot be written"):
            # A new file is sealed with the key of this moment: the keys may have been changed since we began.
            if state.contents is None:
                return self._ring.first().name
            return self._ring.named(state.contents.key, str(self.file.path)).name


class Shelf(Generic[T]):
    """Records of one type in one table, by id. What was opened is remembered as long as it is the same sealed text."""

    def __init__(self, database: Database, kind: str, record: type[T]) -> None:
        self.database = database
        self._kind = kind
        self._table = database.table(kind)
        self._sealed = Sealed(kind, record, database.ring)
        self._opened: dict[str, tuple[str, T]] = {}
        self._room = _ROOM

    def change(self, change: Callable[[], R]) -> R:
        return self.database.turns.take(change)

    def get(self, id_: str) -> T | None:
        document = self._table.get(doc_id=cast("int", id_))
        return None if document is None else self._open(id_, document["sealed"])

    def some(self, ids: Iterable[str]) -> dict[str, T | None]:
        """Of these, without those that are damaged."""
        lying, found = self.database.book.read().get(self._kind, {}), dict[str, T | None]()
        for id_ in ids:
            with suppress(StoreError):
                found[id_] = self._open(id_, lying[id_]["sealed"]) if id_ in lying else None
        return found

    def all(self) -> dict[str, T]:
        return {id_: self._open(id_, sealed) for id_, sealed in self.sealed().items()}

    def ids(self) -> list[str]:
        return list(self.database.book.read().get(self._kind, ()))

    def sealed(self) -> dict[str, str]:
        """The sealed text of every record: a new one with every save."""
        return {cast("str", document.doc_id): document["sealed"] for document in self._table}

    def put(self, records: Mapping[str, T | None]) -> None:
        """Keep these, and drop those that are None. Within a change."""
        sealed = {id_: self._seal(id_, record) for id_, record in records.items() if record is not None}
        known = set(self.ids())
        replaced = [id_ for id_ in records if id_ in known]
        if replaced:
            self._table.remove(doc_ids=cast("list[int]", replaced))
        if sealed:
            self._table.insert_multiple(_document(id_, {"sealed": text}) for id_, text in sealed.items())

    def count_on(self, by: int) -> int:
        """A number that nothing here had before, and `by - 1` more. Within a change."""
        counter = self.database.table(COUNTERS)
        next_ = _document(self._kind, {"next": 1})
        next_ = counter.get(doc_id=next_.doc_id) or next_
        counter.upsert(_document(self._kind, {"next": next_["next"] + by}))
        return int(next_["next"])

    def _seal(self, id_: str, record: T) -> str:
        return self._sealed.seal(id_, record, self.database.ring.named(self.database.book.key, self._kind))

    def _open(self, id_: str, sealed: str) -> T:
        known = self._opened.get(id_)
        if known is None or known[0] != sealed:
            known = sealed, self._sealed.open(id_, sealed, str(self.database.book.file.path))
            self._remember(id_, known)
        return self._sealed.codec.copy(known[1])

    def _remember(self, id_: str, opened: tuple[str, T]) -> None:
        # Outbox ids rise for ever: what is gone must not stay here.
        if len(self._opened) > self._room:
            self._opened, self._room = {}, 2 * len(self._table) + _ROOM
        self._opened[id_] = opened


def _document(id_: str, content: Mapping[str, Any]) -> Document:
    return Document(content, cast("int", id_))


class News:
    """Tells which records of a shelf were replaced or dropped, by whomever."""

    def __init__(self, shelf: Shelf[Any]) -> None:
        self._shelf = shelf
        self._state: State | None = None
        self._told: dict[str, str] = {}
        self._bell = Condition()
        self._closed = False
        self._changed()

    def wait(self, timeout: float) -> set[str]:
        until = monotonic() + timeout
        with self._bell:
            while True:
                changed = self._changed()
                left = until - monotonic()
                if changed or left <= 0 or self._closed:
                    return changed
                self._bell.wait(min(left, _LOOK_EVERY))

    def tell(self) -> None:
        with self._bell:
            self._bell.notify_all()

    def close(self) -> None:
        self._closed = True
        self.tell()

    def _changed(self) -> set[str]:
        state = self._shelf.database.book.file.state()
        if state is self._state:
            return set()
        before, self._told = self._told, self._shelf.sealed()
        self._state = state
        return {id_ for id_ in before.keys() | self._told.keys() if before.get(id_) != self._told.get(id_)}


def open_folder(place: str | os.PathLike[str], key: Callable[[], bytes]) -> TinyStore:
    with in_our_words("the key cannot be read"):
        return TinyStore(Path(place), key)
