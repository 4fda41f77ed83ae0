"""The store on a server, for several machines. With `kunji._redis` the only code that knows Redis.

Every record is sealed as in the files, and carries the number of the write it came with. A change is made only if the
record still is what it was when it was read, and told to be made once whatever is lost on the way: what is sealed twice
never looks the same, so a writer knows its own work again. What is seen of the store is remembered, to be put back
should the server lose it. See docs/decisions/redis.md.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bot.store import HISTORY_KEPT, LEASE, Crew, Store, StoreError
from bot.store._sealed import Sealed, can_be_named, named
from bot.store.crew import CLAIM, LEAD
from bot.store.records import AccountNote, BotNote, HeldToken, HistoryRow, OutboxItem
from bot.store.redis import _scripts as scripts
from bot.store.redis._changes import Changes
from bot.store.redis._crew import ServerCrew
from bot.store.redis._locks import Locks
from bot.store.redis._resealing import reseal
from bot.store.redis._server import Server, Waits
from bot.store.redis._shelf import Shelf
from bot.store.redis._tokens import Tokens
from kunji import Error
from kunji._redis import Address
from kunji._seal import Ring, derive

AT_ONCE = 500
"""Accounts asked about in one question."""
MARKS_KEPT = 24 * 3600 * 1000
"""Milliseconds for which a message is known again."""
_ONLY, _ROW = "bot", "row"
_MESSAGE = re.compile(r"[0-9]{1,19}", re.ASCII)


class RedisStore(Store):
    """`key` gives the key ring, again whenever it is asked; `now` is this machine's time."""

    def __init__(
        self,
        address: Address,
        key: Callable[[], bytes],
        *,
        now: Callable[[], datetime] | None = None,
        lease: float = LEASE,
        waits: Waits | None = None,
    ) -> None:
        self._address = address
        self._now = now or partial(datetime.now, UTC)
        self._ring = Ring(key)
        self._server = Server(address, self._ring, lambda: self._now().timestamp(), waits or Waits())
        self._locks = Locks(self._server, lease)
        self._tokens = Tokens(self._server, self._ring, self._locks, self._now)
        self._notes = Shelf(self._server, "notes", Sealed("notes", AccountNote, self._ring))
        self._bot = Shelf(self._server, "bot", Sealed("bot", BotNote, self._ring))
        self._outbox = Sealed("outbox", OutboxItem, self._ring)
        self._changes = Changes(self._server)

    # Tokens

    def load(self, account: str) -> HeldToken | None:
        return self._tokens.open(account, self._tokens.read([account])[account])

    def save(self, account: str, held: HeldToken) -> None:
        self._tokens.save(account, held)

    def delete(self, account: str) -> None:
        self._tokens.delete(account)

    def accounts(self) -> list[str]:
        return self._tokens.accounts()

    def changes(self, timeout: float) -> set[str]:
        return self._changes.wait(timeout)

    # Notes

    def note(self, account: str) -> AccountNote:
        return self._notes.get(account) or AccountNote()

    def update(
        self, changes: dict[str, Callable[[AccountNote], AccountNote]], *, holding: str | None = None
    ) -> dict[str, AccountNote]:
        def apply(before: dict[str, AccountNote | None]) -> dict[str, AccountNote]:
            return {account: change(before[account] or AccountNote()) for account, change in changes.items()}

        names = [named(account) for account in changes]
        return self._notes.change(
            names, apply, AccountNote(), ("", "") if holding is None else (holding, self._locks.owner(holding))
        )

    def tokens_and_notes(self, accounts: Sequence[str]) -> dict[str, tuple[HeldToken | None, AccountNote]]:
        found: dict[str, tuple[HeldToken | None, AccountNote]] = {}
        for first in range(0, len(accounts), AT_ONCE):
            some = accounts[first : first + AT_ONCE]
            notes, tokens = self._notes.read(some), self._tokens.read(some)
            for account in some:
                with suppress(StoreError):
                    note = self._notes.open(account, notes[account]) or AccountNote()
                    found[account] = self._tokens.open(account, tokens[account]), note
        return found

    def bot_note(self) -> BotNote:
        return self._bot.get(_ONLY) or BotNote()

    def update_bot(self, change: Callable[[BotNote], BotNote]) -> BotNote:
        return self._bot.change([_ONLY], lambda before: {_ONLY: change(before[_ONLY] or BotNote())}, BotNote())[_ONLY]

    # The outbox

    def queue(self, items: Iterable[OutboxItem], *, once: bool = False) -> list[int]:
        waiting = list(items)
        if not waiting:
            return []
        numbers = self._server.numbers(len(waiting))
        args: list[str] = []
        for number, item in zip(numbers, waiting, strict=True):
            args += [str(number), self._outbox.seal(str(number), item), item.mark]
        self._server.run(scripts.QUEUE, [self._key("outbox"), self._key("outbox:marks")], int(once), MARKS_KEPT, *args)
        return numbers

    def queued(self) -> list[tuple[int, OutboxItem]]:
        lying = self._server.ask(lambda client: client.hgetall(self._key("outbox")))
        if not all(map(_MESSAGE.fullmatch, lying)):
            raise StoreError(f"something that is no message lies in the outbox at {self._address}")
        opened = {int(id_): self._outbox.open(id_, sealed, str(self._address)) for id_, sealed in lying.items()}
        return [(number, opened[number]) for number in sorted(opened)]

    def settle(self, outcomes: dict[int, OutboxItem | None]) -> None:
        args: list[str] = []
        for number, item in outcomes.items():
            args += [str(number), "" if item is None else self._outbox.seal(str(number), item)]
        if args:
            self._server.run(scripts.SETTLE, [self._key("outbox")], *args)

    # History

    def record(self, row: HistoryRow) -> None:
        sealed = self._rows(named(row.account)).seal(_ROW, row)
        self._server.run(scripts.RECORD, [self._key(f"history:{row.account}")], sealed, HISTORY_KEPT)

    def history(self, account: str, limit: int = HISTORY_KEPT) -> list[HistoryRow]:
        if limit <= 0:
            return []
        rows = self._server.ask(lambda client: client.lrange(self._key(f"history:{account}"), 0, limit - 1))
        return [self._rows(account).open(_ROW, sealed, str(self._address)) for sealed in rows]

    # The whole

    def known(self) -> list[str]:
        histories = self._key("history:")

        def names(client: Any) -> set[str]:
            by_history = (key.removeprefix(histories) for key in client.scan_iter(f"{histories}*", count=1000))
            return {*client.hkeys(self._key("kept")), *client.hkeys(self._key("notes")), *by_history}

        return sorted(filter(can_be_named, self._server.ask(names)))

    def rewrite_history(self, account: str, rows: Sequence[HistoryRow]) -> None:
        records = self._rows(named(account))
        sealed = [records.seal(_ROW, row) for row in rows]
        self._server.run(scripts.REWRITE, [self._key(f"history:{account}")], *sealed)

    def reseal(self) -> int:
        """Seal with the first key of the ring what is sealed with another; how many records. To be closed then."""
        return reseal(self._server, self._ring)

    # Locks

    def lock(self, account: str, timeout: float) -> AbstractContextManager[None]:
        return self._locks.hold(named(account), max(timeout, 0))

    # The rest

    def derive(self, purpose: str) -> bytes:
        try:
            return derive(self._ring.first().key, purpose)
        except Error as error:
            raise StoreError(str(error)) from None

    def check(self) -> None:
        self.bot_note()
        self._server.numbers(1)

    def close(self) -> None:
        self._locks.close()
        self._changes.close()
        self._server.close()

    def crew(self, *, lead: float = LEAD, claim: float = CLAIM) -> Crew:
        return ServerCrew(self._server, lead=lead, claim=claim, machine=socket.gethostname())

    def facts(self) -> dict[str, str]:
        """What the server says of itself. Raises StoreError."""
        return self._server.facts()

    def _key(self, name: str) -> str:
        return self._address.key(name)

    def _rows(self, account: str) -> Sealed[HistoryRow]:
        return Sealed(f"history/{account}", HistoryRow, self._ring)


def open_server(
    address: Address,
    key: Callable[[], bytes],
    *,
    now: Callable[[], datetime] | None = None,
    lease: float = LEASE,
    waits: Waits | None = None,
) -> RedisStore:
    """Raises StoreError; StoreAway if the server does not answer."""
    try:
        return RedisStore(address, key, now=now, lease=lease, waits=waits)
    except Error as error:
        raise StoreError(str(error)) from None
