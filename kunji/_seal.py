"""Sealing and opening a value, and the keys it is done with. Knows nothing of files, accounts or tokens.

A sealed value is `<name of the key>.<base64url of nonce and AES-256-GCM text>`. What it is about (its kind, its
account, …) is bound into it together with the version of the format, so that it opens nowhere else.

A key is 32 random bytes, written as base64. A key ring is one or several of them one after the other, as text
separated by blanks or commas: the first one seals, all of them open. There are several only while keys are changed.
"""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kunji._errors import StoreUnreadable

FORMAT = 1
"""Of files and sealed values."""
KEY_SIZE = 32
_NONCE_SIZE = 12


def new_key() -> bytes:
    return os.urandom(KEY_SIZE)


def derive(key: bytes, purpose: str) -> bytes:
    """32 bytes that only holders of the key can make, different for every purpose."""
    return hmac.digest(key, f"kunji {purpose}".encode(), "sha256")


def parse_ring(text: str, place: str) -> bytes:
    """The keys in a text. Raises StoreUnreadable, naming the place and never the text."""
    words = text.replace(",", " ").split()
    try:
        keys = [_from_base64(word.replace("+", "-").replace("/", "_")) for word in words]
    except (NotBase64, ValueError):
        keys = []
    if not keys or any(len(key) != KEY_SIZE for key in keys):
        raise StoreUnreadable(f"{place} holds no key; a key is 32 bytes written as base64 (44 characters)")
    return b"".join(keys)


def write_ring(ring: bytes) -> str:
    """A ring as text, one key a line."""
    return "".join(urlsafe_b64encode(key).decode() + "\n" for key in split_ring(ring))


def split_ring(ring: bytes) -> list[bytes]:
    if not ring or len(ring) % KEY_SIZE:
        raise ValueError("a key ring is one or several keys of 32 bytes")
    return [ring[at : at + KEY_SIZE] for at in range(0, len(ring), KEY_SIZE)]


class Sealer:
    """Seals and opens with one key."""

    __slots__ = ("_cipher", "key", "name")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.name = derive(key, "name").hex()[:16]
        """Tells a wrong key from a damaged value; says nothing about the key."""
        self._cipher = AESGCM(derive(key, "seal"))

    def __repr__(self) -> str:
        return f"Sealer({self.name})"

    def seal(self, text: str, *about: str) -> str:
        nonce = os.urandom(_NONCE_SIZE)
        return f"{self.name}.{_to_base64(nonce + self._cipher.encrypt(nonce, text.encode(), _bound(about)))}"

    def open(self, sealed: str, *about: str) -> str:
        """Raises StoreUnreadable if it was not sealed so."""
        try:
            raw = _from_base64(sealed.partition(".")[2])
            return self._cipher.decrypt(raw[:_NONCE_SIZE], raw[_NONCE_SIZE:], _bound(about)).decode()
        except (InvalidTag, NotBase64, ValueError):
            raise StoreUnreadable(f"the record {'/'.join(about)} is damaged, or belongs in another place") from None


class Ring:
    """The keys at hand. Asks `source` for the ring when it meets a key that is not among them: they may have been
    changed meanwhile. Thread-safe."""

    def __init__(self, source: Callable[[], bytes]) -> None:
        self._source = source
        self._sealers: dict[str, Sealer] = {}

    def first(self) -> Sealer:
        """The one to seal with, as it is now."""
        sealers = [Sealer(key) for key in split_ring(self._source())]
        self._sealers = {sealer.name: sealer for sealer in sealers}
        return sealers[0]

    def named(self, name: str, place: str) -> Sealer:
        """Raises StoreUnreadable if none of the keys has that name."""
        found = self._sealers.get(name)
        if found is None:
            self.first()
            found = self._sealers.get(name)
        if found is None:
            raise StoreUnreadable(
                f"the key does not fit {place}: another one sealed it; put that one back, nothing was changed"
            )
        return found

    def open(self, sealed: str, *about: str) -> str:
        """Raises StoreUnreadable."""
        return self.named(sealed.partition(".")[0], f"the record {'/'.join(about)}").open(sealed, *about)


def _bound(about: tuple[str, ...]) -> bytes:
    return "\0".join(("kunji", str(FORMAT), *about)).encode()


def _to_base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _from_base64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
