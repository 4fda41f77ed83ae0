"""Which addresses a broker may be asked at: its own, or this machine's."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_HOST = re.compile(r"[a-z0-9.:-]+")


def own_address(text: str, domain: str) -> str:
    """One of this machine, or https under the broker's own domain; without a slash at the end. Raises ValueError."""
    parts = plain_parts(text)
    host = (parts.hostname or "").rstrip(".") if parts else ""
    own = parts is not None and parts.scheme == "https" and (host == domain or host.endswith(f".{domain}"))
    if parts is None or not (own or is_loopback(text)):
        raise ValueError(f"expected an https:// address under {domain}, or one of this machine")
    return text.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether this address leads to this machine and cannot be read as leading elsewhere."""
    parts = plain_parts(url)
    host = parts.hostname if parts else None
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def plain_parts(text: str) -> SplitResult | None:
    """An http or https address with nothing in it but scheme, host, port and path."""
    parts = http_parts(text)
    if parts is None or "@" in parts.netloc or parts.query or parts.fragment:
        return None
    return parts


def http_parts(text: str) -> SplitResult | None:
    """An http or https address that every parser reads alike."""
    if any(sign.isspace() or not sign.isprintable() or sign == "\\" for sign in text):
        return None  # what one parser skips another takes for part of the host
    try:
        parts = urlsplit(text)
        _ = parts.port  # a port out of range is found out only when asked for
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") else None
