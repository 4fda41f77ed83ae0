"""Records of one type in one hash, each `<number of the write it came with> <sealed>`."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from time import monotonic, sleep
from typing import Generic, TypeVar

from bot.store import StoreError
from bot.store._sealed import Sealed
from bot.store.redis import _scripts as scripts
from bot.store.redis._server import Place, Seen, Server

T = TypeVar("T")
PATIENCE = 20.0
"""Seconds for which a change is tried again when somebody else comes first."""
FIRST_WAIT, LONGEST_WAIT = 0.002, 0.2


def parted(text: str, id_: str, place: str) -> tuple[int, str]:
    """The number of the write, and what is sealed. Raises StoreError."""
    number, _, sealed = text.partition(" ")
    if not (number.isascii() and number.isdigit()):
        raise StoreError(f"{place}: the record of {id_} cannot be read: it is damaged")
    return int(number), sealed


class Shelf(Generic[T]):
    def __init__(self, server: Server, name: str, sealed: Sealed[T]) -> None:
        self._server = server
        self._hash = server.address.key(name)
        self._holders = server.address.key("holders")
        self._sealed = sealed

    def get(self, id_: str) -> T | None:
        return self.open(id_, self.read([id_])[id_])

    def read(self, ids: Sequence[str]) -> dict[str, str | None]:
        """As they lie there, in one question."""
        texts = self._server.ask(lambda client: client.hmget(self._hash, list(ids)))
        return dict(zip(ids, texts, strict=True))

    def open(self, id_: str, text: str | None) -> T | None:
        if text is None:
            return None
        place = str(self._server.address)
        number, sealed = parted(text, id_, place)
        record = self._sealed.open(id_, sealed, place)
        self._server.saw(Place(self._hash, id_), Seen(number, sealed))
        return record

    def change(
        self,
        ids: Sequence[str],
        change: Callable[[dict[str, T | None]], dict[str, T]],
        empty: T,
        fence: tuple[str, str] = ("", ""),
    ) -> dict[str, T]:
        """What they become; nothing is written of what stays as it is. `fence`: an account, and its lock's owner."""
        until, wait, ours = monotonic() + PATIENCE, FIRST_WAIT, dict[str, str]()
        after: dict[str, T] = {}
        while ids:
            texts = self.read(ids)
            if ours and all(sealed in (texts[id_] or "") for id_, sealed in ours.items()):
                break  # it was written, and the answer was lost
            before = {id_: self.open(id_, text) for id_, text in texts.items()}
            after = change(before)
            new = {id_: record for id_, record in after.items() if record != (before[id_] or empty)}
            ours = {id_: self._sealed.seal(id_, record) for id_, record in new.items()}
            if not ours or self._replaced(texts, ours, fence):
                break
            if monotonic() > until:
                raise StoreError(f"the {self._sealed.kind} of {', '.join(ids)} keep changing")
            sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            wait = min(wait * 2, LONGEST_WAIT)
        return after

    def _replaced(self, texts: Mapping[str, str | None], ours: Mapping[str, str], fence: tuple[str, str]) -> bool:
        """Whether they still were what they were."""
        args = [part for id_, sealed in ours.items() for part in (id_, texts[id_] or "", sealed)]
        number = int(self._server.run(scripts.CHANGE, [self._hash, self._holders], *fence, *args))
        for id_, sealed in ours.items() if number else ():
            self._server.saw(Place(self._hash, id_), Seen(number, sealed))
        return number > 0
