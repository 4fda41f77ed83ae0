"""Where tokens lie: the interface every store has, and `open_store`.

A store is thread-safe and may be used by several processes; one on a server by several machines. What is given out is a
copy; what is saved is on disk (or at the server) when the call returns. Every value is sealed. Failures are
`StoreError`s that never overwrite anything.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path

from bot.store.crew import Crew, Roll
from bot.store.records import (
    AccountNote,
    Alert,
    BotNote,
    HeldToken,
    HistoryRow,
    OpenConsent,
    OutboxItem,
    ReaderKey,
    Refused,
)
from brokers import KunjiError
from kunji import StoreUnreadable
from kunji._places import Places, find
from kunji._redis import Address, is_address, parse

HISTORY_KEPT = 200
"""Rows of history kept per account."""
LEASE = 60.0
"""Seconds after which a lock is free whose holder on another machine is no longer heard of: longer than any answer of a
broker is awaited, as a login under way may still be granted."""


class StoreError(KunjiError):
    """The store cannot be read or written; what was there is still there."""


class LockBusy(KunjiError):
    """Somebody else holds the account's lock and did not let go in time."""


class StoreAway(StoreError):
    """The server that the store is on does not answer, or takes nothing now; that may pass."""


class Superseded(StoreError):
    """Somebody else took the account over while its holder was paused or cut off for longer than its lease."""


class Store(ABC):
    """The whole interface. Account names are as in the config."""

    # Tokens.

    @abstractmethod
    def load(self, account: str) -> HeldToken | None:
        """The account's token, dead or alive. Notices what other processes saved. Raises StoreError."""

    @abstractmethod
    def save(self, account: str, held: HeldToken) -> None:
        """Keep it in place of the earlier one; durable when this returns. Raises StoreError; Superseded if this thread
        held the account's lock and lost it to somebody else."""

    @abstractmethod
    def delete(self, account: str) -> None:
        """Forget the token; nothing happens if there is none."""

    @abstractmethod
    def accounts(self) -> list[str]:
        """Names of the accounts that have a token, sorted."""

    @abstractmethod
    def changes(self, timeout: float) -> set[str]:
        """Wait, at most that many seconds of real time, until a token was saved or deleted by anyone since the last
        call from this store object; the names. Empty when the time is up."""

    # Notes.

    @abstractmethod
    def note(self, account: str) -> AccountNote:
        """What is remembered of the account; an empty note if nothing is."""

    @abstractmethod
    def update(
        self, changes: dict[str, Callable[[AccountNote], AccountNote]], *, holding: str | None = None
    ) -> dict[str, AccountNote]:
        """Change the notes of these accounts in one durable write; the new notes. Each change is a pure function, as
        it may run again when another writer came first; a change that returns an equal note writes nothing.

        `holding`: an account whose lock this thread holds; Superseded, and nothing is changed, if it lost it."""

    @abstractmethod
    def tokens_and_notes(self, accounts: Sequence[str]) -> dict[str, tuple[HeldToken | None, AccountNote]]:
        """What `load` and `note` give of each, for a few questions in all; no token is older than its note. One whose
        records are damaged is left out, and they say of it what is wrong. Raises StoreError if all cannot be read."""

    @abstractmethod
    def bot_note(self) -> BotNote: ...

    @abstractmethod
    def update_bot(self, change: Callable[[BotNote], BotNote]) -> BotNote:
        """As `update`, for what is remembered of the bot as a whole."""

    # The outbox, in order.

    @abstractmethod
    def queue(self, items: Iterable[OutboxItem], *, once: bool = False) -> list[int]:
        """Keep messages until `settle`; their ids, rising. One durable write. `once`: leave out one whose mark lies
        there or, on a server, came there within the last day."""

    @abstractmethod
    def queued(self) -> list[tuple[int, OutboxItem]]:
        """What waits, oldest first."""

    @abstractmethod
    def settle(self, outcomes: dict[int, OutboxItem | None]) -> None:
        """Replace an item, or drop it (None) because Telegram took it."""

    # History.

    @abstractmethod
    def record(self, row: HistoryRow) -> None:
        """Add a row; the last `HISTORY_KEPT` per account stay."""

    @abstractmethod
    def history(self, account: str, limit: int = HISTORY_KEPT) -> list[HistoryRow]:
        """The last rows, newest first."""

    # The whole, for copying it.

    @abstractmethod
    def known(self) -> list[str]:
        """Every account of which anything is kept, sorted: a token, a note or history."""

    @abstractmethod
    def rewrite_history(self, account: str, rows: Sequence[HistoryRow]) -> None:
        """These rows, newest first, in place of all that are there. One durable write."""

    # Locks, keys, health.

    @abstractmethod
    def lock(self, account: str, timeout: float) -> AbstractContextManager[None]:
        """Hold the account alone, across threads, processes and machines. `timeout` in seconds. Raises LockBusy. Not to
        be taken twice by one thread. Freed when its holder dies: on this machine at once, on another after its lease.
        While a server does not take a token, the process that was to save it keeps the lock, for itself to save it."""

    @abstractmethod
    def derive(self, purpose: str) -> bytes:
        """32 bytes that only holders of the store's key can make; for signing buttons and fingerprints."""

    @abstractmethod
    def check(self) -> None:
        """Prove that it can be read with this key and written. Raises StoreError."""

    @abstractmethod
    def close(self) -> None: ...

    def crew(self) -> Crew | None:
        """What several `kunji run` on one store need to share the work; None: the store is for one at a time."""
        return None


