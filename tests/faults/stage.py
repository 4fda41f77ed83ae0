"""Where a fate is played: a server, a broker, and hosts that are processes, each with its own way to the server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from redis.exceptions import ConnectionError as Disconnected

from bot import budget
from bot.lead import awake
from bot.store import AccountNote, HeldToken, Store, StoreAway
from bot.store.redis import open_server
from brokers import AccessToken, Secret
from kunji._redis import parse
from tests.fake_broker import CLIENT
from tests.faults.branch import FarBranch, Login
from tests.faults.fates import HOSTS, Fate, Fault
from tests.faults.witnesses import BEGINS, FINGERPRINT, NEXT_DAY, WAITS, FastClock, Task
from tests.redis_proxy import cut_to
from tests.redis_server import RedisServer, redis_server
from tests.unit.store.samples import KEY
from tests.waiting import eventually

REST_WITHIN, AIMS_FOR = 30.0, 2.0
"""Seconds."""
ROOT = Path(__file__).parents[2]
MUST_ARRIVE = ("warning warned ", "expired expires ")
"""However an alert begins that no fault can make untrue."""
MAY_BE_MENDED = ("warning", "expired", "dead", "refused")
"""However an alert begins that is dropped when it is no longer true."""
SILENT = ("leads", "asked", "called", "busy", "idle")
"""What is written down all the time."""
SURVIVES = ("--appendonly", "yes", "--appendfsync", "no")
"""A write is with the system before it is answered, so it is there again after a kill."""


class Process:
    """A signal reaches this very one, or nobody when it has ended."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def __del__(self) -> None:
        os.close(self._handle)


