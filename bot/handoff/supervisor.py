"""Runs one program until it ends by itself: passes signals on to it, and restarts or signals it for a new token."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from bot.handoff._terminal import Terminal, send_all

RESTART = "restart"
WAYS = (RESTART, "SIGHUP", "SIGUSR1")
"""What can be done for a new token."""
_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
AT_MOST_EVERY = 10.0
"""Seconds: what comes sooner after a restart or a signal waits, and only the newest of it counts. Tokens do not change
so fast unless somebody spoils the store."""
_TO_END = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
"""After one of these the program is not restarted any more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run, and how."""

    command: Sequence[str]
    environment: Mapping[str, str]
    """Without the accounts' values."""
    on_refresh: str
    """One of `WAYS`."""
    grace: float
    """Seconds the program has to end for a restart before it is killed."""
    at_most_every: float = AT_MOST_EVERY


class NotStarted(Exception):
    """The program cannot be run; the cause says why."""


class Supervisor:
    """To be used in the main thread, once. The program has a process group of its own, so that a restart ends all that
    it started, too: two of them would trade twice."""

    def __init__(
        self, wanted: Wanted, newest: Callable[[], dict[str, str]], say: Callable[[str], object], *, look_every: float
    ) -> None:
        """`newest` gives the accounts' values as they are now; it is asked every so many seconds."""
        self._wanted = wanted
        self._newest = newest
        self._say = say
        self._look_every = look_every
        self._terminal = Terminal()
        self._child: subprocess.Popen[bytes] | None = None
        self._missed: list[int] = []
        """Signals that came while there was no program to be told."""
        self._asked_to_end = False
        self._may_act_at = float("-inf")
        """By the monotonic clock."""
        self._woken, self._wake = os.pipe()

    def run(self, values: dict[str, str]) -> int:
        """How it ended: its exit code, or the number of a signal below zero. Raises NotStarted."""
        self._listen()
        while True:
            child = self._start(values)
            code = self._watched(child, values)
            self._child = None
            self._terminal.take_back(child.pid)
            if code is not None:
                return code
            values = self._newest()
            if self._asked_to_end:
                return child.returncode

    def _listen(self) -> None:
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGCONT, self._go_on)
        for number in _PASSED_ON:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as by nohup: then the program ignores it, too
                signal.signal(number, self._pass_on)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._asked_to_end = self._asked_to_end or number in _TO_END
        if self._child is None:
            self._missed.append(number)
        else:
            _tell(self._child, number)

    def _go_on(self, _number: int, _frame: FrameType | None) -> None:
        if self._child is not None:
            self._terminal.lend(self._child.pid)

    def _start(self, values: dict[str, str]) -> subprocess.Popen[bytes]:
        environment = {**self._wanted.environment, **values}
        try:
            child = subprocess.Popen(self._wanted.command, env=environment, process_group=0)  # noqa: S603 -- the user's own
        except (OSError, ValueError) as error:
            raise NotStarted from error
        self._child = child
        self._terminal.lend(child.pid)
        while self._missed:
            _tell(child, self._missed.pop(0))
        return child

    def _watched(self, child: subprocess.Popen[bytes], values: dict[str, str]) -> int | None:
        """As `_watch`. A program that nobody watches any more is ended."""
        try:
            return self._watch(child, values)
        except BaseException:
            self._end(child)
            raise

    def _watch(self, child: subprocess.Popen[bytes], values: dict[str, str]) -> int | None:
        """How it ended; None if it was ended to begin again."""
        while not self._has_ended(child):
            self._nap()
            newest = values if self._asked_to_end else self._newest()
            if newest == values or time.monotonic() < self._may_act_at:
                continue
            values = newest
            self._may_act_at = time.monotonic() + self._wanted.at_most_every
            if self._wanted.on_refresh == RESTART:
                self._say("there is a new token: the program is restarted")
                self._end(child)
                return child.returncode if self._asked_to_end else None
            _tell(child, signal.Signals[self._wanted.on_refresh])
        return child.returncode

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        """End it with everything it started."""
        send_all(child.pid, signal.SIGTERM)
        send_all(child.pid, signal.SIGCONT)
        until = time.monotonic() + self._wanted.grace
        while not (self._has_ended(child) and _is_empty(child.pid)) and time.monotonic() < until:
            self._nap()
        send_all(child.pid, signal.SIGKILL)
        while not self._has_ended(child):
            self._nap()

    def _has_ended(self, child: subprocess.Popen[bytes]) -> bool:
        # All of them are waited for: orphans come to the first process of a container.
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG | os.WUNTRACED)) != (0, 0):
                self._note(child, *found)
        return child.returncode is not None

    def _note(self, child: subprocess.Popen[bytes], pid: int, status: int) -> None:
        if pid != child.pid:
            return
        if os.WIFSTOPPED(status):
            self._terminal.stop_along(pid)
        else:
            child.returncode = os.waitstatus_to_exitcode(status)

    def _nap(self) -> None:
        """Until the next look, or a signal."""
        select.select([self._woken], [], [], self._look_every)
        try:
            os.read(self._woken, 1024)
        except BlockingIOError:
            return


def _tell(child: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(child.pid, number)


def _is_empty(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # macOS, of what has ended and was not yet waited for
        return False
    return False
