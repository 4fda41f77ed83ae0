"""What befalls several hosts with one store: kills, pauses and cuts at random moments, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.faults.witnesses import LEAD, SPEED, Plan

HOSTS = 3
LASTS = 2.2
"""Real seconds in which things befall the hosts and fall due."""
AIMED = 0.6
"""So many of the faults fall into logins."""
FAULTS = (
    "kill",
    "kill",
    "pause",
    "pause",
    "pause",
    "cut",
    "half open",
    "answers lost",
    "delay",
    "server killed",
    "server paused",
)


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    host: int | None
    """None: all of them."""
    begins: float
    """Real seconds after the start; in a story by `awake`."""
    ends: float
    aimed: bool = False
    """It waits for somebody to log in, and befalls that host."""


@dataclass(frozen=True, slots=True)
class Fate:
    seed: int
    plans: list[Plan]
    faults: list[Fault]

    @classmethod
    def drawn(cls, seed: int) -> Fate:
        draw = Random(seed)

        def soon() -> float:
            """In minutes, as fast as time goes."""
            return draw.uniform(0.3, LASTS) * SPEED / 60

        autos = [Plan(f"auto-{nth}", (10 + soon(),)) for nth in range(draw.randint(2, 4))]
        first = 10 + soon()
        plans = [
            *autos,
            Plan("twice", (first, first + draw.uniform(0.5, 1.5))),
            Plan("wrong", (10 + soon(),), answer="refused"),
            Plan("code", (10 + soon(),), answer="refused once"),
            Plan("warned", (9 + soon(),), login="assisted"),
            Plan("expires", (soon(),), login="assisted"),
        ]
        faults = [_fault(draw) for _ in range(draw.randint(3, 7))]
        return cls(seed, plans, faults)


def _fault(draw: Random) -> Fault:
    kind, begins = draw.choice(FAULTS), draw.uniform(0.1, LASTS)
    length = draw.uniform(0.3, 2) * LEAD
    if kind.startswith("server"):
        return Fault(kind, None, begins, begins + length)
    return Fault(kind, draw.randrange(HOSTS), begins, begins + length, aimed=draw.random() < AIMED)
