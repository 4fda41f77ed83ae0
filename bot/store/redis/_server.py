"""One server: asked without being waited for too long, and asked whether it still has what it had.

A server can come back empty, or be replaced by a copy of it that had not received the last writes. Nothing can be lost
so without every connection ending, so each new connection is asked first for the store's life, its era and the number
of its last write. If something is missing, this process puts back what it saw of it, before anything else is done.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from itertools import chain
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TimedOut

from bot.store import StoreAway, StoreError, Superseded
from bot.store.redis import _scripts as scripts
from kunji import Error
from kunji._errors import StoreAway as Away
from kunji._redis import ANSWER_WITHIN, Address, connect, in_words, numbered
from kunji._seal import FORMAT, Ring

if TYPE_CHECKING:
    from redis.client import PubSub

log = logging.getLogger(__name__)

T = TypeVar("T")
_TRIES = 3
_BATCH = 500
_COUNT = re.compile(r"[0-9]{1,19}", re.ASCII)
_FAILURES = RedisError, OSError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError
"""The client's, and what it or whoever takes its answer apart raises of an answer that no Redis server gives."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long things take, in seconds. Tests make them short."""

    answer: float = ANSWER_WITHIN
    """For the server to answer."""
    refused: float = 1.0
    """Nobody asks a server again that has just not answered: a hundred that wait are no help."""
    settling: float = 3.0
    """Nobody takes a lock after something was put back: others may have more to put back. Nor after an outage in which
    locks may have ended: others may still hold theirs."""


class Place(NamedTuple):
    """Where a record lies."""

    key: str
    id: str = ""
    """In a hash; nothing: the key itself holds it."""
    token_of: str = ""
    """The account, if programs read it."""


class Seen(NamedTuple):
    """A record as it was last seen from here."""

    number: int
    """Of the write it came with."""
    sealed: str
    """Nothing: it was deleted."""
    until: float | None = None
    """Unix time until which it is to be kept; None: for ever."""
    edition: int = 0
    """What it says of itself, where it does: the number lies in the open and proves nothing."""


class _Lost(RedisError):
    """The server has another life or era, or fewer writes, than are known of it."""


