"""The error tree. An error is named for what to do next.

A message is shown to people as it is: lower case, no full stop, never a URL, a reply's body or a secret.
`KunjiError` is the root of all our errors, in every package above this one too.
"""

from __future__ import annotations


class KunjiError(Exception):
    """Something a person can be told about. `hint` says what to do, if there is something to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class BrokerError(KunjiError):
    """The broker refused, failed or made no sense."""


class BrokerUnreachable(BrokerError):
    """Network, timeout, 5xx, HTML where JSON was promised: says nothing about credentials or token. Try again."""


class RateLimited(BrokerError):
    """Asked too often. `retry_after` is in seconds, None where the broker does not say."""

    def __init__(self, message: str, *, retry_after: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class LoginRejected(BrokerError):
    """PIN, password or key refused, or the account blocked. Never tried again by itself: accounts get locked."""


class CodeRejected(LoginRejected):
    """The TOTP code was refused. One more try, in a later window."""


class ConsentRejected(BrokerError):
    """The request token was used, too old, or not what was expected. Log in again."""


class TokenRejected(BrokerError):
    """The access token is no longer accepted. Refresh."""


class NotEntitled(BrokerError):
    """The account may not do this (segment, subscription). A new token does not help."""


class NotSupported(BrokerError):
    """This broker has no such call."""


class WrongClient(BrokerError):
    """A token or a postback belongs to another client than the configured one. Never kept."""


class UnexpectedReply(BrokerError):
    """Not what the documentation says. Report it."""
