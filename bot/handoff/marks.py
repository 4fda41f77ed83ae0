"""ETags of tokens: they tell one token from another, and nothing about either."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

from bot.store import HeldToken


class Marks:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, account: str, held: HeldToken) -> str:
        """As it stands in the header, quotes and all."""
        about = f"{account}\0{held.token.value.reveal()}".encode(errors="surrogatepass")
        return f'"{urlsafe_b64encode(hmac.digest(self._key, about, "sha256")[:18]).decode()}"'


def mark_in(text: str) -> str:
    """One mark as a program gives it back: with its quotes or without, strong or weakened by a proxy."""
    return f'"{text.strip().removeprefix("W/").strip(chr(34))}"'


def marks_in(header: str) -> frozenset[str]:
    return frozenset(mark_in(text) for text in header.split(",") if text.strip())