class Server:
    """Thread-safe. Everything raises StoreError; StoreAway if it may pass."""

    def __init__(self, address: Address, ring: Ring, time: Callable[[], float], waits: Waits = Waits()) -> None:
        """`time`: unix time. Begins a store where there is none; else proves that the key fits."""
        self.address = address
        self._ring = ring
        self._time = time
        self._waits = waits
        self._life_key, self._writes_key = address.key("life"), address.key("writes")
        self._era_key = address.key("era")
        self._name = self._life = self._era = ""
        self._last = 0
        self._seen: dict[Place, Seen] = {}
        self._noting = threading.Lock()
        self._putting_back = threading.Lock()
        self._away: tuple[float, StoreError] | None = None
        self._missing_since: float | None = None
        self._outage, self._back_at = 0.0, 0.0
        # Their types cannot tell that all answers are text.
        self._client: Any = connect(address, self._meet, answer_within=waits.answer)
        self._unasked: Any = connect(address, answer_within=waits.answer)
        """For what is done before a connection counts as met."""
        self._life, self._era = self.ask(self._begin)

    def close(self) -> None:
        self._hang_up()

    def _hang_up(self) -> None:
        """The next question makes a new connection. Whoever waits for an answer now goes on waiting: a connection that
        ended under his hands would fail in ways that nobody translates."""
        for client in (self._client, self._unasked):
            client.connection_pool.disconnect(inuse_connections=False)

    # Asking

    def ask(self, work: Callable[[Any], T]) -> T:
        """What `work` gives. It may be done again if its answer did not come, so it must not mind."""
        if self._away is not None and monotonic() < self._away[0]:
            raise StoreAway(self._away[1].message)
        for left in reversed(range(_TRIES)):
            try:
                answer = work(self._client)
            except _FAILURES as error:
                self._make_of(error, last=left == 0)
            else:
                self._away = None
                self._note_return()
                return answer
        raise StoreError(f"the store at {self.address} keeps changing")

    def _make_of(self, error: Exception, *, last: bool) -> None:
        """Return if it is worth another try."""
        said = str(error)
        if isinstance(error, _Lost) or said.startswith(scripts.STRANGER):
            return self._put_back()
        if said.startswith(scripts.SUPERSEDED):
            raise Superseded("another process took this account over while this one was paused or cut off") from None
        if said.startswith(scripts.SPOILT):
            raise StoreError(
                f"the count of writes at {self.address} was spoilt, so nothing can be written there",
                hint="copy the store to another place with kunji store move",
            ) from None
        if isinstance(error, ReadOnlyError):
            self._hang_up()
        if isinstance(error, Disconnected | ReadOnlyError) and not last and not isinstance(error, TimedOut):
            return None
        raise self._failure(error) from None

    def _note_return(self) -> None:
        since, self._missing_since = self._missing_since, None
        if since is not None:
            self._outage, self._back_at = monotonic() - since, monotonic()

    def is_back_after(self, seconds: float) -> bool:
        """It answers again since moments ago, and was away for longer than that."""
        if self._missing_since is not None:
            self.ask(lambda client: client.ping())
        return self._outage > seconds and monotonic() < self._back_at + self._waits.settling

    def _failure(self, error: Exception) -> StoreError:
        found = in_words(error, self.address)
        if not isinstance(found, Away):
            return StoreError(str(found))
        away = StoreAway(str(found))
        if not isinstance(error, ResponseError):
            self._away = monotonic() + self._waits.refused, away
            self._missing_since = self._missing_since or monotonic()
        return away

    def listener(self) -> PubSub:
        """Of what is called out; it connects when it subscribes."""
        calls: PubSub = self._client.pubsub()
        return calls

    def run(self, script: str, keys: Sequence[str], *args: str | int) -> Any:
        """A script that writes to this store: its answer, once as many copies as were asked for have it."""
        return self.ask(lambda client: self._written(client, script, self._with_ours(keys), self._life, *args))

    def run_in_this_life(self, script: str, keys: Sequence[str], *args: str | int) -> Any:
        """As `run`, and StoreError if another store turns out to lie there."""
        life = self._life
        return self.ask(lambda client: self._written(client, script, self._with_ours(keys), life, *args))

    def _with_ours(self, keys: Sequence[str]) -> list[str]:
        return [self._life_key, self._writes_key, *keys]

    def numbers(self, count: int) -> list[int]:
        """So many, rising, that nothing here had before, whatever was lost."""
        last = int(self.run(scripts.NUMBERS, [], count))
        with self._noting:
            self._last = max(self._last, last)
        return list(range(last - count + 1, last + 1))

    def facts(self) -> dict[str, str]:
        """What the server says of itself (INFO). Raises StoreError, also if its user may not ask."""
        return {name: str(value) for name, value in self.ask(lambda client: client.info()).items()}

    def run_free(self, script: str, keys: Sequence[str], *args: str | int) -> Any:
        """A script that minds no life."""
        return self.ask(lambda client: _evaluated(client, script, keys, args))

    def _written(self, client: Any, script: str, keys: Sequence[str], *args: str | int) -> Any:
        if not self.address.replicas:
            return _evaluated(client, script, keys, args)
        with client.pipeline(transaction=False) as both:
            both.eval(script, len(keys), *keys, *args)
            both.execute_command("WAIT", self.address.replicas, 1000)
            # Raised there, what the server said would be wrapped in words that nobody recognises.
            answer, copies = both.execute(raise_on_error=False)
        for one in (answer, copies):
            if isinstance(one, Exception):
                raise one
        if copies < self.address.replicas:
            raise StoreAway(f"only {copies} copies of the store at {self.address} have what was just written")
        return answer

    # What is known of it

    def saw(self, place: Place, seen: Seen) -> None:
        with self._noting:
            self._last = max(self._last, seen.number)
            known = self._seen.get(place)
            if known is None or (known.edition, known.number) <= (seen.edition, seen.number):
                self._seen[place] = seen

    def newest(self, place: Place) -> Seen | None:
        """That was seen from here in this life of the store."""
        return self._seen.get(place)

    def _begin(self, client: Any) -> tuple[str, str]:
        """The life and the era of what there is, or of what begins now."""
        if client.exists(self._life_key, self._era_key) != 2:
            sealed = self._ring.first().seal(os.urandom(16).hex(), "store", "life")
            client.set(self._life_key, f"{FORMAT} {sealed}", nx=True)
            client.set(self._era_key, os.urandom(8).hex(), nx=True)
        life, era = client.mget(self._life_key, self._era_key)
        self._name = self._recognise(life)
        return life, era

    def _recognise(self, life: str | None) -> str:
        """What tells this store from another, also when it is sealed anew; proves that it is one of ours."""
        record = numbered(life or "")
        if record is None:
            raise StoreError(f"what lies at {self.address} is no store")
        written_by, sealed = record
        if written_by > FORMAT:
            raise StoreError(
                f"the store at {self.address} was written by a newer version of kunji; install that one, nothing was "
                "changed"
            )
        try:
            sealer = self._ring.named(sealed.partition(".")[0], f"the store at {self.address}")
            return sealer.open(sealed, "store", "life")
        except Error as error:
            raise StoreError(str(error)) from None

    def _meet(self, connection: Any) -> None:
        """Called with every new connection, before it is used."""
        last = self._last
        if self._life:
            connection.send_command("MGET", self._life_key, self._era_key, self._writes_key)
            if self._has_lost(connection.read_response(), last):
                raise _Lost

    def _has_lost(self, found: Sequence[str | None], last: int) -> bool:
        life, era, writes = found
        if (life, era) != (self._life, self._era):
            return True
        # What is no count at all is told to whoever writes.
        return _COUNT.fullmatch(writes or "0") is not None and int(writes or 0) < last

    # Putting back

    def _put_back(self) -> None:
        with self._putting_back:
            try:
                self._put_back_alone()
            except _FAILURES as error:
                raise self._failure(error) from None

    def _put_back_alone(self) -> None:
        last = self._last
        found = self._unasked.mget(self._life_key, self._era_key, self._writes_key)
        if found[0] is not None and self._recognise(found[0]) == self._name:
            self._life = found[0]  # with another key, perhaps
        if not self._has_lost(found, last):
            return  # or another thread was quicker
        keys = [self._life_key, self._writes_key, self._era_key, self.address.key("settling")]
        facts: list[str | int] = [self._life, self._era, os.urandom(8).hex(), last, int(self._waits.settling * 1000)]
        life, era = _evaluated(self._unasked, scripts.RESUME, keys, facts)
        name = self._recognise(life)
        is_another = name != self._name
        put = self._put(life, is_another)
        with self._noting:
            self._name, self._life, self._era, self._last = name, life, era, 0
            if is_another:
                self._seen.clear()
        what = "was begun anew" if is_another else "had lost something"
        log.warning("the store at %s %s; %d records were put back", self.address, what, put)

    def _put(self, life: str, is_another: bool) -> int:
        """How many were put back; all in pieces, as nobody else is answered meanwhile."""
        records = list(self._records())
        keys = [self._life_key, self._writes_key, self.address.key("changed")]
        put = 0
        for first in range(0, len(records), _BATCH):
            piece = chain.from_iterable(records[first : first + _BATCH])
            how = life, int(is_another), self.address.key("changes")
            put += int(_evaluated(self._unasked, scripts.PUT_BACK, keys, (*how, *piece)))
        return put

    def _records(self) -> Iterator[tuple[str, ...]]:
        now = self._time()
        with self._noting:
            seen = list(self._seen.items())
        for place, one in seen:
            left = "" if one.until is None else str(int((one.until - now) * 1000))
            if left and int(left) <= 0:
                continue
            yield place.key, place.id, str(one.number), one.sealed, left, place.token_of


@cache
def _name(script: str) -> str:
    """As the server knows it."""
    return sha1(script.encode(), usedforsecurity=False).hexdigest()


def _evaluated(client: Any, script: str, keys: Sequence[str], args: Sequence[str | int]) -> Any:
    try:
        return client.evalsha(_name(script), len(keys), *keys, *args)
    except NoScriptError:
        return client.eval(script, len(keys), *keys, *args)
