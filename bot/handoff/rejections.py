"""What a program that says its token is dead brings about: one question to the broker, and one refresh at most, however
many say so at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from bot.budget import HeldBack
from bot.handoff.marks import Marks
from bot.life import is_live
from bot.store import HeldToken
from bot.tokens import TokenService
from brokers import Consent

PROBE_GAP = 10.0
"""Seconds in which the same token is not asked about twice; what came of it is told again."""


@dataclass(frozen=True, slots=True)
class Settled:
    held: HeldToken
    alive: bool
    """It is the one that was named, and the broker says it lives."""


@dataclass(frozen=True, slots=True)
class _Inquiry:
    mark: str
    began: float
    outcome: asyncio.Future[Settled]


class Rejections:
    """In the loop; the brokers are asked on `executor`."""

    def __init__(self, tokens: TokenService, marks: Marks, executor: Executor) -> None:
        self._tokens = tokens
        self._marks = marks
        self._executor = executor
        self._inquiries: dict[str, _Inquiry] = {}

    async def settle(self, account: str, held: HeldToken | None, mark: str) -> Settled:
        """The token to use from now on. `held` is what is held, dead or alive; `mark` names the one that is said to be
        dead.

        Raises HeldBack if a person has to act, and what a probe and a refresh raise.
        """
        now, live = self._tokens.clock.monotonic(), is_live(held, self._tokens.clock.now())
        current = self._marks.of(account, held) if held else ""
        if held and live and current != mark:
            return Settled(held, alive=False)
        inquiry = self._inquiries.get(account)
        if inquiry is None or inquiry.mark != current or _is_over(inquiry, now, live=live):
            inquiry = _Inquiry(current, now, self._begun(lambda: self._inquire(account, current)))
            self._inquiries[account] = inquiry
        return await asyncio.shield(inquiry.outcome)

    def _begun(self, inquire: Callable[[], Settled]) -> asyncio.Future[Settled]:
        outcome = asyncio.get_running_loop().run_in_executor(self._executor, inquire)
        # Whoever asked may be gone by then.
        outcome.add_done_callback(lambda done: done.cancelled() or done.exception())
        return outcome

    def _inquire(self, account: str, mark: str) -> Settled:
        held = self._live(account)
        if held and (self._marks.of(account, held) != mark or self._tokens.probe(account)):
            return Settled(held, alive=self._marks.of(account, held) == mark)
        self._refresh(account)
        held = self._live(account)
        # The same one: the broker said that it is dead, and nobody could write that down.
        if held is None or self._marks.of(account, held) == mark:
            raise HeldBack("there is no live token, and none can be had now")
        return Settled(held, alive=False)

    def _live(self, account: str) -> HeldToken | None:
        held = self._tokens.held(account)
        return held if is_live(held, self._tokens.clock.now()) else None

    def _refresh(self, account: str) -> None:
        waits_for_admin = HeldBack("this account waits for its admin to log in", hint=f"/refresh {account} in the chat")
        # A consent is not spent on what no person asked for.
        if not self._tokens.accounts[account].logs_in_by_itself:
            raise waits_for_admin
        if isinstance(self._tokens.refresh(account, who="program"), Consent):
            raise waits_for_admin


def _is_over(inquiry: _Inquiry, now: float, *, live: bool) -> bool:
    """What came of it is not told again. `live`: what it was about still counts as alive."""
    if not inquiry.outcome.done():
        return False
    found_alive = inquiry.outcome.exception() is None and inquiry.outcome.result().alive
    return now - inquiry.began >= PROBE_GAP or (found_alive and not live)
