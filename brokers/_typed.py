"""Logins that need nothing of a person but the six digits of an authenticator: made here where the TOTP secret is
configured, else typed by the admin.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from brokers._base import Broker, ConfigT
from brokers._errors import CodeRejected, ConsentRejected
from brokers._totp import SENT_AT_LEAST
from brokers._types import AccessToken, Consent, Secret

SIX_DIGITS = "the six digits of your authenticator app"
_CODE = re.compile("[0-9]{6}", re.ASCII)


class ByCode(Broker[ConfigT]):
    """A broker that is logged in to with a code."""

    ways: ClassVar = {"auto": ("totp_secret",), "assisted": ()}

    @abstractmethod
    def log_in_with(self, code: Secret) -> AccessToken:
        """One attempt with this code."""

    def login(self) -> AccessToken | Consent:
        if self.given.login == "assisted":
            return Consent(None, SIX_DIGITS)
        return self.log_in_with(self.code(SENT_AT_LEAST).digits)

    def answer_in(self, pasted: Secret) -> Secret:
        if self.given.login != "assisted":
            raise ConsentRejected("this account logs in by itself; nothing needs to be sent for it")
        return _digits_in(pasted, self.title)

    def exchange(self, answer: Secret) -> AccessToken:
        with _typed():
            return self.log_in_with(self.answer_in(answer))


def _digits_in(pasted: Secret, title: str) -> Secret:
    """The six digits, also with blanks between them, and nothing else. Raises ConsentRejected."""
    digits = "".join(pasted.reveal().split())
    if _CODE.fullmatch(digits):
        return Secret(digits)
    if "://" in digits:
        raise ConsentRejected(f"{title} needs no address for this login; send {SIX_DIGITS}")
    raise ConsentRejected(f"expected {SIX_DIGITS} and nothing else")


@contextmanager
def _typed() -> Iterator[None]:
    """A code that a person sent was not made here: where it is refused, no clock and no secret of ours is to blame."""
    try:
        yield
    except CodeRejected as error:
        raise CodeRejected(
            error.message, hint="was it this account's, and did your app still show it when you sent it?"
        ) from None
