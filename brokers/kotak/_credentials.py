"""What the admin supplies for Kotak Neo, read as people copy it. What cannot be right is found when the config is read,
not by a refused login."""

from __future__ import annotations

import re

from brokers._types import Secret, Text

UCC = re.compile(r"[A-Z0-9]{4,8}", re.ASCII)
MOBILE = re.compile(r"(?:\+?91|0)?([6-9][0-9]{9})", re.ASCII)
MPIN = re.compile(r"[0-9]{4,6}", re.ASCII)
BEARER = re.compile(r"^bearer\s+", re.IGNORECASE)


class Ucc(Text):
    """The client code, in capital letters as Kotak answers it."""

    __slots__ = ()

    def __new__(cls, text: str) -> Ucc:
        plain = text.strip().upper()
        if not UCC.fullmatch(plain):
            raise ValueError(
                "expected the client code (UCC), about five letters and digits; not the longer customer id"
            )
        return super().__new__(cls, plain)


class MobileNumber(Secret):
    """The number registered with the account, as +91 and ten digits: Kotak knows no other form."""

    __slots__ = ()

    def __init__(self, value: str) -> None:
        found = MOBILE.fullmatch(re.sub(r"[\s().-]", "", value))
        if found is None:
            raise ValueError("expected an Indian mobile number: +91 and ten digits")
        super().__init__(f"+91{found[1]}")


class Mpin(Secret):
    __slots__ = ()

    def __init__(self, value: str) -> None:
        super().__init__(value)
        if not MPIN.fullmatch(value):
            raise ValueError("expected the MPIN: six digits")


class ConsumerKey(Secret):
    """The token of the application. Kotak refuses it with the word Bearer before it, which many examples have."""

    __slots__ = ()

    def __init__(self, value: str) -> None:
        plain = BEARER.sub("", value.lstrip(), count=1).strip()
        if not plain or not all("!" <= sign <= "~" for sign in plain):
            raise ValueError("the consumer key is one word without blanks, as the API dashboard shows it")
        super().__init__(plain)
