"""Copying a whole store into another one: from a folder to a server, and back. Knows stores by their interface only.

The copy carries a mark until it is finished, so that no bot works with half of it, and nothing but a copy of the same
store is gone on with. What was copied is read again from both sides before the mark goes. The source is only read.
"""

from __future__ import annotations

import hmac
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bot.store import (
    AccountNote,
    BotNote,
    Crew,
    HeldToken,
    HistoryRow,
    LockBusy,
    OutboxItem,
    Store,
    StoreAway,
    StoreError,
    address_of,
    open_place,
    places_of,
)
from bot.store._files import in_our_words, make_folder, write_new
from bot.store._key import has_begun, read_key
from brokers import KunjiError
from kunji._places import Places
from kunji._seal import write_ring

T = TypeVar("T")
RUNNING = "_run"
"""The lock that a bot holds as long as it runs, where there can be only one."""
_AT_ONCE = 16
"""Records on their way to or from a server side by side."""
_BATCH = 500
_NAMED = 3
"""Differences; the others are counted."""


class MoveRefused(KunjiError):
    """Nothing was moved; what was there on either side is still there."""


class Whole(NamedTuple):
    """All that a store holds, but who led the last bot on it. What says nothing is left out."""

    bot: BotNote
    tokens: dict[str, HeldToken]
    notes: dict[str, AccountNote]
    history: dict[str, list[HistoryRow]]
    """Newest first."""
    outbox: list[OutboxItem]


class Moved(NamedTuple):
    source: str
    """As it is shown."""
    target: str
    whole: Whole


def move(
    folder: Path,
    source: str | None,
    target: str,
    now: Callable[[], datetime],
    environment: Mapping[str, str] = os.environ,
) -> Moved:
    """All that the source holds (None: the store of this config folder) is then in the target, too. Doing it again
    brings one to its end that was killed. Raises MoveRefused, StoreError."""
    lies, goes = _ends(folder, source, target, environment)
    if not has_begun(lies):
        raise MoveRefused(f"there is no store at {lies.shown}")
    key = _one_key(lies, goes, environment)
    with closing(open_place(lies.store, key, now)) as old, closing(open_place(goes.store, key, now)) as new:
        with alone(old, lies.shown), alone(new, goes.shown):
            refuse_unfinished(old)
            whole = _copied(old, new, _identity(lies), now)
        new.update_bot(lambda note: replace(note, moving_from=None))
    return Moved(lies.shown, goes.shown, whole)


def copy(source: Store, target: Store, now: Callable[[], datetime], damaged: list[str] | None = None) -> Whole:
    """As the source is at this moment, into a store of nobody else's. `damaged` as for `read`. Raises StoreError."""
    wanted = read(source, damaged)
    _write(target, wanted)
    target.update_bot(lambda _: wanted.bot)
    _prove(read(target), wanted, now())
    return wanted


def read(store: Store, damaged: list[str] | None = None) -> Whole:
    """Raises StoreError if anything in it cannot be read; with `damaged` that is named there in words, and left out."""
    names = store.known()
    tokens = _each(lambda name: _readable(lambda: store.load(name), f"the token of {name}", damaged), names)
    notes = _each(lambda name: _readable(lambda: store.note(name), f"the note of {name}", damaged), names)
    history = _each(lambda name: _readable(lambda: store.history(name), f"the history of {name}", damaged), names)
    return Whole(
        replace(_readable(store.bot_note, "the bot's note", damaged) or BotNote(), led_by=None),
        {name: held for name, held in tokens if held is not None},
        {name: note for name, note in notes if note is not None and note != AccountNote()},
        {name: rows for name, rows in history if rows},
        [item for _, item in _readable(store.queued, "the outbox", damaged) or []],
    )


def _readable(ask: Callable[[], T], what: str, damaged: list[str] | None) -> T | None:
    try:
        return ask()
    except StoreAway:
        raise
    except StoreError:
        if damaged is None:
            raise
        damaged.append(what)
        return None


def refuse_unfinished(store: Store) -> None:
    """Raises StoreError for one that is half a copy."""
    if store.bot_note().moving_from:
        raise StoreError("the store is a copy that is not finished", hint="say the same kunji store move once more")


# Both ends.


def _ends(folder: Path, source: str | None, target: str, environment: Mapping[str, str]) -> tuple[Places, Places]:
    named = {name: value for name, value in environment.items() if name != "KUNJI_STORE"}
    lies = places_of(folder, source, environment if source is None else named)
    goes = places_of(folder, target, named)
    if _identity(lies) == _identity(goes):
        raise MoveRefused(f"{goes.shown} is where the store lies already")
    return lies, goes


def _identity(places: Places) -> str:
    """Of a store, as a text that tells it from every other."""
    if places.is_on_server:
        address = address_of(places.store)
        return f"{address} {address.prefix}"
    return f"{socket.gethostname()}:{os.path.realpath(places.store)}"