def open_store(
    folder: str | Path,
    store: str | None = None,
    *,
    key: bytes | None = None,
    environment: Mapping[str, str] = os.environ,
    now: Callable[[], datetime] | None = None,
) -> Store:
    """The store of this config folder, begun if there is none; `store` is what its config says of the place.

    `key` is a key ring (see `kunji._seal`); without it the key is found as every reader finds it, and made where a
    store begins. `now` is this machine's time unless given: a server forgets tokens when they have expired. Raises
    StoreError; StoreAway if the store is on a server that does not answer.
    """
    from bot.store import _key

    places = places_of(folder, store, environment)
    source = partial(_key.read_key, places, True, environment) if key is None else lambda: key
    return open_place(places.store, source, now)


def open_place(place: str, key: Callable[[], bytes], now: Callable[[], datetime] | None = None) -> Store:
    """The store at a path or an address, begun if there is none. Raises StoreError."""
    # Each kind of store brings its own libraries along.
    if is_address(place):
        from bot.store import redis

        return redis.open_server(address_of(place), key, now=now)
    from bot.store import tinydb

    return tinydb.open_folder(place, key)


def address_of(place: str) -> Address:
    """Raises StoreError."""
    try:
        return parse(place)
    except StoreUnreadable as error:
        raise StoreError(str(error)) from None


def places_of(folder: str | Path, store: str | None, environment: Mapping[str, str] = os.environ) -> Places:
    """Where the store of this config folder and its key lie. Raises StoreError."""
    try:
        return find(folder, environment.get("KUNJI_STORE") or store, environment)
    except StoreUnreadable as error:
        raise StoreError(str(error)) from None


def recover(place: str | Path) -> list[str]:
    """Put the last whole copy in the place of every file that is damaged or gone, with the bot stopped; what was done,
    in sentences. The damaged file stays beside it. What was saved after that copy is lost. Raises StoreError."""
    from bot.store import _recovery

    if is_address(os.fspath(place)):
        raise StoreError("a store on a server has no files here; its copies are the server's, or in your backups")
    return _recovery.recover(Path(place))


__all__ = [
    "HISTORY_KEPT",
    "LEASE",
    "AccountNote",
    "Alert",
    "BotNote",
    "Crew",
    "HeldToken",
    "HistoryRow",
    "LockBusy",
    "OpenConsent",
    "OutboxItem",
    "ReaderKey",
    "Refused",
    "Roll",
    "Store",
    "StoreAway",
    "StoreError",
    "Superseded",
    "address_of",
    "open_place",
    "open_store",
    "places_of",
    "recover",
]
