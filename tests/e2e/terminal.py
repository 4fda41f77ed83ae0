"""A terminal with a process in it, as a person has it."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.e2e.house import PATIENCE

TAKE_THE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
CTRL_C = "\x03"
CTRL_D = "\x04"


class Terminal:
    """A process at a terminal of its own, and who sits there."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None) -> None:
        self.seen = ""
        self.read_to = 0
        self._master, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", TAKE_THE_TERMINAL, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        os.close(theirs)

    def sees(self, pattern: str, patience: float = PATIENCE) -> re.Match[str]:
        """Wait for it; what stood before it is done with."""
        ends = time.monotonic() + patience
        anywhere = re.compile(pattern.replace(" ", r"\s+"))  # lines are broken where the terminal ends
        while (found := anywhere.search(self.seen, self.read_to)) is None:
            if not self.more(ends):
                pytest.fail(f"{pattern!r} did not appear in:\n{self.seen[self.read_to :]}")
        self.read_to = found.end()
        return found

    def types(self, text: str) -> None:
        os.write(self._master, text.encode())

    def answers(self, prompt: str, text: str) -> None:
        self.sees(prompt)
        self.types(f"{text}\n")

    def ends(self) -> int:
        """Its exit code, once all it said was read."""
        ends = time.monotonic() + PATIENCE
        while self.more(ends):
            pass
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        os.close(self._master)

    def more(self, ends: float) -> bool:
        """Read on; whether something came before that moment."""
        ready, _, _ = select.select([self._master], [], [], max(0, ends - time.monotonic()))
        try:
            said = os.read(self._master, 65536) if ready else b""
        except OSError:  # how Linux says that nobody has it open any more
            said = b""
        self.seen += said.decode(errors="replace")
        return bool(said)
