"""Records of one type in one hash, each `<number of the write it came with> <sealed>`.

Whoever has the server can put an old record in the place of the newest, or take it away. So each says in what is sealed
which edition it is, and what was seen from here counts more than an earlier edition or none: it is put back.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic, sleep
from typing import Generic, TypeVar

from bot.store import StoreError
from bot.store._sealed import Sealed
from bot.store.records import AccountNote, BotNote
from bot.store.redis import _scripts as scripts
from bot.store.redis._server import Place, Seen, Server
from kunji._redis import numbered

log = logging.getLogger(__name__)

T = TypeVar("T", bound=AccountNote | BotNote)
PATIENCE = 20.0
"""Seconds for which a change is tried again when somebody else comes first."""
FIRST_WAIT, LONGEST_WAIT = 0.002, 0.2


def parted(text: str, id_: str, place: str) -> tuple[int, str]:
    """The number of the write, and what is sealed. Raises StoreError."""
    record = numbered(text)
    if record is None:
        raise StoreError(f"{place}: the record of {id_} cannot be read: it is damaged")
    return record


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
        """What counts of what lies there and what was seen from here."""
        found, seen = self._found(id_, text), self._server.newest(Place(self._hash, id_))
        if seen is None or (found is not None and found.edition >= seen.edition):
            return found
        newest = self._sealed.open(id_, seen.sealed, str(self._server.address))
        self._put_back(id_, text, newest)
        return newest

    def _found(self, id_: str, text: str | None) -> T | None:
        if text is None:
            return None
        place = str(self._server.address)
        number, sealed = parted(text, id_, place)
        record = self._sealed.open(id_, sealed, place)
        self._server.saw(Place(self._hash, id_), Seen(number, sealed, edition=record.edition))
        return record

    def _put_back(self, id_: str, text: str | None, newest: T) -> None:
        """Unless somebody else was quicker: it may be that this process has read and written at the same time."""
        args = id_, text or "", self._sealed.seal(id_, newest)
        with suppress(StoreError):  # it counts, wherever it lies
            if self._server.run_in_this_life(scripts.CHANGE, [self._hash, self._holders], "", "", *args):
                log.warning("the store at %s held an older record of %s than it did before", self._server.address, id_)

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
            new = {
                id_: replace(record, edition=(before[id_] or empty).edition + 1)
                for id_, record in after.items()
                if record != (before[id_] or empty)
            }
            ours = {id_: self._sealed.seal(id_, record) for id_, record in new.items()}
            if not ours or self._replaced(texts, new, ours, fence):
                break
            if monotonic() > until:
                raise StoreError(f"the {self._sealed.kind} of {', '.join(ids)} keep changing")
            sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            wait = min(wait * 2, LONGEST_WAIT)
        return after

    def _replaced(
        self, texts: Mapping[str, str | None], new: Mapping[str, T], ours: Mapping[str, str], fence: tuple[str, str]
    ) -> bool:
        """Whether they still were what they were."""
        args = [part for id_, sealed in ours.items() for part in (id_, texts[id_] or "", sealed)]
        number = int(self._server.run(scripts.CHANGE, [self._hash, self._holders], *fence, *args))
        for id_, sealed in ours.items() if number else ():
            self._server.saw(Place(self._hash, id_), Seen(number, sealed, edition=new[id_].edition))
        return number > 0
