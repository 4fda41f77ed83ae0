"""What is kept of every account: its token and its note, in the store, or in memory while the store refuses.

A token that was granted is never dropped because a disk is full: the broker has already ended the earlier one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.life import Account, Standing, is_live
from bot.reports import Reports
from bot.store import AccountNote, HeldToken, LockBusy, Store, StoreError, Superseded
from brokers import Clock

log = logging.getLogger(__name__)

WINDOWS_KEPT = 40
MARK_LOCK_WAIT = 5.0
"""Seconds; whoever holds the lock longer is refreshing, and then decides what the token is worth."""


@dataclass(frozen=True, slots=True)
class StoredCodes:
    """The TOTP windows an account has used, in the store: never one twice, over restarts and processes."""

    store: Store
    account: str

    def reserve(self, window: int) -> bool:
        fresh = False

        def take(note: AccountNote) -> AccountNote:
            nonlocal fresh
            fresh = window not in note.windows
            return replace(note, windows=(*note.windows, window)[-WINDOWS_KEPT:]) if fresh else note

        self.store.update({self.account: take})
        return fresh


class Keeping:
    """Thread-safe. Where it says so, the caller holds the account's lock."""

    def __init__(self, accounts: Mapping[str, Account], store: Store, clock: Clock, reports: Reports) -> None:
        self._accounts = accounts
        self._store = store
        self._clock = clock
        self._reports = reports
        self._unsaved: dict[str, HeldToken] = {}

    def held(self, name: str) -> HeldToken | None:
        """The account's token, also one that the store would not take. Raises StoreError."""
        # What is saved meanwhile is found in the store, as that is read last.
        return _newer(self._unsaved.get(name), self._store.load(name))

    def note(self, name: str) -> AccountNote:
        return self._store.note(name)

    def standing(self, name: str) -> Standing:
        note = self.note(name)
        # The token after the note: it is not older than what was noted of it.
        return Standing(self._accounts[name], self.held(name), note, self._clock.now())

    def standings(self, names: Sequence[str]) -> dict[str, Standing]:
        """Of all of them, for a few questions to the store; without those of which a record is damaged. Raises
        StoreError."""
        unsaved, now = dict(self._unsaved), self._clock.now()
        kept = self._store.tokens_and_notes(names)
        return {
            name: Standing(self._accounts[name], _newer(unsaved.get(name), held), note, now)
            for name, (held, note) in kept.items()
        }

    def change(self, account: Account, change: Callable[[AccountNote], AccountNote]) -> AccountNote:
        """Change what is remembered. Durable. Raises StoreError."""
        return self._store.update({account.name: change})[account.name]

    def begin(self, account: Account, change: Callable[[AccountNote], AccountNote]) -> AccountNote:
        """As `change`, and only if nobody else has taken the account over meanwhile. The caller holds the lock. Raises
        Superseded."""
        return self._store.update({account.name: change}, holding=account.name)[account.name]

    def end(self, account: Account, change: Callable[[AccountNote], AccountNote]) -> AccountNote:
        """As `change`, when an attempt has ended. If somebody else has taken the account over meanwhile, what is begun
        is not ours to end."""
        try:
            return self._store.update({account.name: change}, holding=account.name)[account.name]
        except Superseded:
            return self.change(account, lambda note: replace(change(note), begun_at=note.begun_at))

    def try_to_change(self, account: Account, change: Callable[[AccountNote], AccountNote]) -> None:
        """As `change`, where what was done must not fail for it."""
        try:
            self.change(account, change)
        except StoreError as error:
            self._reports.store_fault(error)

    def save(self, account: Account, held: HeldToken) -> None:
        """On disk when this returns; in memory, and told, if the store refuses. The caller holds the lock; if it was
        lost, whoever holds it decides, and what was granted here waits to be compared with what is kept then."""
        try:
            self._store.save(account.name, held)
            self._unsaved.pop(account.name, None)
        except Superseded as error:
            self._unsaved[account.name] = held
            log.warning("%s: %s", account.name, error)
        except StoreError as error:
            self._unsaved[account.name] = held
            self._reports.store_fault(error)

    def save_unsaved(self) -> None:
        """Try again to save what the store would not take, unless something newer lies there now. Raises StoreError."""
        for name in list(self._unsaved):
            with self._store.lock(name, MARK_LOCK_WAIT):
                held = self._unsaved.get(name)
                if held is not None and not _is_newer(self._store.load(name), held):
                    self._store.save(name, held)
                self._unsaved.pop(name, None)

    def mark(self, account: Account, held: HeldToken, changed: HeldToken) -> bool:
        """Change what is known of this very token. False if another took its place meanwhile."""
        return self._if_still(account, held, lambda: self.save(account, changed))

    def drop(self, account: Account, held: HeldToken) -> bool:
        """Forget this very token. False if another took its place meanwhile."""
        return self._if_still(account, held, lambda: self.put_back(account, None))

    def _if_still(self, account: Account, held: HeldToken, act: Callable[[], None]) -> bool:
        try:
            with self._store.lock(account.name, MARK_LOCK_WAIT):
                if self.held(account.name) != held:
                    return False
                act()
                return True
        except LockBusy:
            log.debug("%s: a refresh is under way and decides", account.name)
            return False

    def put_back(self, account: Account, earlier: HeldToken | None) -> None:
        """What is kept is another client's or to be forgotten: the earlier token again, unless that is known dead. The
        caller holds the lock."""
        self._unsaved.pop(account.name, None)
        if earlier is not None and is_live(earlier, self._clock.now()):
            self.save(account, earlier)
        else:
            self._store.delete(account.name)


def _newer(unsaved: HeldToken | None, stored: HeldToken | None) -> HeldToken | None:
    return stored if unsaved is None or _is_newer(stored, unsaved) else unsaved


def _is_newer(one: HeldToken | None, other: HeldToken) -> bool:
    return one is not None and one.token.issued_at > other.token.issued_at
