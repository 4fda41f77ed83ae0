"""Where a door of ours stands: a Unix socket or a port. Values only; opens nothing."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from kunji._places import can_be_named

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNIX = "unix:"
_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<v4>[0-9.]+)|(?P<name>localhost)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class UnixSocket:
    path: Path

    @property
    def is_of_this_machine(self) -> bool:
        return True

    def __str__(self) -> str:
        return f"{_UNIX}{self.path}"


@dataclass(frozen=True, slots=True)
class Port:
    host: str
    """A numeric address."""
    port: int
    """0: any free one."""

    @property
    def is_of_this_machine(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Place = UnixSocket | Port


@dataclass(frozen=True, slots=True)
class Tls:
    certificate: Path
    """With the chain, in PEM."""
    key: Path


def place(text: str) -> Place:
    """Raises ValueError."""
    if text.startswith(_UNIX) and text != _UNIX and can_be_named(text):
        return UnixSocket(Path(os.path.expanduser(text.removeprefix(_UNIX))))
    found = _PORT.fullmatch(text)
    try:
        if found and int(found["port"]) <= 65535:
            return Port(str(ipaddress.ip_address(found["v6"] or found["v4"] or "127.0.0.1")), int(found["port"]))
    except ValueError:
        pass
    raise ValueError('expected an address and a port such as "127.0.0.1:8731", or a socket such as "unix:kunji.sock"')
