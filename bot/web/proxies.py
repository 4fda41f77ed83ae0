"""Who asks at the public door. Anybody can write anything into a header: a trusted proxy alone is believed, and only
about who asked it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

from bot.listening import IPNetwork, Place, UnixSocket

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Callers:
    def __init__(self, trusted: Sequence[IPNetwork], place: Place) -> None:
        self._trusted = trusted
        self._place = place

    def of(self, scope: Scope) -> IPAddress | None:
        """The nearest address that is no trusted proxy's. None: on a Unix socket, if nothing is said."""
        peer = address(scope["client"][0]) if scope["client"] else None
        said = ",".join(Headers(scope=scope).getlist("X-Forwarded-For"))
        return self.nearest(peer, said.split(","))

    def nearest(self, peer: IPAddress | None, forwarded: Sequence[str]) -> IPAddress | None:
        """Each proxy adds at the end who asked it; before that stands what it was told itself."""
        caller = peer
        for text in reversed(forwarded):
            further = address(text.strip()) if self.trusts(caller) else None
            if further is None:
                break
            caller = further
        return caller

    def trusts(self, peer: IPAddress | None) -> bool:
        """Whoever can open our Unix socket is this user, who could read the store as well."""
        if peer is None:
            return isinstance(self._place, UnixSocket)
        return any(peer in network for network in self._trusted)


def address(text: str) -> IPAddress | None:
    """None if it is none. An IPv4 address in the clothes of IPv6 is the same as without them."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found
