"""`kunji exec`: runs a program with accounts' values in its environment, and lets it know of new ones.

Without `on_refresh` the program takes the place of this process. Knows the store through `kunji.Reader` alone.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn

from bot.handoff.supervisor import NotStarted, Supervisor, Wanted
from kunji import Error, NoLiveToken, Reader
from kunji._errors import SetTwice
from kunji._formats import together
from kunji._reader import is_called

NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""Exit codes, as shells have them."""
_LOOK_EVERY, _LOOK_EVERY_IF_CALLED = 0.25, 0.05
"""Seconds between two looks at the tokens: at files, and at what a server has told already."""


class Source:
    """The newest live values of some accounts."""

    def __init__(self, readers: Sequence[Reader], say: Callable[[str], object]) -> None:
        self._readers = readers
        self._say = say
        self._known: dict[str, dict[str, str]] = {}
        self._together: dict[str, str] = {}
        self._said: set[str] = set()

    def first(self, wait: float) -> dict[str, str]:
        """The values, once all accounts have a live token; that may take `wait` seconds. Raises NoLiveToken,
        StoreUnreadable, SetTwice."""
        until = time.monotonic() + wait
        for reader in self._readers:
            reader.wait_newer(max(until - time.monotonic(), 0.0))
            self._known[reader.account] = reader.environment()
        self._together = together(self._known.values())
        return self._together

    def newest(self) -> dict[str, str]:
        """The values now. An account that has no live token, or whose store cannot be read, keeps those it had; so do
        all, where they contradict each other."""
        for reader in self._readers:
            try:
                reader.wait_newer(0.0)  # looks, however short ago that was done
                self._known[reader.account] = reader.environment()
            except NoLiveToken:
                continue
            except Error as error:
                self._say_once(str(error))
        try:
            self._together = together(self._known.values())
        except SetTwice as error:
            self._say_once(str(error))
        return self._together

    @property
    def look_every(self) -> float:
        """Seconds."""
        return _LOOK_EVERY_IF_CALLED if all(map(is_called, self._readers)) else _LOOK_EVERY

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)


def execute(
    command: Sequence[str],
    environment: Mapping[str, str],
    source: Source,
    say: Callable[[str], object],
    *,
    on_refresh: str | None,
    grace: float,
    wait: float,
) -> int:
    """The exit code; but a command that was ended by a signal ends this process by the same one, and one that is told
    of no refresh never returns. `environment` is without the accounts' values. Raises as `Source.first`."""
    with _can_be_ended():
        values = source.first(wait)
    try:
        if on_refresh is None:
            _become(command, {**environment, **values})
        wanted = Wanted(command, environment, on_refresh, grace)
        return _ended_as(Supervisor(wanted, source.newest, say, look_every=source.look_every).run(values))
    except NotStarted as error:
        return _not_started(command[0], error.__cause__, say)


def _not_started(program: str, why: BaseException | None, say: Callable[[str], object]) -> int:
    if isinstance(why, FileNotFoundError):
        say(f"{program} was not found")
        return NOT_FOUND
    reason = getattr(why, "strerror", None) or "it is no program"
    say(f"{program} cannot be run: {reason.lower()}")
    return NOT_EXECUTABLE


@contextmanager
def _can_be_ended() -> Iterator[None]:
    """By SIGTERM, which the first process of a container never hears of unless it asks for it."""
    before = signal.getsignal(signal.SIGTERM)
    if before is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(_ended_as(-number)))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _become(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    # What Python ignores for itself would stay ignored.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(command[0], list(command), dict(environment))  # noqa: S606 -- the command is the user's own
    except (OSError, ValueError) as error:
        raise NotStarted from error


def _ended_as(code: int) -> int:
    """End as the command ended, so that whoever waits for this process sees what happened to that one."""
    if code >= 0:
        return code
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a second core would hold tokens
    with suppress(OSError):
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 128 - code  # the first process of a container cannot end itself by a signal
