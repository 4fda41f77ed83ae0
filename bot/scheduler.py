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
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from bot import due
from bot.due import Act, Agenda
from bot.intervals import Intervals, Job
from bot.labour import Labour, OwnHands, attempt
from bot.life import Account, Standing
from bot.proof import Proof, Prover, Tell
from bot.store import AccountNote, Alert, HeldToken, Store, StoreError
from bot.trading import Rules
from brokers import Clock

log = logging.getLogger(__name__)

PULSE = 0.25
"""Seconds of real time between two looks at the table of jobs."""
SWEEP_EVERY = 1
JUMP = 2.0
"""By so many seconds wall and monotonic time may part before the clock counts as set."""
PATIENCE = timedelta(minutes=1)
"""Before an account that could not be looked at is looked at again."""
FIRST_HOLD, LONGEST_HOLD = timedelta(seconds=5), timedelta(hours=1)
"""Between two attempts at a login that stays due whatever comes of it; doubled each time."""


class Tokens(Protocol):
    """What is needed of the token service."""

    @property
    def accounts(self) -> Mapping[str, Account]: ...
    def held(self, name: str, /) -> HeldToken | None: ...
    def note(self, name: str, /) -> AccountNote: ...
    def refresh(self, name: str, /, *, who: str) -> object: ...
    def probe(self, name: str, /) -> bool: ...


@dataclass(slots=True)
class _Mind:
    """What this process alone knows of an account."""

    busy: set[Act] = field(default_factory=set)
    done: dict[str, Any] = field(default_factory=dict)
    """Fields of the note as they should be, should the store not have taken them."""
    hold: timedelta = FIRST_HOLD
    held_until: datetime | None = None


@dataclass(slots=True)
class _Told:
    """What one sweep tells and remembers."""

    alerts: list[Alert] = field(default_factory=list)
    changes: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))


class Scheduler:
    """`touched` and `next_login` may be called from any thread; the sweep runs on one of the scheduler's own."""

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
        self._lock = threading.Lock()
        self._touched: set[str] = set()
        self._minds: dict[str, _Mind] = defaultdict(_Mind)
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
        """Do what is due now. A clock that was set makes every plan worthless."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        parted = (wall - self._wall).total_seconds() - (monotonic - self._monotonic)
        self._wall, self._monotonic = wall, monotonic
        if abs(parted) > JUMP:
            log.warning("the clock was set by %.0f s; everything is planned anew", parted)
            self._intervals.rebuild()
            self.replan()
        self._intervals.pump()

    def replan(self) -> None:
        """Look at every account in the next sweep."""
        for mind in list(self._minds.values()):
            mind.held_until = None
        self._proof.look_at = None
        with self._lock:
            self._touched.update(self._tokens.accounts)

    # The sweep

    def sweep(self) -> None:
        """Do what is due. Costs next to nothing when nothing is."""
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
        told, again = _Told(), set(names)
        try:
            for name in names:
                if not self._leads():
                    break
                if not self._attend(name, now, told):
                    again.discard(name)
            self._tell_and_remember(told)
        finally:
            # What was acted on is planned by looking at what came of it.
            with self._lock:
                self._touched |= again

    def _attend(self, name: str, now: datetime, told: _Told) -> bool:
        """Do what is due for one account; whether anything was. Whatever goes wrong stays its own."""
        try:
            mind = self._minds[name]
            self._see_whether_login_ended(name, mind)
            note = self._tokens.note(name)
            note = replace(note, **mind.done) if mind.done else note
            one = Standing(self._tokens.accounts[name], self._tokens.held(name), note, now)
            plan = due.agenda(one, self._rules)
            self._note_login(name, mind, plan, now)
            acts = self._allowed(mind, due.due(plan, now), now)
            for act in acts:
                self._do(act, one, plan, told)
        except StoreError as error:
            log.warning("%s: cannot be looked at: %s", name, error)
            self._plan(name, now + PATIENCE)
        except Exception:
            log.exception("%s: cannot be looked at", name)
            self._plan(name, now + PATIENCE)
        else:
            if acts:
                return True
            look = due.next_look(name, plan, now)
            held = mind.held_until
            self._plan(name, min(look, held) if held is not None and held > now else look)
        return False

    def _see_whether_login_ended(self, name: str, mind: _Mind) -> None:
        if Act.LOGIN in mind.busy and not self._labour.is_at_it(name):
            with self._lock:
                mind.busy.discard(Act.LOGIN)

    def _note_login(self, name: str, mind: _Mind, plan: Agenda, now: datetime) -> None:
        """Keep in mind when the next one is planned. One that is no longer due has left its troubles behind."""
        planned = plan.get(Act.LOGIN)
        if planned is None:
            self._logins.pop(name, None)
        else:
            self._logins[name] = planned
        if planned is None or planned > now:
            mind.hold, mind.held_until = FIRST_HOLD, None

    def _allowed(self, mind: _Mind, acts: list[Act], now: datetime) -> list[Act]:
        """Not what is being done, not a login that is held, and nothing about a token that a login replaces."""
        held = mind.held_until is not None and now < mind.held_until
        with self._lock:
            acts = [act for act in acts if act not in mind.busy and not (act is Act.LOGIN and held)]
            mending = Act.LOGIN in acts or Act.LOGIN in mind.busy
        return [act for act in acts if not (mending and act in {Act.EXPIRED, Act.PROBE})]

    def _do(self, act: Act, one: Standing, plan: Agenda, told: _Told) -> None:
        name, mind, held = one.account.name, self._minds[one.account.name], one.held
        match act:
            case Act.LOGIN:
                mind.held_until, mind.hold = one.now + mind.hold, min(mind.hold * 2, LONGEST_HOLD)
                self._labour.start(name)
                with self._lock:
                    mind.busy.add(act)
            case Act.PROBE:
                mind.done["probed_at"] = one.now
                with self._lock:
                    mind.busy.add(act)
                self._executor.submit(self._probe, name)
            case Act.WARN if held is not None:
                told.alerts.append(due.warning(one, held, plan, self._rules))
                told.changes[name]["warned_for"] = held.token.expires_at
            case Act.EXPIRED if held is not None:
                told.alerts.append(due.expired(one, held, plan, self._rules))
                told.changes[name]["expired_for"] = held.token.expires_at
            case Act.ASK:
                told.alerts.append(due.ask(one, self._rules))
                told.changes[name]["asked_at"] = one.now

    def _tell_and_remember(self, told: _Told) -> None:
        """One message and one write for everything that one sweep had to tell."""
        if not told.alerts or not self._leads():
            return
        self._tell(*told.alerts)
        for name, fields in told.changes.items():
            self._minds[name].done |= fields
        try:
            self._store.update({name: _setting(fields) for name, fields in told.changes.items()})
        except StoreError as error:
            log.warning("it could not be kept what was told: %s", error)
            return
        for name, fields in told.changes.items():
            for key in fields:
                self._minds[name].done.pop(key, None)

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
            with self._lock:
                self._minds[name].busy.discard(Act.PROBE)
            self.touched(name)

    def _is_logging_in(self) -> bool:
        with self._lock:
            return any(Act.LOGIN in mind.busy for mind in self._minds.values())

    def _to_prove(self) -> list[str]:
        return list(self._tokens.accounts)


def _setting(fields: dict[str, Any]) -> Callable[[AccountNote], AccountNote]:
    return lambda note: replace(note, **fields)
