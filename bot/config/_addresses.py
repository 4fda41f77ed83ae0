"""Which addresses a config may name."""

from __future__ import annotations

from brokers import http_parts, is_loopback, plain_parts


def telegram_address(text: str) -> str:
    """The address of a Bot API server: https, or plain http on this machine. Raises ValueError."""
    parts = plain_parts(text)
    if parts is None or not (parts.scheme == "https" or is_loopback(text)):
        raise ValueError("expected an https:// address, or http:// of this machine such as http://127.0.0.1:8081")
    return text.rstrip("/")


def proxy_address(text: str) -> str:
    """Raises ValueError."""
    parts = http_parts(text)
    if parts is None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("expected a proxy's address such as http://proxy.example:3128")
    return text


def password_in(address: str) -> str | None:
    parts = http_parts(address)
    return parts.password if parts else None
