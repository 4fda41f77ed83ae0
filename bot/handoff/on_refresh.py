"""Hooks: the command of an account, run when there is a new token, whoever refreshed it.

That it was begun is kept before it begins, so that it runs once for a token, over restarts. A hook that was missed
while no bot ran is made up at the next start. What became of it changes nothing about the token.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from bot.handoff._errands import Errands
from bot.life import is_live
from bot.store import AccountNote, Alert, HeldToken, LockBusy, Store, StoreError
from brokers import Secret

log = logging.getLogger(__name__)

TIME_LIMIT = 60.0
OUTPUT_LIMIT = 16 * 1024
"""Bytes of a hook's output that are kept, in the log."""
AT_MOST_EVERY = timedelta(seconds=10)
"""What comes sooner after a hook began waits, and only the newest of it counts. Tokens do not change so fast unless
somebody spoils the store."""
_REFRESH_WAIT = 10.0
"""Seconds to let the refresh that brought the token end: it may yet find that the token is another client's."""
_LAST_WORDS = 0.5
"""Seconds to wait for the rest of the output once the command has ended; what it left running may hold it open."""

Command = tuple[str, ...]


class Hooks:
    """`touched` may be called from any thread and returns at once."""

    def __init__(  # noqa: PLR0913 - all but three are named
        self,
        commands: Mapping[str, Command],
        store: Store,
        now: Callable[[], datetime],
        *,
        tell: Callable[[Alert], None],
        learned: Callable[[Secret], None],
        environment: Mapping[str, str],
        folder: Path,
        host: str = "",
        time_limit: float = TIME_LIMIT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`commands` by account. `learned` is told every secret that a command is given. `environment` is what each is
        given besides; `folder` is where each runs. `host`: which one this is, if others share the store and run
        hooks of their own."""
        self._commands = commands
        self._store = store
        self._now = now
        self._tell = tell
        self._learned = learned
        self._environment = environment
        self._folder = folder
        self._host = host
        self._time_limit = time_limit
        self._sleep = sleep
        self._begun_at: dict[str, datetime] = {}
        """When the hook of each account was last begun by this process."""
        self._errands = Errands("hook", self._attend)

    @property
    def busy(self) -> bool:
        """A hook is running."""
        return self._errands.busy

    def look_at_all(self) -> None:
        for account in self._commands:
            self._errands.ask(account)

    def touched(self, account: str) -> None:
        """Its token was saved or forgotten."""
        if account in self._commands:
            self._errands.ask(account)

    def _attend(self, account: str) -> None:
        try:
            held = self._new(account)
        except StoreError as error:
            log.warning("%s: %s; its hook waits", account, error)
            return
        if held is None:
            return
        log.info("%s: the hook begins", account)
        why = self._run(self._commands[account], account, held)
        log.info("%s: the hook %s", account, why or "is done")
        if why:
            self._tell(Alert("hook_failed", self._now(), account, {"why": why}))

    def _new(self, account: str) -> HeldToken | None:
        """A live token for which nothing was begun yet; from now on it counts as begun."""
        if not self._is_new(account, self._store.load(account)):
            return None
        self._wait_for_its_turn(account)
        with suppress(LockBusy), self._store.lock(account, _REFRESH_WAIT):
            pass
        held = self._store.load(account)
        return held if held and self._is_new(account, held) and self._claim(account, held) else None

    def _wait_for_its_turn(self, account: str) -> None:
        begun_at, now = self._begun_at.get(account), self._now()
        if begun_at is not None and begun_at <= now < begun_at + AT_MOST_EVERY:
            self._sleep((begun_at + AT_MOST_EVERY - now).total_seconds())

    def _is_new(self, account: str, held: HeldToken | None) -> bool:
        if held is None or not is_live(held, self._now()):
            return False
        return self._begun_for(self._store.note(account)) != held.token.issued_at

    def _begun_for(self, note: AccountNote) -> datetime | None:
        """When the token was issued for which the hook was last begun here."""
        return note.hooked_on.get(self._host) if self._host else note.hooked_for

    def _claim(self, account: str, held: HeldToken) -> bool:
        """False if somebody else was quicker."""
        ours = False

        def begin(note: AccountNote) -> AccountNote:
            nonlocal ours
            issued_at = held.token.issued_at
            ours = self._begun_for(note) != issued_at
            if self._host:
                return replace(note, hooked_on={**note.hooked_on, self._host: issued_at})
            return replace(note, hooked_for=issued_at)

        self._store.update({account: begin})
        self._begun_at[account] = self._now()
        return ours

    def _run(self, command: Command, account: str, held: HeldToken) -> str | None:
        """None if it did what it should; else what happened."""
        for secret in held.environment.values():
            if secret.reveal() != held.token.client_id:
                self._learned(secret)
        values = {name: value.reveal() for name, value in held.environment.items()}
        try:
            process = _started(command, {**self._environment, **values}, self._folder)
        except FileNotFoundError:
            return "could not be started: there is no such command"
        except (OSError, ValueError) as error:
            return f"could not be started: {(getattr(error, 'strerror', None) or 'it cannot be run').lower()}"
        output = _Output(process)
        code = _waited(process, self._time_limit)
        for line in output.lines(whole=code is not None and code >= 0):
            log.info("%s: hook: %s", account, line)
        if code is None:
            return f"did not end within {self._time_limit:.0f} s and was ended"
        return None if code == 0 else _failure(code)


def _started(command: Command, environment: Mapping[str, str], folder: Path) -> subprocess.Popen[bytes]:
    """In a session of its own, so that it can be ended with everything it started."""
    return subprocess.Popen(  # noqa: S603 -- the command is the admin's own
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _waited(process: subprocess.Popen[bytes], time_limit: float) -> int | None:
    """How it ended; None if it was ended, with everything it started, as its time was up."""
    try:
        return process.wait(time_limit)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def _failure(code: int) -> str:
    return f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"


class _Output:
    """The first part of what a command says; the rest is read, too, lest the command wait for a reader."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._kept = b""
        self._cut = False
        self._reading = threading.Thread(target=self._read, args=(process.stdout,), name="hook-output", daemon=True)
        self._reading.start()

    def lines(self, *, whole: bool) -> list[str]:
        """What has been said so far. `whole`: nothing cut it off in the middle of a line."""
        self._reading.join(_LAST_WORDS)
        text, cut = self._kept, self._cut
        if cut or not whole:
            # Half a secret is not known for one.
            text = text[: text.rfind(b"\n") + 1]
        lines = [line for line in text.decode(errors="replace").splitlines() if line.strip()]
        return [*lines, "(the rest is left out)"] if cut else lines

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while chunk := os.read(pipe.fileno(), OUTPUT_LIMIT):
                room = OUTPUT_LIMIT - len(self._kept)
                self._cut = self._cut or len(chunk) > room
                self._kept += chunk[:room]
