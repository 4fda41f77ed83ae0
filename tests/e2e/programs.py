"""Programs of a trader's own that call the broker in a loop and write down how each call went."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import PATIENCE


@dataclass
class Program:
    """One that runs."""

    process: subprocess.Popen[bytes]
    calls: Path

    def made(self) -> list[tuple[str, str]]:
        """The calls it made so far: status and token of each."""
        text = self.calls.read_text() if self.calls.exists() else ""
        return [(line.split()[0], line.split()[1]) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def has_called(self, token: str, times: int = 3) -> bool:
        return [made for _, made in self.made()].count(token) >= times

    def end(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE)
