"""What every stand-in has: faults on demand, counted calls, a time of its own, and methods others may control it by.

A stand-in for one more broker derives from this, names its doors and its controls, and is listed in
`bot.sandbox.BROKERS`; nothing else needs to know of it.
"""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic

from bot.sandbox import totp
from bot.sandbox.bank import MADE_UP, BaseBank, C
from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import ANY, Fault, Faults, Kind
from bot.sandbox.front import Asked, Front, Handler, Resolver
from bot.sandbox.pulse import Pulse

REMEMBERED = 10_000
HTML_502 = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(slots=True)
class Seen:
    """A request that came in. Names only: values may be secret."""

    call: str
    method: str
    path: str
    at: float
    """Unix, by this stand-in's clock."""
    query_names: tuple[str, ...]
    header_names: tuple[str, ...]
    outcome: str = ""
    """The status it was answered with, and why it was refused; or what happened instead. Empty until then."""


class StandIn(ABC):
    """One company's servers. All methods are thread-safe; none but the waiting ones take long."""

    name: ClassVar[str]
    controls: ClassVar[tuple[str, ...]] = (
        "bad_gateway",
        "calls",
        "cut",
        "delay",
        "down",
        "drip",
        "forget_calls",
        "hang",
        "heal",
        "lose",
        "requests",
        "reset",
        "respond",
        "run_ahead",
        "up",
    )
    """The methods that the HTTP control door offers; arguments and results are JSON there."""

    def __init__(self, clock: SandboxClock, pulse: Pulse) -> None:
        self.clock = clock
        self.pulse = pulse
        self.lock = threading.RLock()
        self.faults = Faults()
        self._ahead = 0.0
        self._seen: deque[Seen] = deque(maxlen=REMEMBERED)
        self._counts: Counter[tuple[str, str]] = Counter()
        self.settled = 0
        """Rises with every call whose outcome is known."""
        self.fronts = {name: Front(self, resolve) for name, resolve in self.doors().items()}
        self._in_loop: Callable[[Coroutine[Any, Any, None]], None] | None = None

    @abstractmethod
    def doors(self) -> Mapping[str, Resolver]:
        """A resolver for every named address."""

    # Time.

    def unix(self) -> float:
        return self.clock.unix() + self._ahead

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.unix(), UTC)

    def run_ahead(self, seconds: float) -> None:
        """Its own clock runs that much ahead of the sandbox's (behind, if negative)."""
        self._ahead = seconds

    # Faults.

    def respond(self, call: str = ANY, status: int = 500, body: Any = None, times: int | None = 1) -> None:
        """The next calls are answered like this and not worked on. Text is HTML, bytes are raw, else JSON.
        `times` None: until healed; so for every fault."""
        self.faults.plan(call, Fault(Kind.ANSWER, status, body), times)

    def bad_gateway(self, call: str = ANY, times: int | None = 1) -> None:
        self.respond(call, 502, HTML_502, times)

    def delay(self, call: str = ANY, seconds: float = 1.0, times: int | None = 1) -> None:
        """Answered properly after so many real seconds."""
        self.faults.plan(call, Fault(Kind.DELAY, seconds=seconds), times)

    def hang(self, call: str = ANY, times: int | None = 1) -> None:
        """Never answered; the connection is reset when healed."""
        self.faults.plan(call, Fault(Kind.HANG), times)

    def drip(self, call: str = ANY, seconds: float = 0.2, times: int | None = 1) -> None:
        """Answered byte by byte, headers included, with a pause between two bytes."""
        self.faults.plan(call, Fault(Kind.DRIP, seconds=seconds), times)

    def reset(self, call: str = ANY, times: int | None = 1) -> None:
        """The connection is reset before anything is done."""
        self.faults.plan(call, Fault(Kind.RESET), times)

    def lose(self, call: str = ANY, times: int | None = 1) -> None:
        """The work is done and the answer lost."""
        self.faults.plan(call, Fault(Kind.LOSE), times)

    def cut(self, call: str = ANY, times: int | None = 1) -> None:
        """The work is done and half of the answer arrives."""
        self.faults.plan(call, Fault(Kind.CUT), times)

    def heal(self, call: str = ANY) -> None:
        """No more planned faults; whoever hangs is let go."""
        self.faults.heal(call)
        self.pulse.beat()

    def down(self, how: str = "refuse") -> None:
        """Until `up`: connections are refused, or (`reset`) accepted and reset. Open ones end."""
        if how not in ("refuse", "reset"):
            raise ValueError("down either refuses or resets")
        for front in self.fronts.values():
            self._run(front.door.refuse() if how == "refuse" else front.door.reset())

    def up(self) -> None:
        for front in self.fronts.values():
            self._run(front.door.open())

    # Calls.

    def record(self, call: str, asked: Asked) -> Seen:
        seen = Seen(call, asked.method, asked.path, self.unix(), tuple(asked.query), tuple(asked.headers))
        with self.lock:
            self._counts[call, asked.method] += 1
            self._seen.append(seen)
        self.pulse.beat()
        return seen

    def settle(self, seen: Seen, outcome: str) -> None:
        seen.outcome = outcome
        self.settled += 1
        self.pulse.beat()

    def calls(self, call: str = ANY, method: str | None = None) -> int:
        """How many came in, faulty ones included."""
        with self.lock:
            return sum(n for (c, m), n in self._counts.items() if call in (ANY, c) and method in (None, m))

    def wait_calls(self, call: str, count: int, timeout: float = 5.0) -> None:
        """Until so many came in. Raises TimeoutError."""
        if self.pulse.wait(lambda: True if self.calls(call) >= count else None, timeout) is None:
            raise TimeoutError(f"{self.calls(call)} calls of {call} came, not {count}")

    def requests(self, call: str = ANY) -> list[Seen]:
        with self.lock:
            return [seen for seen in self._seen if call in (ANY, seen.call)]

    def forget_calls(self) -> None:
        with self.lock:
            self._seen.clear()
            self._counts.clear()

    # Running.

    async def open(self, in_loop: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._in_loop = in_loop
        for front in self.fronts.values():
            await front.door.open()

    async def release(self) -> None:
        for front in self.fronts.values():
            await front.door.release()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        if self._in_loop is None:
            work.close()
            raise RuntimeError("the sandbox does not run")
        self._in_loop(work)


class Broker(StandIn, Generic[C]):
    """A broker's servers: named endpoints, each at a port of its own so that each has its own clock and cache.

    A broker makes its `bank` before anything else, since its doors hand it to those who answer."""

    suffixes: ClassVar[Mapping[str, str]]
    """What follows the port in each endpoint's address."""
    samples: ClassVar[Mapping[str, tuple[int, Any]]]
    """Its documented answers: status and body, by the name of the sample payload."""
    failure: ClassVar[str]
    """The sample that `fail` takes when none is named."""
    remembered: ClassVar[frozenset[str]]
    """What is known of a client and not for `change`."""
    controls = (*StandIn.controls, "attempts", "change", "code", "fail", "rules")
    bank: BaseBank[C, Any]

    def __init__(self, clock: SandboxClock, pulse: Pulse) -> None:
        super().__init__(clock, pulse)
        self.lock = self.bank.lock

    def endpoints(self) -> dict[str, str]:
        return {name: self.fronts[name].door.url + suffix for name, suffix in self.suffixes.items()}

    # Clients.

    def change(self, client_id: str, **values: Any) -> None:
        """Change what is known of a client, by the names in the broker's `Client`: totp_secret, blocked, holdings …"""
        with self.lock:
            client = self._client(client_id)
            if unknown := values.keys() - ({f.name for f in fields(client)} - self.remembered - MADE_UP):
                raise ValueError(f"a client has no {', '.join(sorted(unknown))}")
            for name, value in values.items():
                setattr(client, name, value)
            if "orders" in values:
                client.make_orders = None

    def rules(self, **values: Any) -> None:
        """Change what is not published or can be so or so, by the names in the broker's `Rules`."""
        with self.lock:
            if unknown := values.keys() - {f.name for f in fields(self.bank.rules)}:
                raise ValueError(f"there is no rule {', '.join(sorted(unknown))}")
            for name, value in values.items():
                setattr(self.bank.rules, name, value)

    def attempts(self, client_id: str) -> dict[str, int]:
        """How many logins of this client were granted and refused, whoever tried."""
        with self.lock:
            client = self._client(client_id)
            return {"granted": client.granted, "refused": client.refused}

    def code(self, client_id: str) -> str:
        """What the client's authenticator app shows now."""
        return totp.code_in(self._client(client_id).totp_secret, totp.window_at(self.unix()))

    def _admit(self, client_id: str, client: C, more: Mapping[str, Any]) -> None:
        with self.lock:
            self.bank.clients[client_id] = client
            self.change(client_id, **more)

    def _client(self, client_id: str) -> C:
        try:
            return self.bank.clients[client_id]
        except KeyError:
            raise ValueError(f"there is no client {client_id}") from None

    # Documented failures.

    def fail(self, call: str = ANY, sample: str | None = None, times: int | None = 1) -> None:
        """The next calls are answered with a documented answer, by the name of its sample payload."""
        name = self.failure if sample is None else sample
        if name not in self.samples:
            raise ValueError(f"there is no sample {name}; there are {', '.join(self.samples)}")
        status, body = self.samples[name]
        self.faults.plan(call, Fault(Kind.ANSWER, status, body), times)


@dataclass(frozen=True, slots=True)
class Route:
    """A path with `{names}` in it, who answers each verb, and what the call is named."""

    call: str
    path: str
    verbs: Mapping[str, Handler]


def router(routes: Sequence[Route], nowhere: Handler) -> Resolver:
    """Finds the route; an unknown path or verb goes to `nowhere`."""
    table = [(re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)), route) for route in routes]

    def resolve(asked: Asked) -> tuple[str, Asked, Handler]:
        for pattern, route in table:
            if found := pattern.fullmatch(asked.path):
                asked = replace(asked, parts=found.groupdict())
                return route.call, asked, route.verbs.get(asked.method, nowhere)
        return "nowhere", asked, nowhere

    return resolve
