"""Which addresses a config may name."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from bot.clock import is_loopback

_HOST = re.compile(r"[a-z0-9.:-]+")


def broker_address(text: str, domain: str) -> str:
    """One of this machine, or https under the broker's own domain; without a slash at the end. Raises ValueError."""
    parts = _parts(text)
    host = (parts.hostname or "").rstrip(".") if parts else ""
    own = parts is not None and parts.scheme == "https" and (host == domain or host.endswith(f".{domain}"))
    if parts is None or not (own or is_loopback(text)):
        raise ValueError(f"expected an https:// address under {domain}, or one of this machine")
    return text.rstrip("/")


def telegram_address(text: str) -> str:
    """The address of a Bot API server: https, or plain http on this machine. Raises ValueError."""
    parts = _parts(text)
    if parts is None or not (parts.scheme == "https" or is_loopback(text)):
        raise ValueError("expected an https:// address, or http:// of this machine such as http://127.0.0.1:8081")
    return text.rstrip("/")


def proxy_address(text: str) -> str:
    """Raises ValueError."""
    parts = _split(text)
    if parts is None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("expected a proxy's address such as http://proxy.example:3128")
    return text


def password_in(address: str) -> str | None:
    parts = _split(address)
    return parts.password if parts else None


def _parts(text: str) -> SplitResult | None:
    """An address with nothing in it but scheme, host, port and path."""
    parts = _split(text)
    if parts is None or "@" in parts.netloc or parts.query or parts.fragment:
        return None
    return parts


def _split(text: str) -> SplitResult | None:
    if any(sign.isspace() or not sign.isprintable() or sign == "\\" for sign in text):
        return None  # what one parser skips another takes for part of the host
    try:
        parts = urlsplit(text)
        _ = parts.port  # a port out of range is found out only when asked for
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") else None
