"""The other side of `tests.faults.crowd`: start workers, hear what they say, kill them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.sandbox import Sandbox
from tests.faults.desk import CLIENT, PIN, SEED

ROOT = Path(__file__).parents[2]
NO_SANDBOX = {"endpoints": {}, "clock": ""}


class Workers:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._early: list[str] = []

    def start(self, command: str) -> list[int]:
        """Their process ids."""
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        # The first worker may speak before the last is started.
        self._early = []
        while not (line := self.line()).startswith("started"):
            self._early.append(line)
        return [int(word) for word in line.split()[1:]]

    def line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EOFError("the crowd has ended")
        return line.strip()

    def said(self) -> str:
        """The next line of a worker that is to go on."""
        line = self.line()
        assert line != "ended", "the worker fell"
        return line

    def rest(self) -> list[str]:
        """All that was said by those who were started last, until they ended."""
        return [*self._early, *iter(self.line, "ended")]


def kill(*processes: int) -> None:
    for process in processes:
        os.kill(process, signal.SIGKILL)


@contextmanager
def workers(folder: Path, sandbox: Sandbox | None = None) -> Iterator[Workers]:
    where = {"endpoints": sandbox.endpoints("dhan"), "clock": sandbox.clock_url} if sandbox else NO_SANDBOX
    task = {"folder": str(folder), "client": CLIENT, "pin": PIN, "seed": SEED, **where}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.crowd", json.dumps(task)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    try:
        yield Workers(process)
    finally:
        process.communicate()
