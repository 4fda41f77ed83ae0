"""Reaching a store on a Redis server: its address, connections, the names of keys, and failures in our words. Knows
nothing of what is kept there.

The address: `redis://[[user:]password@]host[:port][/number][?option=value&…]`, with TLS `rediss://…`. Options: `prefix`
(of every key, `kunji`), `replicas` (a write counts when so many copies of the server have it, 0), and for TLS `ca`,
`cert`, `key` (files in PEM).

What lies there, each sealed as in the files of a store on one machine, after the number of the write it came with:

    <prefix>:life                <format> <sealed>: tells one store from another, and a wrong key at once
    <prefix>:era                 changes when something was lost and put back
    <prefix>:writes              the number of the last write
    <prefix>:token:<account>     a token; the server drops it when it has expired
    <prefix>:kept                by account: what is known of its token without anything secret, which stays
    <prefix>:changed             by account: the number of the write that last changed its token
    <prefix>:changes             the channel on which its name is called then
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from kunji._errors import StoreAway, StoreUnreadable

if TYPE_CHECKING:
    from redis import Redis

SCHEMES = ("redis", "rediss")
CONNECT_WITHIN, ANSWER_WITHIN = 2.0, 3.0
"""Seconds."""
CONNECTIONS = 1024
"""At most, from one process: one for each thread that asks at the same time."""
LAST_NUMBER = 10**15 - 1
"""Of a write: what lies beyond it was written by nobody of ours, and could not be counted on exactly."""
_NUMBERED = re.compile(r"([0-9]{1,15}) (.*)", re.ASCII)
_FILES = ("ca", "cert", "key")
_PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_WORD = re.compile(r"[A-Za-z]{1,32}", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Printing it shows no password."""

    host: str
    port: int
    number: int
    """Of the database on the server."""
    user: str | None
    password: str | None
    tls: bool
    files: dict[str, str]
    """`ca`, `cert`, `key`, where given."""
    prefix: str
    replicas: int

    def __str__(self) -> str:
        scheme = "rediss" if self.tls else "redis"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/{self.number}"

    def __repr__(self) -> str:
        return str(self)

    def key(self, name: str) -> str:
        return f"{self.prefix}:{name}"


def is_address(place: str) -> bool:
    """Whether it is on a server at all; a path is not."""
    return "://" in place


def parse(text: str) -> Address:
    """Raises StoreUnreadable, which never shows the text: it may hold a password."""
    try:
        parts = urlsplit(text)
        port = parts.port or 6379
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise _wrong("it is no address") from None
    if parts.scheme not in SCHEMES:
        raise _wrong("it must begin with redis:// or rediss://")
    if not parts.hostname:
        raise _wrong("it names no host")
    number = parts.path.strip("/") or "0"
    if not _NUMBER.fullmatch(number) or parts.fragment:
        raise _wrong("after the host only the number of a database may follow, such as /0")
    known = {"prefix", "replicas", *(_FILES if parts.scheme == "rediss" else ())}
    if options.keys() - known:  # it may be the rest of a password with a question mark in it
        raise _wrong(f"it has an option other than {', '.join(sorted(known))}")
    given = {name: values[-1] for name, values in options.items()}
    return Address(
        host=parts.hostname,
        port=port,
        number=int(number),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "rediss",
        files={name: os.path.expanduser(given[name]) for name in _FILES if name in given},
        prefix=_prefix(given.get("prefix", "kunji")),
        replicas=_count(given.get("replicas", "0")),
    )


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise _wrong("prefix is a word of letters, digits, dots and dashes")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 10):
        raise _wrong("replicas is a number below 10")
    return int(text)


def _wrong(why: str) -> StoreUnreadable:
    return StoreUnreadable(f"the address of the store is wrong: {why}; like redis://user:password@host:6379/0")


def numbered(text: str) -> tuple[int, str] | None:
    """The number a record stands after, and what is sealed; None if it is no record of ours."""
    found = _NUMBERED.fullmatch(text)
    return None if found is None else (int(found[1]), found[2])


