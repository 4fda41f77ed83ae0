"""A backup as a whole, sealed with a passphrase. Knows nothing of what is in it.

    "kunji backup\\n"   format   log₂ n   r   p   salt   nonce   AES-256-GCM text and tag
          13              1        1      1   1    16      12

The key is made of the passphrase by scrypt with n, r and p. All that stands before the text is bound into it.
"""

from __future__ import annotations

import os
import struct
import unicodedata
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bot.backup._contents import BackupError, Contents, from_bytes, to_bytes
from brokers import Secret

FORMAT = 1
MIN_PASSPHRASE = 12
"""Characters. Whoever has the file may guess for as long as they like."""
_MAGIC = b"kunji backup\n"
_HEAD = struct.Struct(f">{len(_MAGIC)}s4B16s12s")


class Cost(NamedTuple):
    """Of one guess: 128 · r · 2^log_n bytes of memory, filled p times."""

    log_n: int
    r: int
    p: int


COST = Cost(17, 8, 1)
_MOST = Cost(18, 8, 4)
"""What a header may ask for: it is believed before anything proves it."""


def seal(contents: Contents, passphrase: Secret, cost: Cost = COST) -> bytes:
    """Raises BackupError if the passphrase is too short."""
    if len(passphrase.reveal()) < MIN_PASSPHRASE:
        raise BackupError(f"the passphrase is too short: at least {MIN_PASSPHRASE} characters")
    salt, nonce = os.urandom(16), os.urandom(12)
    head = _HEAD.pack(_MAGIC, FORMAT, *cost, salt, nonce)
    return head + _cipher(passphrase, salt, cost).encrypt(nonce, to_bytes(contents), head)


def unseal(data: bytes, passphrase: Secret) -> Contents:
    """Raises BackupError."""
    head = data[: _HEAD.size]
    cost, salt, nonce = _read(head)
    try:
        text = _cipher(passphrase, salt, cost).decrypt(nonce, data[_HEAD.size :], head)
    except InvalidTag:
        raise BackupError("the passphrase is wrong, or the backup is damaged; nothing was restored") from None
    return from_bytes(text)


def _read(head: bytes) -> tuple[Cost, bytes, bytes]:
    if len(head) < _HEAD.size or not head.startswith(_MAGIC):
        raise BackupError("this is no backup made by kunji")
    _, version, log_n, r, p, salt, nonce = _HEAD.unpack(head)
    if version > FORMAT:
        raise BackupError("the backup was made by a newer version of kunji", hint="install that one")
    cost = Cost(log_n, r, p)
    if version < FORMAT or not all(1 <= asked <= most for asked, most in zip(cost, _MOST, strict=True)):
        raise BackupError("the backup is damaged: its first bytes are not what kunji writes")
    return cost, salt, nonce


def _cipher(passphrase: Secret, salt: bytes, cost: Cost) -> AESGCM:
    # The same letters are other bytes on another system's keyboard.
    typed = unicodedata.normalize("NFC", passphrase.reveal()).encode(errors="surrogateescape")
    try:
        return AESGCM(Scrypt(salt=salt, length=32, n=2**cost.log_n, r=cost.r, p=cost.p).derive(typed))
    except MemoryError:
        raise BackupError(f"a backup takes {128 * cost.r * 2**cost.log_n >> 20} MiB of free memory") from None
