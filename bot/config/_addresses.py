"""Which addresses a config may name."""

from __future__ import annotations

from brokers import Secret, http_parts, is_loopback, plain_parts
from kunji import StoreUnreadable
from kunji._redis import parse


def telegram_address(text: str) -> str:
    """The address of a Bot API server: https, or plain http on this machine. Raises ValueError."""
    parts = plain_parts(text)
    if parts is None or not (parts.scheme == "https" or is_loopback(text)):
        raise ValueError("expected an https:// address, or http:// of this machine such as http://127.0.0.1:8081")
    return text.rstrip("/")


def public_address(text: str) -> str:
    """Where browsers and brokers reach the public door. Raises ValueError."""
    parts = plain_parts(text)
    if parts is None or not (parts.scheme == "https" or is_loopback(text)):
        raise ValueError("expected an https:// address such as https://kunji.example.com")
    return text.rstrip("/")


def heartbeat_address(text: str) -> Secret:
    """Whoever knows it can send heartbeats in our place. Raises ValueError."""
    parts = http_parts(text)
    plain = parts and parts.scheme == "http" and is_loopback(f"http://{parts.netloc}")
    if parts is None or "@" in parts.netloc or not (parts.scheme == "https" or plain):
        raise ValueError("expected an https:// address")
    return Secret(text)


def proxy_address(text: str) -> str:
    """Raises ValueError."""
    parts = http_parts(text)
    if parts is None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("expected a proxy's address such as http://proxy.example:3128")
    return text


def password_in(address: str) -> str | None:
    parts = http_parts(address)
    return parts.password if parts else None


def store_address(text: str) -> str:
    """Where a store on a server is reached. Raises ValueError."""
    try:
        parse(text)
    except StoreUnreadable as error:
        raise ValueError(str(error)) from None
    return text
