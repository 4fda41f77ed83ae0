"""Tokens on the server: each lies by itself, until it expires; what stays known of them all, and when each was changed,
in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from bot.store._sealed import Sealed, can_be_named, named
from bot.store.records import HeldToken
from bot.store.redis import _scripts as scripts
from bot.store.redis._locks import Locks
from bot.store.redis._server import Place, Seen, Server
from bot.store.redis._shelf import parted
from kunji._redis import LAST_NUMBER
from kunji._seal import Ring

OUTLIVES = 300.0
"""Seconds a token stays on the server when it has expired, as the clocks of machines differ."""


class Lying(NamedTuple):
    """What the server has of an account's token."""

    token: str | None
    kept: str | None
    """What stays known of it."""
    changed: int
    """The number of the write that last changed it; 0: there never was one."""


class Tokens:
    """`now` is this machine's time."""

    def __init__(self, server: Server, ring: Ring, locks: Locks, now: Callable[[], datetime]) -> None:
        self._server = server
        self._locks = locks
        self._now = now
        self._place = str(server.address)
        self._tokens = Sealed("tokens", HeldToken, ring)
        self._remains = Sealed("kept", HeldToken, ring)
        keys = map(server.address.key, ("kept", "changed", "holders", "changes"))
        self._kept, self._changed, self._holders, self._channel = keys

    def read(self, accounts: Sequence[str]) -> dict[str, Lying]:
        """As they lie there, in one question. The tokens last, so that a change in between takes nothing away; all at
        once would be refused by a server that is full."""
        rows = zip(accounts, *self._server.ask(partial(self._columns, accounts)), strict=True)
        return {account: Lying(token, kept, _number(changed)) for account, changed, kept, token in rows}

    def _columns(self, accounts: Sequence[str], client: Any) -> Any:
        with client.pipeline(transaction=False) as asked:
            asked.zmscore(self._changed, list(accounts))
            asked.hmget(self._kept, list(accounts))
            asked.mget([self._key(account) for account in accounts])
            return asked.execute()

    def open(self, account: str, lying: Lying) -> HeldToken | None:
        if lying.kept is not None:
            self._saw_kept(account, *parted(lying.kept, account, self._place))
        elif lying.changed:
            self._saw_deletion(account, lying.changed)
        if lying.token is not None:
            number, sealed = parted(lying.token, account, self._place)
            held = self._tokens.open(account, sealed, self._place)
            self._saw_token(account, number, sealed, held)
            return held
        return None if lying.kept is None else self._expired(account, lying.kept)

    def save(self, account: str, held: HeldToken) -> None:
        sealed, kept = self._tokens.seal(named(account), held), self._remains.seal(account, held.without_secrets())
        left = int((_until(held) - self._now().timestamp()) * 1000)
        with self._locks.owing(account):
            number = self._server.run(
                scripts.SAVE,
                [self._key(account), self._kept, self._changed, self._holders],
                account,
                self._locks.owner(account),
                left,
                sealed,
                kept,
                self._channel,
            )
        self._saw_token(account, number, sealed, held)
        self._saw_kept(account, number, kept)

    def delete(self, account: str) -> None:
        self._locks.owe_nothing(account)
        number = self._server.run(
            scripts.DELETE,
            [self._key(account), self._kept, self._changed, self._holders],
            account,
            self._locks.owner(account),
            self._channel,
        )
        if number:
            self._saw_deletion(account, number)

    def accounts(self) -> list[str]:
        names: list[str] = self._server.ask(lambda client: client.hkeys(self._kept))
        return sorted(filter(can_be_named, names))

    def _expired(self, account: str, kept: str) -> HeldToken | None:
        """What has gone before its time was lost."""
        remains = self._remains.open(account, parted(kept, account, self._place)[1], self._place)
        return remains if remains.token.expires_at <= self._now() else None

    def _key(self, account: str) -> str:
        return self._server.address.key(f"token:{account}")

    def _saw_token(self, account: str, number: int, sealed: str, held: HeldToken) -> None:
        self._server.saw(Place(self._key(account), token_of=account), Seen(number, sealed, _until(held)))

    def _saw_kept(self, account: str, number: int, sealed: str) -> None:
        self._server.saw(Place(self._kept, account), Seen(number, sealed))

    def _saw_deletion(self, account: str, number: int) -> None:
        self._server.saw(Place(self._key(account), token_of=account), Seen(number, ""))
        self._saw_kept(account, number, "")


def _number(score: float | None) -> int:
    """Of a write. What cannot be one is none: it is not ours."""
    return int(score) if score is not None and 0 <= score <= LAST_NUMBER else 0


def _until(held: HeldToken) -> float:
    return held.token.expires_at.timestamp() + OUTLIVES
