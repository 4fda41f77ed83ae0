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
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from bot import due
from bot.due import Act, Agenda
from bot.intervals import Intervals, Job
from bot.labour import Labour, OwnHands, attempt
from bot.life import Account, Standing
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
PATIENCE = timedelta(minutes=1)
"""Before an account is looked at again that could not be looked at, or of which something could not be kept."""
FIRST_HOLD, LONGEST_HOLD = timedelta(seconds=5), timedelta(hours=1)
"""Between two attempts at a login that stays due whatever comes of it; doubled each time."""
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
class _Mind:
    """What this process alone knows of an account."""

    busy: set[Act] = field(default_factory=set)
    unkept: dict[str, Any] = field(default_factory=dict)
    """Fields of the note that say what was told, until the store has taken them."""
    probed_at: datetime | None = None
    """When a probe was last begun here; one that fails is not noted."""
    hold: timedelta = FIRST_HOLD
    held_until: datetime | None = None

    def standing(self, one: Standing, now: datetime) -> Standing:
        """With what is known better here than in the store."""
        better = self.unkept if self.probed_at is None else {**self.unkept, "probed_at": self.probed_at}
        return replace(one, note=replace(one.note, **better) if better else one.note, now=now)

    def next_look(self, planned: datetime, now: datetime) -> datetime:
        """Earlier than planned if a hold ends before that, or something is to be written again."""
        moments = (planned, self.held_until, now + PATIENCE if self.unkept else None)
        return min(moment for moment in moments if moment is not None and moment > now)


@dataclass(slots=True)
class _Told:
    """What is told and remembered of accounts that are looked at together."""

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
        told, again = _Told(), set(names)
        try:
            for name in names:
                if not self._leads():
                    break
                if not self._attend(name, standings.get(name), now, told):
                    again.discard(name)
            self._tell_and_remember(told)
        finally:
            # What was acted on is planned by looking at what came of it.
            self._look_again_at(again)

    def _look_again_at(self, names: Iterable[str]) -> None:
        with self._lock:
            self._touched.update(names)

    def _attend(self, name: str, found: Standing | None, now: datetime, told: _Told) -> bool:
        """Do what is due for one account; whether anything was. Whatever goes wrong stays its own."""
        try:
            mind = self._minds[name]
            one = mind.standing(found or self._tokens.standing(name), now)
            plan = due.agenda(one, self._rules)
            self._note_login(name, mind, plan, now)
            if mind.unkept:
                told.changes[name] |= mind.unkept
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
            self._plan(name, mind.next_look(due.next_look(name, plan, now), now))
        return False

    def _see_whether_login_ended(self, name: str) -> None:
        mind = self._minds[name]
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
                mind.probed_at = one.now
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
                told.changes[name] |= {"asked_at": one.now, "asks": due.asks(one, self._rules)}

    def _tell_and_remember(self, told: _Told) -> None:
        """One message and one write for everything, with what the store did not take before."""
        if not told.changes or not self._leads():
            return
        if told.alerts:
            self._tell(*told.alerts)
        for name, fields in told.changes.items():
            self._minds[name].unkept |= fields
        try:
            self._store.update({name: _setting(fields) for name, fields in told.changes.items()})
        except StoreError as error:
            log.warning("it could not be kept what was told: %s", error)
        else:
            for name in told.changes:
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
            with self._lock:
                self._minds[name].busy.discard(Act.PROBE)
            self.touched(name)

    def _is_logging_in(self) -> bool:
        with self._lock:
            return any(Act.LOGIN in mind.busy for mind in self._minds.values())

    def _to_prove(self) -> list[str]:
        return list(self._tokens.accounts)


def _in_words(names: Sequence[str]) -> str:
    shown, others = names[:NAMED], len(names) - NAMED
    return ", ".join(shown) + (f" and {others} others" if others > 0 else "")


def _setting(fields: dict[str, Any]) -> Callable[[AccountNote], AccountNote]:
    return lambda note: replace(note, **fields)
