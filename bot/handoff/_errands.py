"""Work for one account at a time, on threads of its own: what takes long or hangs holds up nobody else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Errands:
    """`ask` returns at once. Asked for again while it is being done, it is done once more afterwards."""

    def __init__(self, what: str, do: Callable[[str], None]) -> None:
        self._what = what
        self._do = do
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._again: set[str] = set()

    @property
    def busy(self) -> bool:
        return bool(self._busy)

    def ask(self, account: str) -> None:
        with self._lock:
            if account in self._busy:
                self._again.add(account)
                return
            self._busy.add(account)
        # A daemon: the end of the bot does not wait for it.
        thread = threading.Thread(target=self._run, args=(account,), name=f"{self._what}-{account}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            log.warning(
                "%s: no thread is to be had for the %s; it waits until it is asked for again", account, self._what
            )
            with self._lock:
                self._busy.discard(account)

    def _run(self, account: str) -> None:
        asked = True
        while asked:
            try:
                self._do(account)
            except Exception:
                log.exception("%s: the %s stumbled", account, self._what)
            asked = self._is_asked_again(account)

    def _is_asked_again(self, account: str) -> bool:
        with self._lock:
            again = account in self._again
            (self._again if again else self._busy).discard(account)
            return again
