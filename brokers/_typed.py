"""A TOTP code that the admin types: for brokers whose login needs nothing else from a person."""

from __future__ import annotations

import re

from brokers._errors import ConsentRejected
from brokers._types import Secret

SIX_DIGITS = "the six digits of your authenticator app"
_CODE = re.compile("[0-9]{6}", re.ASCII)


def digits_in(pasted: Secret, title: str) -> Secret:
    """The six digits, also with blanks between them, and nothing else. Raises ConsentRejected."""
    digits = "".join(pasted.reveal().split())
    if _CODE.fullmatch(digits):
        return Secret(digits)
    if "://" in digits:
        raise ConsentRejected(f"{title} needs no address for this login; send {SIX_DIGITS}")
    raise ConsentRejected(f"expected {SIX_DIGITS} and nothing else")
