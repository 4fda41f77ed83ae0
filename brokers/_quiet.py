"""Keeps queries out of the log of the library under our requests, for the whole process."""

from __future__ import annotations

import logging


class _NoQueries(logging.Filter):
    """Cuts queries out of what urllib3 logs: at DEBUG it logs every path with its query, and so the PIN."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        record.exc_info = None
        return True


_QUIET = _NoQueries()


def cut_queries_in_logs() -> None:
    """Hang the filter on the loggers themselves, so that it holds whatever handlers and levels a program has set.
    Adding it again does nothing."""
    for name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(_QUIET)
