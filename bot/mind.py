"""What one process alone knows of an account: what it is doing about it, what the store has not taken, what it holds
back. Nothing here acts, and nothing of it outlives the process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.due import Act
from bot.life import Standing

PATIENCE = timedelta(minutes=1)
"""Before something is tried again that could not be looked at, begun or kept."""
FIRST_HOLD, LONGEST_HOLD = timedelta(seconds=5), timedelta(hours=1)
"""Between two attempts at a login that stays due whatever comes of it; doubled each time."""
REPLACED_BY_A_LOGIN = frozenset({Act.EXPIRED, Act.PROBE})
"""Acts about a token that are not worth it while a login gives another one."""


@dataclass(slots=True)
class Mind:
    busy: set[Act] = field(default_factory=set)
    """What was begun and has not come to an end."""
    unkept: dict[str, Any] = field(default_factory=dict)
    """Fields of the note that say what was told, until the store has taken them."""
    probed_at: datetime | None = None
    """When a probe was last begun here; one that fails is not noted."""
    hold: timedelta = FIRST_HOLD
    held_until: datetime | None = None
    """No login is begun before."""

    def standing(self, one: Standing, now: datetime) -> Standing:
        """With what is known better here than in the store."""
        better = self.unkept if self.probed_at is None else {**self.unkept, "probed_at": self.probed_at}
        return replace(one, note=replace(one.note, **better) if better else one.note, now=now)

    def login_is_planned(self, planned: datetime | None, now: datetime) -> None:
        """One that is no longer due has left its troubles behind."""
        if planned is None or planned > now:
            self.hold, self.held_until = FIRST_HOLD, None

    def allowed(self, acts: list[Act], now: datetime) -> list[Act]:
        """Not what is being done, not a login that is held, and nothing about a token that a login replaces."""
        held = self.held_until is not None and now < self.held_until
        free = [act for act in acts if act not in self.busy and not (act is Act.LOGIN and held)]
        mending = Act.LOGIN in free or Act.LOGIN in self.busy
        return [act for act in free if not (mending and act in REPLACED_BY_A_LOGIN)]

    def begin_login(self, now: datetime) -> None:
        self.busy.add(Act.LOGIN)
        self.held_until, self.hold = now + self.hold, min(self.hold * 2, LONGEST_HOLD)

    def begin_probe(self, now: datetime) -> None:
        self.busy.add(Act.PROBE)
        self.probed_at = now

    def next_look(self, planned: datetime, now: datetime) -> datetime:
        """Earlier than planned if a hold ends before that, or something is to be written again."""
        moments = (planned, self.held_until, now + PATIENCE if self.unkept else None)
        return min(moment for moment in moments if moment is not None and moment > now)
