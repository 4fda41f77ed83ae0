"""The store on a server, for several machines. With `kunji._redis` the only code that knows Redis.

Every record is sealed as in the files, and carries the number of the write it came with. A change is made only if the
record still is what it was when it was read, and told to be made once whatever is lost on the way: what is sealed twice
never looks the same, so a writer knows its own work again. What is seen of the store is remembered, to be put back
should the server lose it. See docs/decisions/redis.md.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bot.store import HISTORY_KEPT, LEASE, Crew, Store, StoreError
from bot.store._sealed import Sealed, named
from bot.store.crew import CLAIM, LEAD
from bot.store.records import AccountNote, BotNote, HeldToken, HistoryRow, OutboxItem
from bot.store.redis import _scripts as scripts
from bot.store.redis._changes import Changes
from bot.store.redis._crew import ServerCrew
from bot.store.redis._locks import Locks
from bot.store.redis._resealing import reseal
from bot.store.redis._server import Place, Seen, Server, Waits
from bot.store.redis._shelf import Shelf, parted
from kunji import Error
from kunji._redis import Address
from kunji._seal import Ring, derive

OUTLIVES = 300.0
"""Seconds a token stays on the server when it has expired, as the clocks of machines differ."""
_ONLY, _ROW = "bot", "row"


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
        self._tokens = Sealed("tokens", HeldToken, self._ring)
        self._kept = Sealed("kept", HeldToken, self._ring)
        self._notes = Shelf(self._server, "notes", Sealed("notes", AccountNote, self._ring))
        self._bot = Shelf(self._server, "bot", Sealed("bot", BotNote, self._ring))
        self._outbox = Sealed("outbox", OutboxItem, self._ring)
        self._changes = Changes(self._server)

    # Tokens

    def load(self, account: str) -> HeldToken | None:
        keys = self._token_key(account), self._key("kept"), self._key("changed")
        token, kept, changed = self._server.ask(partial(_of_a_token, *keys, account))
        if kept is not None:
            self._server.saw(Place(self._key("kept"), account), Seen(*parted(kept)))
        elif changed:
            self._saw_deletion(account, changed)
        if token is not None:
            number, sealed = parted(token)
            held = self._tokens.open(account, sealed, str(self._address))
            self._saw_token(account, number, sealed, held)
            return held
        remains = None if kept is None else self._kept.open(account, parted(kept)[1], str(self._address))
        # What has gone before its time was lost.
        return remains if remains is not None and remains.token.expires_at <= self._now() else None

    def save(self, account: str, held: HeldToken) -> None:
        sealed, kept = self._tokens.seal(named(account), held), self._kept.seal(account, held.without_secrets())
        left = int((_until(held) - self._now().timestamp()) * 1000)
        with self._locks.owing(account):
            number = self._server.run(
                scripts.SAVE,
                [self._token_key(account), *map(self._key, ("kept", "changed", "holders"))],
                account,
                self._locks.owner(account),
                left,
                sealed,
                kept,
                self._key("changes"),
            )
        self._saw_token(account, number, sealed, held)
        self._server.saw(Place(self._key("kept"), account), Seen(number, kept))

    def delete(self, account: str) -> None:
        self._locks.owe_nothing(account)
        number = self._server.run(
            scripts.DELETE,
            [self._token_key(account), *map(self._key, ("kept", "changed", "holders"))],
            account,
            self._locks.owner(account),
            self._key("changes"),
        )
        if number:
            self._saw_deletion(account, number)

    def accounts(self) -> list[str]:
        names: list[str] = self._server.ask(lambda client: client.hkeys(self._key("kept")))
        return sorted(names)

    def changes(self, timeout: float) -> set[str]:
        return self._changes.wait(timeout)

    # Notes

    def note(self, account: str) -> AccountNote:
        return self._notes.get([account])[account] or AccountNote()

    def update(
        self, changes: dict[str, Callable[[AccountNote], AccountNote]], *, holding: str | None = None
    ) -> dict[str, AccountNote]:
        def apply(before: dict[str, AccountNote | None]) -> dict[str, AccountNote]:
            return {account: change(before[account] or AccountNote()) for account, change in changes.items()}

        names = [named(account) for account in changes]
        return self._notes.change(
            names, apply, AccountNote(), ("", "") if holding is None else (holding, self._locks.owner(holding))
        )

    def bot_note(self) -> BotNote:
        return self._bot.get([_ONLY])[_ONLY] or BotNote()

    def update_bot(self, change: Callable[[BotNote], BotNote]) -> BotNote:
        return self._bot.change([_ONLY], lambda before: {_ONLY: change(before[_ONLY] or BotNote())}, BotNote())[_ONLY]

    # The outbox

    def queue(self, items: Iterable[OutboxItem]) -> list[int]:
        waiting = list(items)
        if not waiting:
            return []
        numbers = self._server.numbers(len(waiting))
        sealed = [
            (str(number), self._outbox.seal(str(number), item)) for number, item in zip(numbers, waiting, strict=True)
        ]
        self._server.run(scripts.QUEUE, [self._key("outbox")], *(part for pair in sealed for part in pair))
        return numbers

    def queued(self) -> list[tuple[int, OutboxItem]]:
        lying = self._server.ask(lambda client: client.hgetall(self._key("outbox")))
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

        return sorted(self._server.ask(names))

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

    def _token_key(self, account: str) -> str:
        return self._key(f"token:{account}")

    def _rows(self, account: str) -> Sealed[HistoryRow]:
        return Sealed(f"history/{account}", HistoryRow, self._ring)

    def _saw_token(self, account: str, number: int, sealed: str, held: HeldToken) -> None:
        self._server.saw(Place(self._token_key(account), token_of=account), Seen(number, sealed, _until(held)))

    def _saw_deletion(self, account: str, number: int) -> None:
        self._server.saw(Place(self._token_key(account), token_of=account), Seen(number, ""))
        self._server.saw(Place(self._key("kept"), account), Seen(number, ""))


def _of_a_token(token: str, kept: str, changed: str, account: str, client: Any) -> tuple[str | None, str | None, int]:
    """Itself, what stays known of it, and the number of its last change. Read the other way round, so that a change
    in between takes nothing away; all at once would be refused by a server that is full."""
    with client.pipeline(transaction=False) as asked:
        asked.zscore(changed, account)
        asked.hget(kept, account)
        asked.get(token)
        number, known, lying = asked.execute()
    return lying, known, int(number or 0)


def _until(held: HeldToken) -> float:
    return held.token.expires_at.timestamp() + OUTLIVES


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
