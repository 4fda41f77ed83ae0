"""The proof before the market opens: once a day that may trade, every account is asked for whether it is ready.

A proof missed while the bot was down is made up until an hour after trading has started. It waits for logins that are
under way, but not for long: a late answer is no proof.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol

from bot.due import next_proof
from bot.store import Alert, Store, StoreError
from bot.trading import Rules, at, ist
from brokers import Clock

log = logging.getLogger(__name__)

AGAIN_EVERY = timedelta(minutes=1)
WAITS = 120.0
"""Seconds it waits for logins that are under way."""
PATIENCE = timedelta(minutes=1)
"""Before a proof that failed as a whole is tried again."""


class Prover(Protocol):
    def prove(self, names: Sequence[str], /) -> list[Alert]: ...


class Tell(Protocol):
    def __call__(self, *alerts: Alert) -> None: ...


@dataclass(slots=True)
class Proof:
    prover: Prover
    store: Store
    clock: Clock
    rules: Rules
    tell: Tell
    executor: Executor
    names: Callable[[], Sequence[str]]
    """The accounts to prove."""
    logins_running: Callable[[], bool]
    leads: Callable[[], bool] = lambda: True
    """Whether it is still this process that proves; whoever comes after it proves anew what it did not tell."""
    look_at: datetime | None = None
    """None: it is not known when to look."""
    due_since: float | None = None
    proved_on: date | None = None
    """Should the store not have taken it."""
    running: bool = False
    not_ready: tuple[str, ...] = ()
    """Accounts whose proof failed; asked again until the market opens: whoever mends one wants to hear that it is."""

    def sweep(self, now: datetime) -> None:
        """Begin the proof if it is due."""
        if self.running or (self.look_at is not None and now < self.look_at):
            return
        self.look_at = self._due_at(now)
        if self.not_ready and now < self.look_at:
            self._ask_again(now)
        elif now >= self.look_at and not (self.logins_running() and self._may_wait()):
            self.due_since, self.running = None, True
            self.executor.submit(self._prove, ist(now).date())

    def _ask_again(self, now: datetime) -> None:
        if now >= at(ist(now).date(), self.rules.hours.trading_starts):
            self.not_ready = ()
            return
        self.look_at, self.running = now + AGAIN_EVERY, True
        self.executor.submit(self._prove_again)

    def _due_at(self, now: datetime) -> datetime:
        try:
            remembered = self.store.bot_note().proved_on
        except StoreError as error:
            log.warning("it is not known whether the accounts were proved today: %s", error)
            return now + PATIENCE
        proved_on = self.proved_on if self.proved_on == ist(now).date() else remembered
        return next_proof(proved_on, now, self.rules)

    def _may_wait(self) -> bool:
        if self.due_since is None:
            self.due_since = self.clock.monotonic()
        return self.clock.monotonic() - self.due_since < WAITS

    def _prove(self, day: date) -> None:
        try:
            proofs = self.prover.prove(self.names())
            if not self.leads():
                return
            self.tell(*proofs)
            self.not_ready = _failed(proofs)
            self.proved_on = day
            self.store.update_bot(lambda note: replace(note, proved_on=day))
            self.look_at = self.clock.now() + AGAIN_EVERY if self.not_ready else None
        except StoreError as error:
            log.warning("it could not be kept that the accounts were proved: %s", error)
            self.look_at = self.clock.now() + PATIENCE
        except Exception:
            log.exception("the proof failed")
            self.look_at = self.clock.now() + PATIENCE
        finally:
            self.running = False

    def _prove_again(self) -> None:
        try:
            proofs = self.prover.prove(self.not_ready)
            ready = [alert for alert in proofs if alert.kind != "proof" or alert.facts.get("ok")]
            if ready and self.leads():
                self.tell(*ready)
            self.not_ready = _failed(proofs)
        except Exception:
            log.exception("the second proof failed")
        finally:
            self.running = False


def _failed(proofs: Sequence[Alert]) -> tuple[str, ...]:
    return tuple(
        alert.account for alert in proofs if alert.kind == "proof" and alert.account and not alert.facts.get("ok")
    )
