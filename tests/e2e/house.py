"""A real `kunji run` in a process of its own, against the sandbox, and a person at a phone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Sandbox
from bot.sandbox.telegram.screen import Shown
from bot.store import open_store
from brokers import IST
from tests.waiting import PATIENCE

ADMIN, VIEWER, STRANGER = 1001, 2002, 6666
CLIENT, WIFE = "1000000001", "1000000002"
PIN, SECRET = "482913", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
WIFE_SECRET = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
API = {"api_key": "app-key-7f3a91", "api_secret": "app-secret-c84e20d1"}
LANDING = "https://trader.example/callback"
SUNDAY = datetime(2026, 11, 15, 10, 0, tzinfo=IST)
MONDAY = datetime(2026, 11, 16, 8, 0, tzinfo=IST)


@dataclass
class House:
    """The sandbox, the config folder, and the bot's process."""

    sandbox: Sandbox
    folder: Path
    log_level: str = "info"
    process: subprocess.Popen[bytes] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    # Furnishing

    def auto(self, name: str = "dhan", **more: Any) -> None:
        """An account that logs in by itself."""
        self.sandbox.dhan.add_client(CLIENT, PIN, SECRET)
        self.write(f"{name}_config.json", {"client_id": CLIENT, "pin": PIN, "totp_secret": SECRET, **more})

    def assisted(self, name: str = "dhan-wife", **more: Any) -> None:
        """An account whose admin logs in on Dhan's page."""
        self.sandbox.dhan.add_client(WIFE, "551204", WIFE_SECRET, redirect_url=LANDING, **API)
        self.write(f"{name}_config.json", {"client_id": WIFE, "totp_secret": WIFE_SECRET, **API, **more})

    def write(self, name: str, content: dict[str, Any]) -> None:
        path = self.folder / name
        if not path.exists():
            path.touch(mode=0o600)
        broker = re.split("[-_]", name)[0]
        account = {"endpoints": self.sandbox.endpoints(broker)} if name != "bot_config.json" else {}
        path.write_text(json.dumps(content | account))

    def bot_wide(self, **more: Any) -> None:
        base = {
            "telegram_bot_token": self.sandbox.telegram.token,
            "telegram_api_url": self.sandbox.telegram_url,
            "telegram_chat_id": [ADMIN, VIEWER],
            "admin_chat_id": ADMIN,
        }
        self.write("bot_config.json", base | more)

    # The process

    @property
    def log(self) -> Path:
        return self.folder.parent / "log"

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "kunji", *words]

    def variables(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "KUNJI_CONFIG": str(self.folder),
            "KUNJI_CLOCK": self.sandbox.clock_url,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            **self.environment,
        }

    def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait` until it has asked Telegram for updates."""
        before = self.sandbox.telegram.calls("getUpdates")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command("run", "--log-level", self.log_level), env=self.variables(), stdout=log, stderr=log
            )
        if wait:
            self.sandbox.telegram.wait_calls("getUpdates", before + 1, PATIENCE)

    def process_settles(self) -> None:
        """Let the bot meet what is broken: at least one try at Telegram's door."""
        assert self.process is not None
        with pytest.raises(subprocess.TimeoutExpired):
            self.process.wait(1.5)

    def end(self, number: int = signal.SIGTERM, within: float = 8.0) -> int:
        """Signal the process; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(within)
        self.process = None
        return code

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command of its own, to its end."""
        return subprocess.run(
            self.command(*words),
            env=self.variables(),
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def token(self, name: str) -> str | None:
        """The access token in the store, whatever the time."""
        store = open_store(self.folder, environment={})
        try:
            held = store.load(name)
            return held.token.value.reveal() if held else None
        finally:
            store.close()

    # The phone

    def says(self, text: str, expects: str, *, chat: int = ADMIN, timeout: float = PATIENCE) -> Shown:
        """Say something and wait for what is expected of the bot."""
        mark = self.sandbox.telegram.mark()
        self.sandbox.telegram.say(chat, text)
        return self.sees(expects, after=mark, chat=chat, timeout=timeout)

    def sees(self, text: str, *, after: int = 0, chat: int = ADMIN, timeout: float = PATIENCE) -> Shown:
        return self.sandbox.telegram.wait_for(chat, text, after=after, timeout=timeout)

    def texts(self, chat: int = ADMIN) -> list[str]:
        """What the bot has said there and is still to be seen."""
        return [shown.text for shown in self.sandbox.telegram.transcript(chat) if shown.by_bot]

    def at(self, moment: datetime) -> None:
        self.sandbox.clock.set(moment)


@contextmanager
def house(tmp_path: Path, at: datetime | None = SUNDAY) -> Iterator[House]:
    """`at` None: by this machine's own time."""
    folder = tmp_path / "config"
    folder.mkdir(mode=0o700)
    with Sandbox(at=at, skip_sleeps=True) as sandbox:
        for user, name in ((ADMIN, "Admin"), (VIEWER, "Viewer"), (STRANGER, "Stranger")):
            sandbox.telegram.add_user(user, name)
        sandbox.telegram.open_chat(ADMIN)
        made = House(sandbox, folder)
        made.bot_wide()
        try:
            yield made
        finally:
            if made.process is not None:
                made.process.kill()
                made.process.wait(10)
