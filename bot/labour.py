"""Who does the logins that fall due: this process, or whoever of a crew comes first. What is due is decided elsewhere;
that nothing is done twice is seen to under the account's lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Container, Sequence
from concurrent.futures import Executor
from typing import Protocol

from bot.store import Crew, StoreError
from brokers import KunjiError

log = logging.getLogger(__name__)

CLAIM_EVERY = 0.7
"""Seconds between two looks for logins that others offer."""
LOOK_EVERY = 5.0
"""Seconds between two looks whether what was offered is done."""


class Labour(Protocol):
    """`ended` is to be called whenever a login that was started here has come to an end, whatever came of it."""

    ended: Callable[[str], None]

    def start(self, accounts: Sequence[str], /) -> None:
        """Have them logged in. Returns at once. Raises StoreError if nobody can be asked to; then none is started."""

    def is_at_it(self, account: str, /) -> bool:
        """It was started here and has not come to an end, as far as is known."""


def _nobody(_account: str) -> None:
    """Nobody waits for it."""


class OwnHands:
    """Every login is done here."""

    def __init__(self, log_in: Callable[[str], object], executor: Executor) -> None:
        """`executor`: a login may keep one of its threads for minutes."""
        self.ended: Callable[[str], None] = _nobody
        self._log_in = log_in
        self._executor = executor
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    def start(self, accounts: Sequence[str]) -> None:
        with self._lock:
            self._busy.update(accounts)
        for account in accounts:
            self._executor.submit(self._do, account)

    def is_at_it(self, account: str) -> bool:
        with self._lock:
            return account in self._busy

    def _do(self, account: str) -> None:
        try:
            attempt(self._log_in, account)
        finally:
            with self._lock:
                self._busy.discard(account)
            self.ended(account)


class Shared:
    """Every login is offered to a crew, and each of them does as many as it has hands for."""

    def __init__(
        self, crew: Crew, log_in: Callable[[str], object], executor: Executor, *, known: Container[str], hands: int
    ) -> None:
        """`known`: the accounts of this process's config. `hands`: so many logins side by side."""
        self.ended: Callable[[str], None] = _nobody
        self._crew = crew
        self._log_in = log_in
        self._executor = executor
        self._known = known
        self._hands = hands
        self._lock = threading.Lock()
        self._offered: set[str] = set()
        self._claimed: set[str] = set()
        self._wanted, self._stopped = threading.Event(), threading.Event()

    # What the leader's time table asks for

    def start(self, accounts: Sequence[str]) -> None:
        self._crew.offer(accounts)
        with self._lock:
            self._offered.update(accounts)
        self._wanted.set()

    def is_at_it(self, account: str) -> bool:
        with self._lock:
            return account in self._offered

    def forget(self) -> None:
        """What was started here is somebody else's to follow from now on; it is done all the same."""
        with self._lock:
            self._offered.clear()

    # What every process does

    def begin(self) -> None:
        """Claim and work, on threads, until `stop`."""
        for work, wait in ((self.claim, self._until_wanted), (self.look, self._until_worth_a_look)):
            threading.Thread(target=self._run, args=(work, wait), name="labour", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._wanted.set()

    def claim(self) -> None:
        """Take what is offered, as far as there are hands. Raises StoreError."""
        with self._lock:
            free = self._hands - len(self._claimed)
        for account in self._crew.claim(free) if free > 0 else []:
            if account in self._known:
                with self._lock:
                    self._claimed.add(account)
                self._executor.submit(self._do, account)
            else:
                log.debug("%s is not in this config; its login is left to others", account)
                self._crew.hand_back(account)

    def look(self) -> None:
        """See what has come to an end. Raises StoreError."""
        with self._lock:
            ours = sorted(self._offered)
        still = self._crew.offered() if ours else set()
        for account in ours:
            if account not in still:
                self._has_ended(account)

    def _do(self, account: str) -> None:
        try:
            attempt(self._log_in, account)
            self._crew.finished(account)
        except StoreError as error:
            log.warning("%s: nobody could be told that its login has ended: %s", account, error)
        finally:
            with self._lock:
                self._claimed.discard(account)
            self._has_ended(account)
            self._wanted.set()

    def _has_ended(self, account: str) -> None:
        with self._lock:
            ours = account in self._offered
            self._offered.discard(account)
        if ours:
            self.ended(account)

    def _run(self, work: Callable[[], None], wait: Callable[[], object]) -> None:
        while not self._stopped.is_set():
            try:
                work()
            except StoreError as error:
                log.debug("logins cannot be shared now: %s", error)
            except Exception:
                log.exception("the labour stumbled; it goes on")
            wait()

    def _until_wanted(self) -> None:
        self._wanted.wait(CLAIM_EVERY)
        self._wanted.clear()

    def _until_worth_a_look(self) -> None:
        self._stopped.wait(LOOK_EVERY)


def attempt(work: Callable[[str], object], account: str, what: str = "login") -> None:
    """Do it; what goes wrong is only said, as whoever did it has seen to the rest."""
    try:
        work(account)
    except KunjiError as error:
        log.info("%s: the %s did not succeed: %s", account, what, error)
    except Exception:
        log.exception("%s: the %s failed", account, what)
