"""What a server that the store is on says of itself, and whether a store is safe there. Asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from brokers import is_loopback
from kunji._redis import Address

LEAST = (6, 2)
"""The first version that can do all that is asked of it."""
Finding = tuple[bool | None, str]
"""As in `bot.checks`."""


def findings(address: Address, facts: Mapping[str, str]) -> Iterator[Finding]:
    """`facts` is what it says to INFO."""
    version = facts.get("redis_version", "?")
    if _numbers(version) < LEAST:
        yield False, f"store: the server at {address} is Redis {version}; it takes {'.'.join(map(str, LEAST))} or later"
    else:
        yield True, f"store: on the server at {address}, Redis {version}"
    policy = facts.get("maxmemory_policy", "noeviction")
    if facts.get("maxmemory", "0") != "0" and policy != "noeviction":
        yield (
            False,
            f"store: the server drops what it likes when it is full (maxmemory-policy {policy}): set noeviction",
        )
    if facts.get("aof_enabled") == "0":
        yield (
            None,
            "store: the server writes to its disk now and then only; what it acknowledged last is lost if it dies: "
            "set appendonly yes",
        )
    there = facts.get("connected_slaves", "0")
    if address.replicas and facts.get("role") == "master" and int(there) < address.replicas:
        yield None, f"store: every write waits for {address.replicas} copies of the server, and it has {there}"


def on_the_way(address: Address) -> Iterator[Finding]:
    if not address.tls and not is_loopback(f"http://{_in_url(address.host)}"):
        yield (
            None,
            "store: redis:// goes over the network in clear. Tokens are sealed, the server's password is not: use "
            "rediss://, or a tunnel such as WireGuard",
        )


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
