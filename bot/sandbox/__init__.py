"""Stand-ins on this machine for Telegram and the brokers, with a time that can be moved.

Real HTTP on loopback; the program under test knows nothing of it but addresses. It imports nothing of ours outside
itself, lest it share the faults it should catch. For tests and the demo alone.

    with Sandbox() as sandbox:
        sandbox.dhan.add_client("1000000001", pin="123456", totp_secret="…")
        sandbox.telegram.say(42, "/start")
        sandbox.telegram.wait_for(42, "hello")
"""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime
from types import TracebackType
from typing import Any

from bot.sandbox.angelone import AngelOne
from bot.sandbox.chat import Leap, Login, Machine, Person, Scene
from bot.sandbox.clock import SandboxClock
from bot.sandbox.control import Control
from bot.sandbox.dhan import Dhan
from bot.sandbox.kotak import Kotak
from bot.sandbox.pulse import Pulse
from bot.sandbox.server import Door, LoopThread
from bot.sandbox.standin import Broker, StandIn
from bot.sandbox.telegram import TOKEN, Telegram
from bot.sandbox.zerodha import Zerodha

BROKERS: tuple[type[Broker[Any]], ...] = (Dhan, Kotak, AngelOne, Zerodha)


class Sandbox:
    """All of it, in a thread of its own. `at`: the moment it starts; `skip_sleeps`: a sleep makes time pass at once."""

    def __init__(self, *, at: datetime | None = None, skip_sleeps: bool = False, token: str = TOKEN) -> None:
        self._pulse = Pulse()
        self.clock = SandboxClock(self._pulse, at, skip_sleeps=skip_sleeps)
        self.telegram = Telegram(self.clock, self._pulse, token)
        self.brokers: dict[str, Broker[Any]] = {kind.name: kind(self.clock, self._pulse) for kind in BROKERS}
        self._control = Control(self.clock, self._pulse, {"telegram": self.telegram, **self.brokers})
        self._door = Door(self._control.app)
        self._thread: LoopThread | None = None

    @property
    def dhan(self) -> Dhan:
        found = self.brokers["dhan"]
        assert isinstance(found, Dhan)  # noqa: S101 (for the type checker)
        return found

    @property
    def telegram_url(self) -> str:
        """For the bot: it appends `/bot<token>/…`."""
        return self.telegram.fronts["api"].door.url

    @property
    def clock_url(self) -> str:
        return self.control_url

    @property
    def control_url(self) -> str:
        return f"{self._door.url}/{self._control.app.key}"

    @property
    def chat_page(self) -> str:
        """Where a person with a browser can play both sides."""
        return f"{self.control_url}/"

    def stage(self, scene: Scene) -> None:
        """Who is in the chats of the page, and which moments it offers."""
        self._control.page.scene = scene

    def pass_until(self, moment: float) -> None:
        """Let time pass until then (unix), and the program do what it does meanwhile, as far as the scene knows it."""
        self._control.page.pass_until(moment)

    def unlock(self) -> bool:
        """End a lock of the chat, as somebody at the machine does; whether there was one."""
        return self._control.page.unlock()

    def endpoints(self, broker: str) -> dict[str, str]:
        """The addresses to configure an account of that broker with."""
        return self.brokers[broker].endpoints()

    def start(self) -> None:
        if self._thread is not None:
            raise RuntimeError("a sandbox starts once")
        thread = self._thread = LoopThread()

        def in_loop(work: Coroutine[Any, Any, None]) -> None:
            thread.run(work)

        for standin in self._standins():
            thread.run(standin.open(in_loop))
        thread.run(self._door.open())

    def stop(self) -> None:
        """At once, whatever is still being answered."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._pulse.close()
        self._control.close()
        for standin in self._standins():
            thread.run(standin.release())
        thread.run(self._door.release())
        thread.stop()

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _standins(self) -> list[StandIn]:
        return [self.telegram, *self.brokers.values()]


__all__ = [
    "BROKERS",
    "TOKEN",
    "Broker",
    "Leap",
    "Login",
    "Machine",
    "Person",
    "Sandbox",
    "SandboxClock",
    "Scene",
    "StandIn",
    "Telegram",
]
