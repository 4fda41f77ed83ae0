"""The demo's chat in a terminal: what is said in the sandbox is printed, what is typed is said there.

It sees the sandbox only, as a person sees a phone; it knows nothing of the bot.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from datetime import datetime, time, timedelta
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bot.demo_accounts import ADMIN, DHAN, STRANGER, approve
from bot.sandbox import Sandbox
from bot.sandbox.telegram.screen import Button, Shown
from bot.sandbox.telegram.world import Event
from brokers import IST

HELP = """[bold]Type[/bold]
  /status, /refresh, /account …   a command, as in Telegram (/help lists them)
  2                               press button 2 of the last message that has buttons
  any other text                  sent as a message (a pasted address, say)
  approve                         log in by the link shown last, and paste where it lands
  stranger /status                the same from somebody who is not listed
  time +23h, time 08:45           move the clock (+90m, +2d …; a time of day is the next one, IST)
  kotak down | hang | up          a broker fails, hangs, works again (dhan, zerodha, angelone too)
  telegram down | up              Telegram cannot be reached
  intruder                        another program logs in to the account dhan
  unlock                          end a /lock, as kunji unlock on the machine
  quit                            or Ctrl-C
"""
PERIOD = re.compile(r"\+(\d{1,6})([smhd])")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})")


class Terminal:
    """Prints until `stop`; reads lines if there is anybody to type them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._out = Console(highlight=False)
        self._stopped = threading.Event()
        self._printed: dict[int, str] = {}
        self._buttons: tuple[int, list[Button]] | None = None
        self._link: str | None = None
        """The login link that was shown last and not followed yet."""

    # Printing

    def say_where(self, folder: Path) -> None:
        box = self._sandbox
        brokers = "".join(f"  {name:<11} {' '.join(box.endpoints(name).values())}\n" for name in box.brokers)
        self._out.print(
            f"[bold]kunji demo[/bold] – the real bot against stand-ins on this machine\n"
            f"  Bot API     {box.telegram_url}\n"
            f"{brokers}"
            f"  control     {box.control_url}\n"
            f"  config      {folder}\n"
            f"  time        {self._clock()}\n"
        )
        self._out.print(HELP)

    def start(self, on_quit: Callable[[], None]) -> None:
        """Print what happens, and do what is typed, in threads of their own."""
        threading.Thread(target=self._watch, name="terminal-out", daemon=True).start()
        threading.Thread(target=self._read, args=(on_quit,), name="terminal-in", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        seen = 0
        while not self._stopped.is_set():
            for event in self._sandbox.telegram.wait_event(seen, timeout=0.5):
                seen = event.number
                self.show(event)

    def show(self, event: Event) -> None:
        """Print one event of any chat."""
        who = "" if event.chat == ADMIN else f" [dim](chat {event.chat})[/dim]"
        at = datetime.fromtimestamp(event.at, IST).strftime("%a %H:%M:%S")
        match event.what:
            case "said":
                self._out.print(f"[dim]{at}[/dim] [cyan]{event.who}{who}:[/cyan] {escape(event.text)}")
            case "pressed":
                self._out.print(f"[dim]{at}[/dim] [cyan]{event.who}{who} presses[/cyan] ⟨{escape(event.text)}⟩")
            case "sent" | "edited":
                self._show_message(event, at, who)
            case "deleted":
                self._out.print(f"[dim]{at} kunji deleted message {event.message}{who}[/dim]")
            case "answered" if event.text:
                self._out.print(f"[dim]{at}[/dim] [green]kunji[/green] [dim](toast)[/dim] {escape(event.text)}")

    def _show_message(self, event: Event, at: str, who: str) -> None:
        shown = next((s for s in self._sandbox.telegram.transcript(event.chat) if s.id == event.message), None)
        about = (
            ("silent", event.silent),
            ("protected", shown and shown.protected),
            ("a picture; what stands under it", shown and shown.picture),
        )
        marks = [name for name, on in about if on]
        if event.what == "edited":
            marks.append("edited")
        note = f" [dim]({', '.join(marks)})[/dim]" if marks else ""
        self._out.print(f"[dim]{at}[/dim] [green]kunji{who}:[/green]{note}")
        self._indented(escape(event.text))
        if shown is not None and event.buttons:
            self._show_buttons(event.chat, shown)

    def _show_buttons(self, chat: int, shown: Shown) -> None:
        buttons = [button for row in shown.buttons for button in row]
        if not buttons:
            return
        if chat == ADMIN:
            self._buttons = shown.id, buttons
            self._link = next((button.url for button in buttons if button.url), self._link)
        labels = [self._label(number, button) for number, button in enumerate(buttons, 1)]
        self._indented("\n".join(labels))

    def _indented(self, text: str) -> None:
        for line in text.splitlines():
            self._out.print(f"    {line}", soft_wrap=True)

    def _label(self, number: int, button: Button) -> str:
        goes = f" → {button.url}" if button.url else " (copies)" if button.copies else ""
        return f"[yellow]{number}[/yellow] ⟨{escape(button.label)}⟩[dim]{escape(goes)}[/dim]"

    def _clock(self) -> str:
        return self._sandbox.clock.now().astimezone(IST).strftime("%A %d %B %Y, %H:%M:%S IST")

    # Typing

    def _read(self, on_quit: Callable[[], None]) -> None:
        for line in sys.stdin:
            text = line.strip()
            if text in {"quit", "exit"}:
                on_quit()
                return
            if text:
                try:
                    self.do(text)
                except (ValueError, LookupError) as error:
                    self._out.print(f"[red]{escape(str(error))}[/red]")
        self._out.print("nothing more is read; serving until Ctrl-C")

    def do(self, text: str) -> None:
        """What a typed line means. Raises ValueError with a sentence."""
        word, _, rest = text.partition(" ")
        if text.isdigit() and len(text) < 3:
            self._press(int(text))
        elif word == "time":
            self._move(rest.strip())
        elif word == "stranger":
            self._sandbox.telegram.say(STRANGER, rest or "/start", user=STRANGER)
        elif text == "approve":
            self.approve()
        elif text == "unlock":
            self._out.print("unlocked" if self._sandbox.unlock() else "it was not locked")
        elif text == "intruder":
            self._sandbox.dhan.login_elsewhere(DHAN)
            self._out.print(
                "another program has logged in to dhan; in trading hours a probe finds out within 15 minutes"
            )
        elif word in {"telegram", *self._sandbox.brokers} and rest in {"down", "hang", "up"}:
            self._break(word, rest)
        elif text in {"help", "?"}:
            self._out.print(HELP)
        else:
            self._sandbox.telegram.say(ADMIN, text)

    def _press(self, number: int) -> None:
        if self._buttons is None or not 1 <= number <= len(self._buttons[1]):
            raise ValueError("there is no such button")
        message, buttons = self._buttons
        button = buttons[number - 1]
        if button.url:
            self._out.print(f"open {button.url} in a browser, or type [bold]approve[/bold]")
        elif button.copies:
            self._out.print(f"copied: {button.copies}")
        else:
            self._sandbox.telegram.press(ADMIN, message, button.label)

    def approve(self) -> None:
        """Do what the admin would do in a browser, and paste the address it lands on."""
        if self._link is None:
            raise ValueError("no login link is open; try /refresh zerodha")
        link, self._link = self._link, None
        self._sandbox.telegram.say(ADMIN, approve(self._sandbox, link))

    def _move(self, to: str) -> None:
        now = self._sandbox.clock.now().astimezone(IST)
        if found := PERIOD.fullmatch(to):
            self._pass(now + timedelta(seconds=int(found[1]) * UNITS[found[2]]))
        elif found := TIME_OF_DAY.fullmatch(to):
            at = datetime.combine(now.date(), time(int(found[1]), int(found[2])), IST)
            self._pass(at if at > now else at + timedelta(days=1))
        elif to:
            raise ValueError("type time +23h, time +90m, time +2d or time 08:45")
        self._out.print(f"[magenta]it is {self._clock()}[/magenta]")

    def _pass(self, until: datetime) -> None:
        self._sandbox.pass_until(until.timestamp())

    def _break(self, which: str, how: str) -> None:
        standin = self._sandbox.telegram if which == "telegram" else self._sandbox.brokers[which]
        if how == "down":
            standin.down()
        elif how == "hang":
            standin.hang(times=None)
        else:
            standin.up()
            standin.heal()
        self._out.print(f"[magenta]{which} is {how}[/magenta]")
