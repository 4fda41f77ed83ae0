"""Wires the sandbox and the app together: the whole thing on this machine, with no credentials at all.

Everything is real but the servers: the bot, the broker modules, the store (in a folder that is removed at the end).
Time is the sandbox's and can be moved.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from bot import logs
from bot.app import App
from bot.clock import open_clock
from bot.config import load
from bot.demo_accounts import ADMIN, LOGINS, PEOPLE, VIEWER, come_back_to, enrol
from bot.leaps import leaps, pass_until
from bot.sandbox import Sandbox, SandboxClock, Scene
from bot.terminal import Terminal
from bot.tour import tour
from bot.works import Works
from brokers import IST

SUNDAY = datetime(2026, 11, 15, 10, 0, tzinfo=IST)
"""Nothing happens by itself on a day without trading, so the first steps are the visitor's own."""
SCREENS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
"""One of these says that there is somewhere for a browser to open."""


class Way(StrEnum):
    """How the visitor meets the bot."""

    PAGE = "page"
    TERMINAL = "terminal"
    TOUR = "tour"


def play(way: Way) -> int:
    """Run until Ctrl-C or, on the tour, to its end. The exit code."""
    logs.set_up("WARNING", [])
    with furnished(door=way is Way.PAGE) as (sandbox, folder), serving(sandbox, folder) as ended:
        if way is Way.TOUR:
            return tour(sandbox, Terminal(sandbox))
        with _told_to_stop() as stopped:
            meeting = _on_page(sandbox) if way is Way.PAGE else _in_terminal(sandbox, folder, stopped)
            with meeting:
                while not stopped.wait(0.2) and not ended.is_set():
                    pass
        return 0


@dataclass(frozen=True, slots=True)
class _Machine:
    """What the visitor has in hand beside the phone. `look`: see `pass_until`."""

    clock: SandboxClock
    works: Works
    look: Callable[[], datetime | None]

    @property
    def config(self) -> str:
        return str(self.works.config.folder)

    def is_locked(self) -> bool:
        return self.works.store.bot_note().locked

    def unlock(self) -> None:
        self.works.set_locked(False)

    def pass_until(self, moment: float) -> None:
        pass_until(moment, self.clock, self.works, self.look)


@contextmanager
def furnished(*, door: bool = False) -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox with a client at each broker, and a config folder for them. `door`: logins come back by themselves."""
    with Sandbox(at=SUNDAY, skip_sleeps=True) as sandbox, tempfile.TemporaryDirectory(prefix="kunji-") as made:
        folder = Path(made)
        for person in PEOPLE:
            sandbox.telegram.add_user(person.chat, person.name)
        for name, config in enrol(sandbox).items():
            _write(folder / f"{name}_config.json", config | {"endpoints": sandbox.endpoints(name)})
        bot: dict[str, Any] = {
            "telegram_bot_token": sandbox.telegram.token,
            "telegram_api_url": sandbox.telegram_url,
            "telegram_chat_id": [ADMIN, VIEWER],
            "admin_chat_id": ADMIN,
        }
        _write(folder / "bot_config.json", bot | (_door(sandbox) if door else {}))
        yield sandbox, folder


def _door(sandbox: Sandbox) -> dict[str, str]:
    """Config for a door of the bot that the browser comes back to. Commands are offered before the first word, too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{probe.getsockname()[1]}"
    come_back_to(sandbox, f"http://{place}")
    for chat in (ADMIN, VIEWER):
        sandbox.telegram.open_chat(chat)
    return {"listen": place, "public_url": f"http://{place}"}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=2))


@contextmanager
def serving(sandbox: Sandbox, folder: Path) -> Iterator[threading.Event]:
    """The real bot in a thread of its own, on the sandbox's stage, until the block ends. The event is set should it end
    by itself."""
    works = Works.of(load(folder, environment={}), open_clock(sandbox.clock_url))
    app = App(works)
    sandbox.stage(Scene(PEOPLE, LOGINS, lambda: leaps(works), _Machine(sandbox.clock, works, app.look_now)))
    ended = threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def serve() -> None:
        try:
            loop.run_until_complete(app.run(stop))
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


@contextmanager
def _on_page(sandbox: Sandbox) -> Iterator[None]:
    page = sandbox.chat_page
    click.echo(
        f"kunji demo – the real bot against stand-ins on this machine\n\n  {page}\n\n"
        "Open it in a browser on this machine; without one, kunji demo --terminal chats here. Ctrl-C ends it all."
    )
    if opens_by_itself(sys.platform, os.environ):
        threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()  # some stay until they are closed
    yield


def opens_by_itself(platform: str, environment: Mapping[str, str]) -> bool:
    """Whether there is a screen; without one a browser would open in the terminal, if at all."""
    return platform == "darwin" or any(environment.get(name) for name in SCREENS)


@contextmanager
def _in_terminal(sandbox: Sandbox, folder: Path, stopped: threading.Event) -> Iterator[None]:
    """`quit` stops it. Without anybody to type it just shows what happens."""
    terminal = Terminal(sandbox)
    terminal.say_where(folder)
    terminal.start(on_quit=stopped.set)
    yield
    terminal.stop()


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Set at Ctrl-C and SIGTERM."""
    stopped = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


__all__ = ["Way", "furnished", "opens_by_itself", "play", "serving"]
