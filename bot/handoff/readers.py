"""Programs that may ask the local endpoint: their keys, and what each may read. Knows no HTTP.

A key is random and kept nowhere; the store has its digest. It is looked up there with every question, so that one that
is taken away is worth nothing at once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.store import BotNote, ReaderKey, Store
from brokers import KunjiError, Secret

PREFIX = "kr_"
OWNER = "owner"
"""Whoever asks on the socket without a key: only the bot's own user can."""
NOBODY = "nobody"
"""Whoever asks with a key that is none."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

MISTAKES = 10
A_MINUTE = 60.0
ADDRESSES_KEPT = 1024


class ReaderError(KunjiError):
    """A key for a program cannot be made or taken away."""


@dataclass(frozen=True, slots=True)
class Asker:
    """A program at the endpoint, once it is known which."""

    name: str
    accounts: frozenset[str] | None
    """None: all of them."""

    def may_read(self, account: str) -> bool:
        return self.accounts is None or account in self.accounts


class Readers:
    def __init__(self, store: Store) -> None:
        self._store = store

    def asker(self, key: Secret) -> Asker | None:
        """Whose key it is. Takes as long for a wrong one. Raises StoreError."""
        digest, found = digest_of(key), None
        for name, reader in self._store.bot_note().readers.items():
            if hmac.compare_digest(reader.digest, digest):
                found = Asker(name, None if reader.accounts is None else frozenset(reader.accounts))
        return found

    def named(self) -> dict[str, ReaderKey]:
        return dict(sorted(self._store.bot_note().readers.items()))

    def add(self, name: str, accounts: Iterable[str] | None, now: datetime) -> Secret:
        """Its key, which is not to be had again; None: it may read all accounts. Raises ReaderError, StoreError."""
        if not _NAME.fullmatch(name) or name in (OWNER, NOBODY):
            raise ReaderError("a reader's name is small letters, digits and dashes, at most 32", hint="as in strategy1")
        key = Secret(PREFIX + secrets.token_urlsafe(32))
        made = ReaderKey(digest_of(key), None if accounts is None else tuple(sorted(set(accounts))), now)

        def add(note: BotNote) -> BotNote:
            if name in note.readers:
                raise ReaderError(f"{name} has a key already", hint=f"kunji key reader remove {name}")
            return replace(note, readers={**note.readers, name: made})

        self._store.update_bot(add)
        return key

    def remove(self, name: str) -> None:
        """Its key is worth nothing from now on. Raises ReaderError, StoreError."""

        def remove(note: BotNote) -> BotNote:
            if name not in note.readers:
                raise ReaderError(f"there is no reader {name}; there are: {', '.join(sorted(note.readers)) or 'none'}")
            return replace(note, readers={known: key for known, key in note.readers.items() if known != name})

        self._store.update_bot(remove)


def digest_of(key: Secret) -> str:
    """The key holds 256 random bits: nothing slower is needed to keep it from being guessed."""
    return hashlib.sha256(key.reveal().encode(errors="surrogatepass")).hexdigest()


class Mistakes:
    """Counts wrong keys by address. A right key is always taken: all programs of a machine share one address, and one
    of them with an old key must not shut the others out."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._counted: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """By address: when its minute began, and how many there were since."""

    def are_too_many(self, address: str) -> bool:
        """Count one more."""
        now = self._monotonic()
        began, count = self._counted.pop(address, (now, 0))
        if now - began >= A_MINUTE:
            began, count = now, 0
        self._counted[address] = began, count + 1
        while len(self._counted) > ADDRESSES_KEPT:
            self._counted.popitem(last=False)
        return count >= MISTAKES