def connect(
    address: Address, met: Callable[[Any], None] | None = None, *, answer_within: float = ANSWER_WITHIN
) -> Redis:
    """A client that connects when it is first asked, and tries nothing twice. `met` is called with every new
    connection before it is used. Raises StoreUnreadable if the package redis is not there."""
    try:
        from redis import Connection, ConnectionPool, Redis, SSLConnection
        from redis.backoff import NoBackoff
        from redis.maint_notifications import MaintNotificationsConfig
        from redis.retry import Retry
    except ImportError:
        raise StoreUnreadable("a store on a server needs the package redis: pip install 'kunji[redis]'") from None

    def meet(connection: Any) -> None:
        connection.on_connect()
        if met is not None:
            met(connection)

    tls: dict[str, Any] = {
        "ssl_ca_certs": address.files.get("ca"),
        "ssl_certfile": address.files.get("cert"),
        "ssl_keyfile": address.files.get("key"),
    }
    return Redis(
        connection_pool=ConnectionPool(
            SSLConnection if address.tls else Connection,
            max_connections=CONNECTIONS,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
            host=address.host,
            port=address.port,
            db=address.number,
            username=address.user,
            password=address.password,
            protocol=2,
            decode_responses=True,
            encoding_errors="backslashreplace",  # all that is ours is ASCII; what else lies there is refused as such
            socket_connect_timeout=CONNECT_WITHIN,
            socket_timeout=answer_within,
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=meet,
            driver_info=None,
            **(tls if address.tls else {}),
        )
    )


def has_begun(address: Address) -> bool:
    """Whether there is a store. Raises StoreUnreadable."""
    client = connect(address)
    try:
        return bool(client.exists(address.key("life")))
    except Exception as error:
        raise in_words(error, address) from None
    finally:
        client.close()


_FULL, _COPY = "the store at {} is full", "the store at {} is a copy now and takes no writes"
_PASSES = {
    "BusyLoadingError": "the store at {} is still starting",
    "OutOfMemoryError": _FULL,
    "ReadOnlyError": _COPY,
    "TimeoutError": "the store at {} does not answer",
    "OOM": _FULL,
    "READONLY": _COPY,
    "NOREPLICAS": "the store at {} has too few copies and takes no writes",
    "MISCONF": "the store at {} cannot write to its disk",
}
_STAYS = {
    "AuthenticationError": "the store at {} does not take the user or the password",
    "AuthorizationError": "the store at {} does not take the user or the password",
    "NoPermissionError": "the store at {} does not allow this user what kunji needs",
}
"""By the class of the client's exception, or where it has none the first word of the server's."""


def in_words(error: Exception, address: Address) -> StoreUnreadable:
    """What a failure of the client or the server is for a person: a StoreAway if it may pass."""
    from redis.exceptions import ResponseError

    kind, said = type(error).__name__, str(error)
    # A server before 7 puts what goes wrong in a script after a minus, in a sentence of its own.
    within = re.search(r"-(OOM|READONLY|NOREPLICAS|MISCONF)\b", said)
    word = within[1] if within else said.partition(" ")[0]
    if passes := _PASSES.get(kind) or _PASSES.get(word):
        return StoreAway(passes.format(address))
    if stays := _STAYS.get(kind):
        return StoreUnreadable(stays.format(address))
    if isinstance(error, ResponseError):
        return StoreUnreadable(f"the store at {address} answers with an error: {_shown(word)}")
    for option, file in address.files.items():
        if not os.access(file, os.R_OK):
            return StoreUnreadable(f"the address of the store says {option}={file}, and that file cannot be read")
    if "certificate" in said.lower():
        return StoreUnreadable(f"the certificate of the store at {address} is not to be trusted")
    return StoreAway(f"the store at {address} cannot be reached")


def _shown(word: str) -> str:
    """Such as WRONGTYPE. Whoever has the server may let it say anything."""
    return word if _WORD.fullmatch(word) else "one that is not known"
