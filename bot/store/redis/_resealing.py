"""Sealing with the first key of the ring what lies on the server sealed with another one.

Each record is put in the place of what it was made from, or not at all: what somebody writes meanwhile stays, and is
found by the next look.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from bot.store import StoreError
from bot.store.redis import _scripts as scripts
from bot.store.redis._server import Server
from kunji import Error
from kunji._seal import Ring

_KINDS = {"kept": "kept", "notes": "notes", "bot": "bot", "outbox": "outbox"}
"""What lies in each hash."""


class _Found(NamedTuple):
    key: str
    id: str
    """In a hash; nothing: the key itself holds it."""
    text: str
    """With whatever stands before what is sealed."""
    about: tuple[str, str]
    in_list: bool = False


def reseal(server: Server, ring: Ring) -> int:
    """How many records were sealed anew. The store has another life then. Raises StoreError if one cannot be opened."""
    done = 0
    while changed := sum(_resealed(server, ring, found) for found in _records(server)):
        done += changed
    life = server.address.key("life")
    text = str(server.ask(lambda client: client.get(life)))
    return done + _resealed(server, ring, _Found(life, "", text, ("store", "life")))


def _resealed(server: Server, ring: Ring, found: _Found) -> int:
    before, blank, sealed = found.text.rpartition(" ")
    try:
        first = ring.first()
        if sealed.startswith(f"{first.name}."):
            return 0
        again = f"{before}{blank}{first.seal(ring.open(sealed, *found.about), *found.about)}"
    except Error as error:
        raise StoreError(f"{server.address}: {error}") from None
    script = scripts.RESEAL_ROW if found.in_list else scripts.RESEAL
    return int(server.run(script, [found.key], found.id, found.text, again))


def _records(server: Server) -> Iterator[_Found]:
    key = server.address.key
    for name, kind in _KINDS.items():
        for id_, text in _all(server, name).items():
            yield _Found(key(name), id_, text, (kind, id_))
    for account in server.ask(lambda client: client.hkeys(key("kept"))):
        token = key(f"token:{account}")
        if (lying := _token(server, token)) is not None:
            yield _Found(token, "", lying, ("tokens", account))
    histories = key("history:")
    for history in server.ask(lambda client: list(client.scan_iter(f"{histories}*", count=1000))):
        for text in _rows(server, history):
            yield _Found(history, "", text, (f"history/{history.removeprefix(histories)}", "row"), in_list=True)


def _all(server: Server, name: str) -> dict[str, str]:
    found: dict[str, str] = server.ask(lambda client: client.hgetall(server.address.key(name)))
    return found


def _token(server: Server, key: str) -> str | None:
    found: str | None = server.ask(lambda client: client.get(key))
    return found


def _rows(server: Server, key: str) -> list[Any]:
    rows: list[Any] = server.ask(lambda client: client.lrange(key, 0, -1))
    return rows
