"""Keeps secrets out of other people's logs: brokers' official clients write tokens and keys into theirs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_PUT_IN_PLACE = "[secret]"
_SHORTEST = 6
"""Shorter values are no secrets, and would turn up in any text."""
_secrets: set[str] = set()


def hush(loggers: Iterable[str], secrets: Iterable[str]) -> None:
    """From now on none of the secrets is shown by these loggers."""
    _secrets.update(secret for secret in secrets if len(secret) >= _SHORTEST)
    for name in loggers:
        logging.getLogger(name).addFilter(_without_secrets)


@contextmanager
def silent(logger: str) -> Iterator[None]:
    """Nothing is logged there meanwhile."""
    found = logging.getLogger(logger)
    before, found.disabled = found.disabled, True
    try:
        yield
    finally:
        found.disabled = before


def _without_secrets(record: logging.LogRecord) -> bool:
    try:
        text = record.getMessage()
    except (TypeError, ValueError):
        return False  # logging would show its parts
    record.msg, record.args = _covered(text), None
    if record.exc_info:
        shown = logging.Formatter().formatException(record.exc_info)
        if _covered(shown) != shown:
            record.exc_text, record.exc_info = _covered(shown), None
    return True


def _covered(text: str) -> str:
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, _PUT_IN_PLACE)
    return text