def _one_key(lies: Places, goes: Places, environment: Mapping[str, str]) -> Callable[[], bytes]:
    """Both are sealed with the source's key: where the target looks for its own, it finds that one."""
    source = partial(read_key, lies, create=False, environment=environment)
    ring, file = source(), Path(goes.key_file)
    if not environment.get("KUNJI_KEY"):
        with in_our_words(f"the key file {file} cannot be made"):
            make_folder(Path(goes.folder))
            if not file.exists():
                write_new(file, write_ring(ring).encode())
    if not hmac.compare_digest(read_key(goes, create=False, environment=environment), ring):
        raise MoveRefused(f"{file} is another key than that of {lies.shown}", hint="move it away first")
    return source


@contextmanager
def alone(store: Store, place: str) -> Iterator[None]:
    """Raises MoveRefused if a bot runs with it, or began to meanwhile."""
    crew = store.crew()
    if crew is not None:
        _refuse_others(crew, place)
        yield
        _refuse_others(crew, place)
        return
    with ExitStack() as held:
        try:
            held.enter_context(store.lock(RUNNING, 0.0))
        except LockBusy:
            raise _runs("kunji", place) from None
        yield


def _refuse_others(crew: Crew, place: str) -> None:
    roll = crew.look()
    if there := sorted({*roll.others, *([roll.leader] if roll.leader else [])}):
        raise _runs(f"kunji on {', '.join(there)}", place)


def _runs(who: str, place: str) -> MoveRefused:
    return MoveRefused(f"{who} runs with the store at {place}, or did seconds ago", hint="stop it first")


# What is moved.


def _copied(old: Store, new: Store, come_from: str, now: Callable[[], datetime]) -> Whole:
    """All but the mark, which is still there."""
    wanted = read(old)
    if _begin(new, wanted, come_from, now()):
        _write(new, wanted)
        _prove(read(old), wanted, now())
        _prove(read(new), wanted._replace(bot=replace(wanted.bot, moving_from=come_from)), now())
    return wanted


def _begin(new: Store, wanted: Whole, come_from: str, now: datetime) -> bool:
    """Whether anything is left to be done. Raises MoveRefused if the target holds anything else."""
    mark = new.bot_note().moving_from
    if mark is None:
        found = read(new)
        if not _differences(found, wanted, now):
            return False
        if not _is_blank(found):
            raise MoveRefused("the target holds something already, and it is no unfinished copy of this store")
    elif mark != come_from:
        raise MoveRefused("the target is an unfinished copy of another store", hint="name that one by --from")
    new.update_bot(lambda _: replace(wanted.bot, moving_from=come_from))
    return True


def _is_blank(found: Whole) -> bool:
    """A command that looked at a new store leaves its salt in it."""
    return found._replace(bot=replace(found.bot, salt=None, config_fingerprints={})) == Whole(BotNote(), {}, {}, {}, [])


def _write(store: Store, wanted: Whole) -> None:
    """Only what is not there yet, as it may be the rest of an earlier copy."""
    found = read(store)

    def keep(name: str) -> None:
        if name in wanted.tokens:
            store.save(name, wanted.tokens[name])
        else:
            store.delete(name)

    _all(keep, _unlike(found.tokens, wanted.tokens))
    noted = _unlike(found.notes, wanted.notes)
    for first in range(0, len(noted), _BATCH):
        names = noted[first : first + _BATCH]
        store.update({name: partial(_instead, wanted.notes.get(name, AccountNote())) for name in names})
    refreshed = _unlike(found.history, wanted.history)
    _all(lambda name: store.rewrite_history(name, wanted.history.get(name, [])), refreshed)
    if found.outbox != wanted.outbox:
        store.settle({number: None for number, _ in store.queued()})
        store.queue(wanted.outbox)


def _instead(note: AccountNote, _: AccountNote) -> AccountNote:
    return note


def _prove(found: Whole, wanted: Whole, now: datetime) -> None:
    if different := _differences(found, wanted, now):
        others = [f"{len(different) - _NAMED} more"] if len(different) > _NAMED else []
        raise StoreError(
            f"the copy is not what it should be: {', '.join(different[:_NAMED] + others)}",
            hint="something may have changed meanwhile: say it once more",
        )


def _differences(found: Whole, wanted: Whole, now: datetime) -> list[str]:
    """In words. Of tokens that have expired a server forgets what is secret."""
    ours, theirs = (
        {name: held.without_secrets() if held.token.expires_at <= now else held for name, held in whole.tokens.items()}
        for whole in (found, wanted)
    )
    return [
        *(f"the token of {name}" for name in _unlike(ours, theirs)),
        *(f"the note of {name}" for name in _unlike(found.notes, wanted.notes)),
        *(f"the history of {name}" for name in _unlike(found.history, wanted.history)),
        *(["the bot's note"] if found.bot != wanted.bot else []),
        *(["the outbox"] if found.outbox != wanted.outbox else []),
    ]


def _unlike(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))


def _each(ask: Callable[[str], T], names: Sequence[str]) -> list[tuple[str, T]]:
    return list(zip(names, _all(ask, names), strict=True))


def _all(work: Callable[[str], T], names: Sequence[str]) -> list[T]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, names))
