"""What is due now gets done: logins, warnings, expiries, the asking, probes, the proof before the market opens.

What is due is decided by `bot.due` from the store and the time, so a restart or a clock that is set can delay
something but not lose it. What was told is remembered after it lies in the outbox: twice is better than never. How a
token is refreshed or a message is sent is no business of this module.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from bot import due
from bot.due import Act, Agenda
from bot.intervals import Intervals, Job
from bot.labour import Labour, OwnHands, attempt
from bot.life import Account, Standing
from bot.mind import PATIENCE, Mind
from bot.proof import Proof, Prover, Tell
from bot.store import AccountNote, Alert, Store, StoreError
from bot.trading import Rules
from brokers import Clock

log = logging.getLogger(__name__)

PULSE = 0.25
"""Seconds of real time between two looks at the table of jobs."""
SWEEP_EVERY = 1
JUMP = 2.0
"""By so many seconds wall and monotonic time may part before the clock counts as set."""
AT_ONCE = 2000
"""Accounts that are looked at together: whoever is due first does not wait until thousands have been read."""
NAMED = 5
"""Of many accounts of which the log says the same."""


class Tokens(Protocol):
    """What is needed of the token service."""

    @property
    def accounts(self) -> Mapping[str, Account]: ...
    def standing(self, name: str, /) -> Standing: ...
    def standings(self, names: Sequence[str], /) -> Mapping[str, Standing]: ...
    def refresh(self, name: str, /, *, who: str) -> object: ...
    def probe(self, name: str, /) -> bool: ...


@dataclass(slots=True)
class _Lot:
    """What is begun, told and remembered together for accounts that are looked at together."""

    logins: list[str] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    changes: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))


class Scheduler:
    """`touched`, `next_login` and `look_now` may be called from any thread; else sweeps run on the scheduler's own."""

    last_sweep: float | None = None
    """When the last one ended, by the clock that nobody sets."""

    def __init__(  # noqa: PLR0913 - all but three are named, and each is a part of its own
        self,
        tokens: Tokens,
        prover: Prover,
        store: Store,
        *,
        clock: Clock,
        rules: Rules,
        tell: Tell,
        executor: Executor,
        labour: Labour | None = None,
        leads: Callable[[], bool] = lambda: True,
        jobs: Iterable[Job] = (),
    ) -> None:
        """`executor` is where brokers are asked. `labour`: who does the logins, if not this process by itself.
        `leads`: whether anything may be done; it is asked before each act, and must be quick."""
        self._tokens = tokens
        self._store = store
        self._clock = clock
        self._rules = rules
        self._tell = tell
        self._executor = executor
        self._labour = labour or OwnHands(partial(tokens.refresh, who="schedule"), executor)
        self._labour.ended = self.touched
        self._leads = leads
        self._lock, self._sweeping = threading.Lock(), threading.Lock()
        self._touched: set[str] = set()
        self._minds = {name: Mind() for name in tokens.accounts}
        self._looks: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._logins: dict[str, datetime] = {}
        self._proof = Proof(prover, store, clock, rules, tell, executor, self._to_prove, self._is_logging_in, leads)
        self._wall, self._monotonic = clock.now(), clock.monotonic()
        self._intervals = Intervals([Job("sweep", SWEEP_EVERY, self.sweep), *jobs])
        self.replan()

    # What others ask and say

    def touched(self, account: str) -> None:
        """Something about the account changed: it is looked at in the next sweep."""
        if account in self._tokens.accounts:
            with self._lock:
                self._touched.add(account)

    def next_login(self) -> tuple[datetime, str] | None:
        """The next one that comes by itself, and for which account."""
        return min(((moment, name) for name, moment in list(self._logins.items())), default=None)

    def look_now(self) -> datetime:
        """Sweep at once, as somebody has moved the time. When the next sweep is worth it: at once while anything is
        under way."""
        self.sweep()
        with self._sweeping, self._lock:
            now = self._clock.now()
            if self._touched or self._proof.running or any(mind.busy for mind in self._minds.values()):
                return now
            return min([self._proof.look_at or now, *(moment for moment, _ in self._heap[:1])])

    # Running

    async def run(self) -> None:
        """Sweep until cancelled."""
        loop = asyncio.get_running_loop()
        own = ThreadPoolExecutor(1, "scheduler")
        try:
            # Whoever asks first wants to hear what is planned; the table lets a second pass before its first sweep.
            await loop.run_in_executor(own, self._sweep_once)
            while True:
                try:
                    await loop.run_in_executor(own, self.pump)
                except Exception:
                    log.exception("the scheduler stumbled; it goes on")
                await asyncio.sleep(PULSE)
        finally:
            # A sweep that waits for the store must not hold up the loop.
            await asyncio.to_thread(own.shutdown)

    def _sweep_once(self) -> None:
        try:
            self.sweep()
        except Exception:
            log.exception("the first sweep failed; the next one follows")

    def pump(self) -> None:
        """Do what is due now. A clock that was set makes every plan worthless, and so does a sleep of the machine, in
        which monotonic time stands still."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        parted = (wall - self._wall).total_seconds() - (monotonic - self._monotonic)
        self._wall, self._monotonic = wall, monotonic
        if abs(parted) > JUMP:
            log.warning("the clock was set, or the machine slept: %.0f s; everything is planned anew", parted)
            self._intervals.rebuild()
            self.replan()
        self._intervals.pump()

    def replan(self) -> None:
        """Look at every account in the next sweep."""
        for mind in self._minds.values():
            mind.held_until = None
        self._proof.look_at = None
        with self._lock:
            self._touched.update(self._tokens.accounts)

    # The sweep

    def sweep(self) -> None:
        """Do what is due. Costs next to nothing when nothing is."""
        with self._sweeping:
            now = self._clock.now()
            names = self._to_look_at(now)
            if names:
                self._look_at(names, now)
            if self._leads():
                self._proof.sweep(now)
            self.last_sweep = self._clock.monotonic()

    def _to_look_at(self, now: datetime) -> list[str]:
        """The accounts that were touched and those whose moment has come."""
        with self._lock:
            names, self._touched = self._touched, set()
        while self._heap and self._heap[0][0] <= now:
            moment, name = heapq.heappop(self._heap)
            if self._looks.get(name) == moment:
                del self._looks[name]
                names.add(name)
        return sorted(names)

    def _look_at(self, names: list[str], now: datetime) -> None:
        """Some after the others, whatever becomes of the first."""
        some, others = names[:AT_ONCE], names[AT_ONCE:]
        try:
            self._look_at_together(some, now)
        finally:
            if others:
                self._look_at(others, now)

    def _look_at_together(self, names: list[str], now: datetime) -> None:
        if not self._leads():
            self._look_again_at(names)
            return
        try:
            standings = self._standings(names)
        except StoreError as error:
            log.warning("%s: cannot be looked at: %s", _in_words(names), error)
            for name in names:
                self._plan(name, now + PATIENCE)
        else:
            self._do_what_is_due(names, standings, now)

    def _standings(self, names: list[str]) -> Mapping[str, Standing]:
        """Of as many as can be read together; who is left out is then asked about alone, and that says what is wrong.
        Raises StoreError."""
        # What a login left behind is read once it is known to have ended.
        for name in names:
            self._see_whether_login_ended(name)
        try:
            return self._tokens.standings(names)
        except StoreError:
            raise
        except Exception:
            log.exception("%s: cannot be looked at together", _in_words(names))
            return {}

    def _do_what_is_due(self, names: list[str], standings: Mapping[str, Standing], now: datetime) -> None:
        lot, again = _Lot(), set(names)
        try:
            for name in names:
                if not self._leads():
                    break
                if not self._attend(name, standings.get(name), now, lot):
                    again.discard(name)
            self._start(lot.logins, now)
            self._tell_and_remember(lot)
        finally:
            # What was acted on is planned by looking at what came of it.
            self._look_again_at(again)

    def _look_again_at(self, names: Iterable[str]) -> None:
        with self._lock:
            self._touched.update(names)

    def _attend(self, name: str, found: Standing | None, now: datetime, lot: _Lot) -> bool:
        """Do what is due for one account; whether anything was. Whatever goes wrong stays its own."""
        try:
            mind = self._minds[name]
            one = mind.standing(found or self._tokens.standing(name), now)
            plan = due.agenda(one, self._rules)
            self._note_login(name, plan.get(Act.LOGIN))
            mind.login_is_planned(plan.get(Act.LOGIN), now)
            if mind.unkept:
                lot.changes[name] |= mind.unkept
            acts = mind.allowed(due.due(plan, now), now)
            for act in acts:
                self._do(act, one, plan, lot)
        except StoreError as error:
            log.warning("%s: cannot be looked at: %s", name, error)
            self._plan(name, now + PATIENCE)
        except Exception:
            log.exception("%s: cannot be looked at", name)
            self._plan(name, now + PATIENCE)
        else:
            if acts:
                return True
            self._plan(name, mind.next_look(due.next_look(name, plan, now), now))
        return False

    def _see_whether_login_ended(self, name: str) -> None:
        mind = self._minds[name]
        if Act.LOGIN in mind.busy and not self._labour.is_at_it(name):
            mind.busy.discard(Act.LOGIN)

    def _note_login(self, name: str, planned: datetime | None) -> None:
        """Keep in mind when the next one is planned."""
        if planned is None:
            self._logins.pop(name, None)
        else:
            self._logins[name] = planned

    def _do(self, act: Act, one: Standing, plan: Agenda, lot: _Lot) -> None:
        name, held = one.account.name, one.held
        match act:
            case Act.LOGIN:
                lot.logins.append(name)
            case Act.PROBE:
                self._minds[name].begin_probe(one.now)
                self._executor.submit(self._probe, name)
            case Act.WARN if held is not None:
                lot.alerts.append(due.warning(one, held, plan, self._rules))
                lot.changes[name]["warned_for"] = held.token.expires_at
            case Act.EXPIRED if held is not None:
                lot.alerts.append(due.expired(one, held, plan, self._rules))
                lot.changes[name]["expired_for"] = held.token.expires_at
            case Act.ASK:
                lot.alerts.append(due.ask(one, self._rules))
                lot.changes[name] |= {"asked_at": one.now, "asks": due.asks(one, self._rules)}

    def _start(self, logins: list[str], now: datetime) -> None:
        """In one question. What nobody could be asked to do is asked for again."""
        if not logins or not self._leads():
            return
        minds = [self._minds[name] for name in logins]
        for mind in minds:
            mind.held_until = now + PATIENCE
        try:
            self._labour.start(logins)
        except StoreError as error:
            log.warning("%s: nobody can be asked to log in: %s", _in_words(logins), error)
        except Exception:
            log.exception("%s: no login could be begun", _in_words(logins))
        else:
            for mind in minds:
                mind.begin_login(now)

    def _tell_and_remember(self, lot: _Lot) -> None:
        """One message and one write for everything, with what the store did not take before."""
        if not lot.changes or not self._leads():
            return
        if lot.alerts:
            self._tell(*lot.alerts)
        for name, fields in lot.changes.items():
            self._minds[name].unkept |= fields
        try:
            self._store.update({name: _setting(fields) for name, fields in lot.changes.items()})
        except StoreError as error:
            log.warning("it could not be kept what was told: %s", error)
        else:
            for name in lot.changes:
                self._minds[name].unkept.clear()

    def _plan(self, name: str, look: datetime) -> None:
        if self._looks.get(name) != look:
            self._looks[name] = look
            heapq.heappush(self._heap, (look, name))

    # Work that takes long

    def _probe(self, name: str) -> None:
        try:
            if self._leads():
                attempt(self._tokens.probe, name, "probe")
        finally:
            with self._lock:  # together: between the two `look_now` would find nothing under way
                self._minds[name].busy.discard(Act.PROBE)
                self._touched.add(name)

    def _is_logging_in(self) -> bool:
        return any(Act.LOGIN in mind.busy for mind in self._minds.values())

    def _to_prove(self) -> list[str]:
        return list(self._tokens.accounts)


def _in_words(names: Sequence[str]) -> str:
    shown, others = names[:NAMED], len(names) - NAMED
    return ", ".join(shown) + (f" and {others} others" if others > 0 else "")


def _setting(fields: dict[str, Any]) -> Callable[[AccountNote], AccountNote]:
    return lambda note: replace(note, **fields)
