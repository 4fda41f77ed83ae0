"""A store with tokens, and `kunji exec` with programs that note what happens to them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.store import Store
from tests.unit.kunji.written import held, store
from tests.waiting import PATIENCE


def is_running(pid: int) -> bool:
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(found.stdout.strip()) and not found.stdout.startswith("Z")


@dataclass
class Desk:
    """A config folder, which is also where programs run and write."""

    folder: Path
    store: Store
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def save(self, value: str, account: str = "dhan", *, rejected: bool = False) -> None:
        now = datetime.now(UTC)
        token = held(value, expires_at=now + timedelta(hours=8), rejected_at=now if rejected else None)
        self.store.save(account, token)

    def variables(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "kunji", "exec", "--config", str(self.folder), *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*words),
            env=self.variables(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self.words(*words), env=self.variables(), cwd=self.folder)
        self.running.append(process)
        return process

    def noted(self, name: str) -> list[str]:
        """The lines programs wrote to that file so far."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def awaits(self, name: str, *lines: str) -> None:
        until = time.monotonic() + PATIENCE
        while self.noted(name) != list(lines) and time.monotonic() < until:
            time.sleep(0.01)
        assert self.noted(name) == list(lines)


@contextmanager
def desk(folder: Path) -> Iterator[Desk]:
    folder.chmod(0o700)
    made = Desk(folder, store(folder))
    try:
        yield made
    finally:
        made.store.close()
        for process in made.running:
            process.terminate()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
