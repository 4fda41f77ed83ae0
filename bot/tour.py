"""The scripted conversation of `kunji demo --tour`: each step says what it expects and waits until it is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from rich.console import Console

from bot.demo_accounts import ADMIN, STRANGER
from bot.sandbox import Sandbox
from bot.terminal import Terminal
from brokers import IST

PATIENCE = 20.0


class Tour:
    """A person at a phone, in the sandbox."""

    def __init__(self, sandbox: Sandbox, terminal: Terminal) -> None:
        self._box = sandbox
        self._terminal = terminal
        self._out = Console(highlight=False)
        self._shown = 0

    def heading(self, text: str) -> None:
        self._catch_up()
        self._out.print(f"\n[bold]── {text}[/bold]")

    def says(self, text: str, *, expects: str, chat: int = ADMIN) -> int:
        """Say something and wait for the answer; its message id."""
        mark = self._box.telegram.mark()
        self._box.telegram.say(chat, text)
        return self.sees(expects, after=mark, chat=chat)

    def sees(self, text: str, *, after: int | None = None, chat: int = ADMIN) -> int:
        after = self._box.telegram.mark() if after is None else after
        found = self._box.telegram.wait_for(chat, text, after=after, timeout=PATIENCE)
        self._catch_up()
        return found.id

    def sees_after(self, act: Callable[[], object], text: str) -> int:
        mark = self._box.telegram.mark()
        act()
        return self.sees(text, after=mark)

    def time_passes(self, until: datetime, expects: str) -> None:
        mark = self._box.telegram.mark()
        self._box.pass_until(until.timestamp())
        self._out.print(f"[magenta]it is {until.astimezone(IST):%A %H:%M} IST[/magenta]")
        self.sees(expects, after=mark)

    def waits_for(self, text: str) -> None:
        self.sees(text, after=0)

    def _catch_up(self) -> None:
        for event in self._box.telegram.events(self._shown):
            self._shown = event.number
            self._terminal.show(event)


def tour(sandbox: Sandbox, terminal: Terminal) -> int:
    """Play it; 0 if every step came about, else 1."""
    guide = Tour(sandbox, terminal)
    try:
        _play(guide, sandbox, terminal)
    except TimeoutError as error:
        guide.heading(f"that did not come: {error}")
        return 1
    guide.heading("that was the tour; kunji demo lets you type yourself")
    return 0


def _play(guide: Tour, sandbox: Sandbox, terminal: Terminal) -> None:
    today = sandbox.clock.now().astimezone(IST)
    tomorrow = today + timedelta(days=1)

    guide.heading("four accounts at four brokers: who am I, and how is everything")
    guide.says("/start", expects="zerodha")

    guide.heading("this one logs in by itself: PIN and TOTP")
    guide.says("/refresh dhan", expects="new token")

    guide.heading("this one needs you in a browser: tap, log in, paste the address you land on")
    guide.says("/refresh zerodha", expects="log in")
    guide.sees_after(terminal.approve, "new token")

    guide.heading("all of them at once; what is good beyond today is left alone")
    guide.says("/refresh all", expects="✅ kotak")
    guide.says("/status", expects="kotak")

    guide.heading("what is in the accounts; one broker hangs, and holds nobody up")
    sandbox.brokers["kotak"].hang(times=None)
    guide.says("/account", expects="still asking")
    guide.says("/status", expects="good until")
    guide.sees_after(sandbox.brokers["kotak"].heal, "All accounts")
    guide.says("/account dhan", expects="Funds")

    guide.heading("a stranger is ignored; you get one quiet note an hour")
    guide.sees_after(lambda: sandbox.telegram.say(STRANGER, "/status"), "not listed")

    guide.heading("the evening: two hours before a token expires")
    guide.time_passes(today.replace(hour=22, minute=0, second=1), "expires at midnight tonight")

    guide.heading("the night: what expired, and what is done about it by itself")
    guide.time_passes(tomorrow.replace(hour=0, minute=0, second=1), "expired")
    guide.time_passes(tomorrow.replace(hour=8, minute=1, second=0), "zerodha")

    guide.heading("the morning: new logins by themselves, and the proof that everything is ready")
    guide.time_passes(tomorrow.replace(hour=8, minute=15, second=1), "please log in")
    guide.says("/refresh zerodha", expects="log in")
    guide.sees_after(terminal.approve, "new token")
    guide.time_passes(tomorrow.replace(hour=8, minute=45, second=1), "angelone: refreshed by itself")
    guide.waits_for("dhan: refreshed by itself")
    guide.waits_for("kotak: refreshed by itself")
    guide.time_passes(tomorrow.replace(hour=8, minute=55, second=1), "Ready for the market")
