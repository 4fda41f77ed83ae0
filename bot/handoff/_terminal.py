"""The terminal, lent to a program as a shell would: what is typed goes to it, and Ctrl-C and Ctrl-Z reach it once."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

_INPUT = 0


class Terminal:
    """Does nothing where there is no terminal, or where this process is not in its foreground."""

    def __init__(self) -> None:
        self._ours = os.getpgrp()

    def lend(self, group: int) -> None:
        if _foreground() == self._ours:
            _bring_to_front(group)
        # It may have been stopped for reading what was not yet its own.
        send_all(group, signal.SIGCONT)

    def take_back(self, group: int) -> bool:
        """Whether that group had it."""
        had = _foreground() == group
        if had:
            _bring_to_front(self._ours)
        return had

    def stop_along(self, group: int) -> None:
        """The program was stopped by Ctrl-Z: so is all of this job, until the shell lets it go on."""
        if self.take_back(group):
            send_all(self._ours, signal.SIGTSTP)
            self.lend(group)


def send_all(group: int, number: signal.Signals) -> None:
    """Signal everything in the group, should there be anything left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _foreground() -> int | None:
    with suppress(OSError):
        return os.tcgetpgrp(_INPUT)
    return None


def _bring_to_front(group: int) -> None:
    # Whoever is not in the foreground is stopped for such a call, unless it wants to hear nothing of that.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
    try:
        with suppress(OSError):
            os.tcsetpgrp(_INPUT, group)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTTOU])
