"""Files that hold the values of an account for programs, kept current while the bot runs.

A file is replaced whole and readable by its owner alone from its creation. One whose token is dead holds no value.
"""

from __future__ import annotations

import glob
import logging
import os
import re
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bot.handoff._errands import Errands
from bot.life import is_live
from bot.reports import iso
from bot.store import Alert, HeldToken, Store, StoreError
from bot.store._files import in_our_words, write_over
from brokers import IST
from kunji._formats import FORMATS, check_names

log = logging.getLogger(__name__)

_MODE = 0o600
_ASIDE = re.compile(r"\.([0-9]{1,7})\.new")
"""What `write_over` adds to the name of a file while it is written; the number is the process's."""


class Sinks:
    """`touched` may be called from any thread and returns at once."""

    def __init__(
        self,
        files: Mapping[str, Path],
        store: Store,
        now: Callable[[], datetime],
        tell: Callable[[Alert], None],
    ) -> None:
        """`files`: by account."""
        self._files = files
        self._store = store
        self._now = now
        self._tell = tell
        self._errands = Errands("file", self._keep_current)
        self._told: dict[str, datetime | None] = {}
        """Accounts whose file could not be written, and the token (None: that there is none) it was told about."""

    @property
    def busy(self) -> bool:
        """A file is being written."""
        return self._errands.busy

    def look_at_all(self) -> None:
        for account in self._files:
            self._errands.ask(account)

    def touched(self, account: str) -> None:
        """Its token was saved or forgotten."""
        if account in self._files:
            self._errands.ask(account)

    def _keep_current(self, account: str) -> None:
        try:
            held = self._store.load(account)
        except StoreError as error:
            log.warning("%s: %s; %s is left as it is", account, error, self._files[account])
            return
        live = held if is_live(held, self._now()) else None
        try:
            with in_our_words(f"{self._files[account]} cannot be written"):
                _clear_beside(self._files[account])
                _write(self._files[account], content(self._files[account], account, live))
        except StoreError as error:
            self._failed(account, live, error)
        else:
            self._told.pop(account, None)

    def _failed(self, account: str, live: HeldToken | None, error: StoreError) -> None:
        about = live.token.issued_at if live else None
        if account in self._told and self._told[account] == about:
            return
        self._told[account] = about
        log.warning("%s: %s", account, error)
        self._tell(Alert("sink_failed", self._now(), account, {"reason": str(error)}))


def content(path: Path, account: str, live: HeldToken | None) -> bytes:
    """What the file is to hold: JSON where its name says so, else the form of `.env`."""
    values = {name: value.reveal() for name, value in live.environment.items()} if live else {}
    check_names(values)
    if path.suffix == ".json":
        return FORMATS["json"](values).encode()
    says = f"good until {iso(live.token.expires_at.astimezone(IST))}" if live else "there is no live token"
    return f"# {account}: {says}\n{FORMATS['dotenv'](values)}".encode()


def _write(path: Path, wanted: bytes) -> None:
    """Unless it is so already. A link in its place is replaced, never followed. Where that fails, what is there is
    taken away: it is of a token that may be dead."""
    _check_folder(path.parent)
    with suppress(OSError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) == _MODE and path.read_bytes() == wanted:
            return
    try:
        write_over(path, wanted, _MODE)
    except OSError:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def _clear_beside(path: Path) -> None:
    """Take away what a bot of ours that was killed in mid-write has left: half a file, or one nobody keeps current."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.new"):
        writer = _ASIDE.fullmatch(left.name.removeprefix(path.name))
        with suppress(OSError):
            if writer and left.lstat().st_uid == os.geteuid() and not _is_running(int(writer[1])):
                left.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)
    return True


def _check_folder(folder: Path) -> None:
    """Raises StoreError if anybody may put another file in the place of ours."""
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise StoreError(f"everybody may write in {folder}", hint=f"mend it with: chmod o-w '{folder}'")
