"""TOTP codes by RFC 6238, as an authenticator app and a broker's server make them.

Written apart from the library the program uses, so that a fault is not on both sides.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

PERIOD = 30


def window_at(unix: float) -> int:
    return int(unix // PERIOD)


def code_in(secret: str, window: int) -> str:
    """The six digits of that window. The secret is base32, however it is grouped."""
    plain = "".join(c for c in secret.upper() if c.isalnum())
    key = base64.b32decode(plain + "=" * (-len(plain) % 8))
    digest = hmac.new(key, window.to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06d}"


def window_of(secret: str, code: str, unix: float, either_side: int) -> int | None:
    """The window the code belongs to, if it is the current one or at most so many away."""
    now = window_at(unix)
    for window in sorted(range(now - either_side, now + either_side + 1), key=lambda w: abs(w - now)):
        if window >= 0 and hmac.compare_digest(code_in(secret, window).encode(), code.encode()):
            return window
    return None
