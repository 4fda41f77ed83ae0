"""Wires the sandbox and the app together: the whole thing on this machine, with no credentials at all.

Everything is real but the servers: the bot, the broker modules, the store (in a folder that is removed at the end).
Time is the sandbox's and can be moved.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bot import logs
from bot.app import App, Works
from bot.clock import open_clock
from bot.config import load
from bot.demo_accounts import ADMIN, STRANGER, enrol
from bot.sandbox import Sandbox
from bot.terminal import Terminal
from bot.tour import tour
from brokers import IST

SUNDAY = datetime(2026, 11, 15, 10, 0, tzinfo=IST)
"""Nothing happens by itself on a day without trading, so the first steps are the visitor's own."""


def play(*, scripted: bool) -> int:
    """Run until Ctrl-C or, scripted, to the end of the tour. The exit code."""
    logs.set_up("WARNING", [])
    with furnished() as (sandbox, folder), _serving(sandbox, folder) as stop:
        terminal = Terminal(sandbox)
        if scripted:
            return tour(sandbox, terminal)
        terminal.say_where(folder)
        _until_stopped(stop, terminal)
        return 0


@contextmanager
def furnished() -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox with a client at each broker, and a config folder for them."""
    with Sandbox(at=SUNDAY, skip_sleeps=True) as sandbox, tempfile.TemporaryDirectory(prefix="kunji-") as made:
        folder = Path(made)
        sandbox.telegram.add_user(ADMIN, "You")
        sandbox.telegram.add_user(STRANGER, "Stranger")
        for name, config in enrol(sandbox).items():
            _write(folder / f"{name}_config.json", config | {"endpoints": sandbox.endpoints(name)})
        bot = {"telegram_bot_token": sandbox.telegram.token, "telegram_chat_id": ADMIN}
        _write(folder / "bot_config.json", bot | {"telegram_api_url": sandbox.telegram_url})
        yield sandbox, folder


def _write(path: Path, content: dict[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=2))


@contextmanager
def _serving(sandbox: Sandbox, folder: Path) -> Iterator[threading.Event]:
    """The real bot in a thread of its own, until the block ends. The event is set should it end by itself."""
    works = Works.of(load(folder, environment={}), open_clock(sandbox.clock_url))
    ended = threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def serve() -> None:
        try:
            loop.run_until_complete(App(works).run(stop))
        finally:
            ended.set()

    thread = threading.Thread(target=serve, name="bot")
    thread.start()
    try:
        yield ended
    finally:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        works.close()


def _until_stopped(ended: threading.Event, terminal: Terminal) -> None:
    """Chat until Ctrl-C, SIGTERM or `quit`. Without a terminal it just serves."""
    stopped = threading.Event()
    restore: list[Callable[[], object]] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.signal(number, lambda *_: stopped.set())
        restore.append(lambda number=number, before=before: signal.signal(number, before))  # type: ignore[misc]
    terminal.start(on_quit=stopped.set)
    while not stopped.wait(0.2) and not ended.is_set():
        pass
    terminal.stop()
    for put_back in restore:
        put_back()


__all__ = ["furnished", "play"]
