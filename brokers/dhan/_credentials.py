"""What the admin supplies for Dhan. What cannot be right is found when the config is read, not by a refused login."""

from __future__ import annotations

from brokers._types import Secret, Text


class ClientId(Text):
    """Digits; how many Dhan does not promise."""

    __slots__ = ()

    def __new__(cls, text: str) -> ClientId:
        if not (text.isascii() and text.isdecimal()):
            raise ValueError("expected the account's number, made of digits only")
        return super().__new__(cls, text)


class Pin(Secret):
    """Digits; Dhan's own pages differ about how many."""

    __slots__ = ()

    def __init__(self, value: str) -> None:
        super().__init__(value)
        if not (value.isascii() and value.isdecimal()):
            raise ValueError("the PIN is made of digits only")
