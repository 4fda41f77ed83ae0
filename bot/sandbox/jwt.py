"""Makes tokens that look like the brokers' own. Nobody is meant to verify them, least of all the stand-ins."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def make_jwt(claims: Mapping[str, object]) -> str:
    """A signed token. The key is a new one each time, so that two tokens of one second differ."""
    head = _part(json.dumps({"typ": "JWT", "alg": "HS512"}, separators=(",", ":")).encode())
    body = _part(json.dumps(dict(claims), separators=(",", ":")).encode())
    signature = hmac.new(secrets.token_bytes(32), f"{head}.{body}".encode(), hashlib.sha512).digest()
    return f"{head}.{body}.{_part(signature)}"