class Nursery:
    """Of hosts; one for many fates."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.host"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lock = threading.Lock()
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"  # time goes fast from when the first stage is set

    def begin(self, task: Task) -> Process:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(task.written())
            self._process.stdin.flush()
            return Process(int(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate()


@contextmanager
def nursery() -> Iterator[Nursery]:
    with closing(Nursery()) as found:
        yield found


@dataclass
class Story:
    """What became of a fate."""

    fate: Fate
    zero: float
    diary: Path
    logins: list[Login]
    live: dict[str, str]
    faults: list[Fault] = field(default_factory=list)
    survivors: list[int] = field(default_factory=list)
    """Process ids."""
    unrest: str = ""
    """What was not done in the end."""
    held: dict[str, HeldToken | None] = field(default_factory=dict)
    notes: dict[str, AccountNote] = field(default_factory=dict)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.diary.read_text().splitlines()] if self.diary.exists() else []

    def busy(self, pid: int) -> int:
        """How many logins that process has begun and not ended."""
        said = [line["what"] for line in self.lines() if line["pid"] == pid]
        return said.count("busy") - said.count("idle")

    def is_well(self, account: str) -> bool:
        """It has a token for the day, and the one that lives."""
        held = self.held[account]
        return held is not None and held.token.expires_at == NEXT_DAY and _value(held) == self.live[account]

    def waits_for_a_person(self, account: str) -> bool:
        return budget.spent(self.notes[account], FINGERPRINT) or self.is_thought_an_intruders(account)

    def is_thought_an_intruders(self, account: str) -> bool:
        """Two tokens in one day were found dead before their time: those of logins whose ends nobody heard."""
        held = self.held[account]
        return held is not None and held.rejected_at is not None and self.notes[account].replaced_on is not None

    def alerts(self, what: str, by: Container[int] | None = None) -> set[str]:
        """That were `told`, `queued` or `arrived`; `by`: of processes."""
        lines = [line for line in self.lines() if line["what"] == what and (by is None or line["pid"] in by)]
        return {key for line in lines for key in line["alerts"]}

    def retold(self) -> str:
        """For whoever wants to know how it came to that."""
        did = [(line["at"], f"host {line['host']}: {_in_short(line)}") for line in self.lines()]
        did += [(login.at, f"broker: {login.token} {login.outcome}") for login in self.logins]
        for fault in self.faults:
            did += [
                (fault.begins, f"{fault.kind} of {fault.host}"),
                (fault.ends, f"end of {fault.kind} of {fault.host}"),
            ]
        told = [f"  {at - self.zero:7.3f} {what}" for at, what in sorted(did) if not what.endswith(SILENT)]
        return "\n".join([f"seed {self.fate.seed}", *told])


def _value(held: HeldToken) -> str:
    return held.token.value.reveal()


def _in_words(held: HeldToken | None) -> str:
    return f"{_value(held)} until {held.token.expires_at}" if held else "none"


def _in_short(line: dict[str, Any]) -> str:
    said = [str(line[key]) for key in ("account", "token", "call", "alerts", "why") if key in line]
    return " ".join([*said, line["what"]])


class Stage:
    def __init__(self, fate: Fate, folder: Path, nursery: Nursery, ends: ExitStack) -> None:
        self.fate = fate
        self.nursery = nursery
        folder.mkdir(parents=True)
        self.server: RedisServer = ends.enter_context(redis_server(folder, *SURVIVES))
        self.one_at_a_time = threading.Lock()
        self.zero = awake()
        self.clock = FastClock(self.zero)
        self.branch = FarBranch(fate.plans, self.clock, fate.seed)
        self.story = Story(fate, self.zero, folder / "diary", self.branch.logins, self.branch.live)
        ends.callback(self.branch.close)
        self.store: Store = ends.enter_context(
            closing(open_server(parse(self.server.address), lambda: KEY, now=self.clock.now, waits=WAITS))
        )
        self.ways = [ends.enter_context(cut_to(self.server.port)) for _ in range(HOSTS)]
        self.seed()
        self.hosts: list[Process] = [self.begun(host) for host in range(HOSTS)]
        ends.callback(self.end_all)

    def play(self) -> Story:
        self.until_all_are_ready()
        with ThreadPoolExecutor(len(self.fate.faults)) as side_by_side:
            list(side_by_side.map(partial(self.befall, awake()), self.fate.faults))
        self.rest()
        return self.story

    def seed(self) -> None:
        for plan in self.fate.plans:
            issued_at = BEGINS - timedelta(hours=1)
            ends = BEGINS + timedelta(minutes=plan.ends[0])
            token = AccessToken(Secret(f"{plan.name} 0"), CLIENT, issued_at, ends)
            self.store.save(plan.name, HeldToken(token, proven=True, broker="fake"))
            if plan.name == "expires":
                self.store.update({plan.name: lambda note, ends=ends: replace(note, warned_for=ends)})

    def begun(self, host: int) -> Process:
        task = Task(
            host,
            self.server.at(self.ways[host].port),
            self.branch.port,
            str(self.story.diary),
            self.zero,
            self.fate.plans,
        )
        return self.nursery.begin(task)

    def until_all_are_ready(self) -> None:
        eventually(lambda: sum(line["what"] == "ready" for line in self.story.lines()) == HOSTS)

    def befall(self, since: float, planned: Fault) -> None:
        time.sleep(max(0.0, since + planned.begins - awake()))
        fault = replace(planned, host=self.aim()) if planned.aimed else planned
        begun_at = awake()
        with self.one_at_a_time:
            self.strike(fault)
        time.sleep(planned.ends - planned.begins)
        with self.one_at_a_time:
            self.mend(fault)
        self.story.faults.append(replace(fault, begins=begun_at, ends=awake()))

    def aim(self) -> int:
        """The host that logs in next."""
        pid = self.branch.next_to_log_in(AIMS_FOR)
        return next((number for number, host in enumerate(self.hosts) if host.pid == pid), 0)

    def strike(self, fault: Fault) -> None:
        match fault.kind:
            case "kill":
                self.hosts[fault.host].signal(signal.SIGKILL)
            case "pause":
                self.hosts[fault.host].signal(signal.SIGSTOP)
            case "cut":
                self.ways[fault.host].cut()
            case "half open":
                self.ways[fault.host].half_open()
            case "answers lost":
                self.ways[fault.host].half_open(answers_only=True)
            case "delay":
                self.ways[fault.host].delay = 0.05
            case "server killed" if self.server_runs():
                self.server.kill()
            case "server paused" if self.server_runs():
                self.server.pause()

    def mend(self, fault: Fault) -> None:
        match fault.kind:
            case "kill":
                self.hosts[fault.host].signal(signal.SIGKILL)
                self.hosts[fault.host] = self.begun(fault.host)
            case "pause":
                self.hosts[fault.host].signal(signal.SIGCONT)
            case "cut" | "half open" | "answers lost":
                self.ways[fault.host].mend()
                self.ways[fault.host].drop()
            case "delay":
                self.ways[fault.host].delay = 0.0
            case "server killed" | "server paused":
                if self.server_runs():
                    self.server.go_on()
                else:
                    self.server.start()

    def server_runs(self) -> bool:
        return self.server._process is not None

    def rest(self) -> None:
        until = awake() + REST_WITHIN
        while (unrest := self.unrest()) and awake() < until:
            time.sleep(0.1)
        self.story.unrest = unrest
        self.story.survivors = [host.pid for host in self.hosts]

    def unrest(self) -> str:
        """What is still to be done."""
        try:
            return self._waiting()
        except (StoreAway, Disconnected) as error:
            return str(error)

    def _waiting(self) -> str:
        for plan in self.fate.plans:
            self.story.held[plan.name] = self.store.load(plan.name)
            self.story.notes[plan.name] = self.store.note(plan.name)
        arrived = self.story.alerts("arrived")
        waiting = [f"{what} is to arrive" for what in MUST_ARRIVE if not any(key.startswith(what) for key in arrived)]
        in_memory = self.story.alerts("told", by=[host.pid for host in self.hosts]) - self.story.alerts("queued")
        waiting += [f"{key} is to arrive" for key in in_memory - arrived if not key.startswith(MAY_BE_MENDED)]
        for plan in self.fate.plans:
            if plan.login == "auto" and not (self.story.is_well(plan.name) or self.story.waits_for_a_person(plan.name)):
                waiting.append(f"{plan.name} has {_in_words(self.story.held[plan.name])}")
        waiting += [
            f"{self.story.busy(host.pid)} logins are under way" for host in self.hosts if self.story.busy(host.pid)
        ]
        waiting += [f"message {number} waits" for number, _ in self.store.queued()]
        waiting += [f"{account} is due" for account in self.server.client.zrange("kunji:due", 0, -1)]
        return "; ".join(waiting)

    def end_all(self) -> None:
        for host in self.hosts:
            host.signal(signal.SIGKILL)


def played(fate: Fate, folder: Path, nursery: Nursery) -> Story:
    with ExitStack() as ends:
        return Stage(fate, folder, nursery, ends).play()
