"""What a store on a Redis server tells of accounts' tokens, and when it calls. Knows no key and opens nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from kunji._errors import StoreAway
from kunji._redis import Address, connect, in_words


class Found(NamedTuple):
    """What lies there of one account's token, each text as it was written."""

    life: str
    """Of the store."""
    token: str | None
    remains: str | None
    """What stays known of a token when it has expired."""
    changed: int
    """The number of the write that last changed it; 0: the store never had one."""


class Server:
    """Connects when it is first asked. Thread-safe. Everything raises StoreUnreadable."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client: Any = connect(address)

    def ask(self, accounts: Sequence[str]) -> dict[str, Found]:
        """The tokens last, so that a change in between, which is called, takes nothing away. All at once would be
        refused by a server that is full."""
        key = self._address.key
        with _in_words(self._address), self._client.pipeline(transaction=False) as asked:
            asked.get(key("life"))
            asked.zmscore(key("changed"), list(accounts))
            asked.hmget(key("kept"), list(accounts))
            asked.mget([key(f"token:{account}") for account in accounts])
            life, *columns = asked.execute()
            rows = [(token, remains, int(changed or 0)) for changed, remains, token in zip(*columns, strict=True)]
        if life is None:
            raise StoreAway(f"the store at {self._address} is empty: none was begun there, or it is lost")
        return {account: Found(life, *row) for account, row in zip(accounts, rows, strict=True)}

    @contextmanager
    def calls(self) -> Iterator[Calls]:
        """Every change from now on is called."""
        pool = self._client.connection_pool
        with _in_words(self._address):
            connection = pool.get_connection()
        try:
            yield Calls(connection, self._address)
        finally:
            connection.disconnect()
            pool.release(connection)

    def close(self) -> None:
        """All connections; the next question makes a new one."""
        self._client.connection_pool.disconnect()


class Calls:
    """The names of accounts whose token was saved or deleted, as they are called on the channel."""

    def __init__(self, connection: Any, address: Address) -> None:
        self._connection = connection
        self._address = address
        with _in_words(address):
            connection.send_command("SUBSCRIBE", address.key("changes"))
            connection.read_response()

    def next(self, seconds: float) -> str | None:
        """None if it is quiet for so long."""
        with _in_words(self._address):
            if not self._connection.can_read(seconds):
                return None
            _, _, account = self._connection.read_response()
        return str(account)

    def prove(self) -> None:
        """That the server is still there: a connection may end without a word. What is called meanwhile is lost."""
        with _in_words(self._address):
            self._connection.send_command("PING")
            while self._connection.read_response()[0] != "pong":
                pass


@contextmanager
def _in_words(address: Address) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise in_words(error, address) from None
