"""The async face of tokens and accounts: what `handlers.tokens.Tokens` asks for, done on threads.

It moves work off the loop and puts answers together; it decides nothing about tokens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ParamSpec, Protocol, TypeVar

from bot import budget, consents
from bot.accounts import Accounts
from bot.life import Standing, next_asking, next_login, state
from bot.store import BotNote, Store, StoreError
from bot.tokens import TokenService
from brokers import Code, Consent, Drift, Secret
from handlers.tokens import (
    AccountStatus,
    Crew,
    Health,
    LoggedOut,
    OpenQuestion,
    OrderBook,
    PastRefresh,
    Portfolio,
    Refreshed,
)

P = ParamSpec("P")
T = TypeVar("T")

KNOCK_EVERY = timedelta(hours=1)


class Planned(Protocol):
    """What the scheduler knows."""

    def next_login(self) -> tuple[datetime, str] | None: ...


def _nobody(_account: str) -> None:
    """Nobody plans anything."""


def _no_others() -> Crew | None:
    """Nobody else has this store."""


@dataclass(slots=True)
class Face:
    """Implements `handlers.tokens.Tokens`."""

    tokens: TokenService
    accounts: Accounts
    executor: Executor
    drift: Drift
    up_since: datetime
    telegram_at: Callable[[], datetime | None]
    rival: Callable[[], bool]
    """Whether somebody else polls with this bot's token."""
    planned: Planned | None = None
    """Set by the term once there is a scheduler."""
    touched: Callable[[str], None] = _nobody
    """Called after something about an account changed."""
    who_leads: Callable[[], Crew | None] = _no_others
    knocks: int = 0
    """Strangers turned away since the admin was last told; a flood of them writes nothing to the disk."""

    @property
    def store(self) -> Store:
        return self.tokens.store

    async def _off(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it on a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, lambda: work(*args, **kwargs))

    # Looking

    async def status(self, accounts: Sequence[str]) -> list[AccountStatus]:
        return await self._off(self._statuses, accounts)

    def _statuses(self, accounts: Sequence[str]) -> list[AccountStatus]:
        """One whose record is damaged is asked about alone, and that says what is wrong."""
        found = self.tokens.standings(accounts)
        return [self._status(found.get(name) or self.tokens.standing(name)) for name in accounts]

    def _status(self, one: Standing) -> AccountStatus:
        account, held, note, rules = one.account, one.held, one.note, self.tokens.rules
        return AccountStatus(
            account=account.name,
            broker=account.title,
            login=account.login,
            state=state(one, rules.hours.warn_before),
            expires_at=held.token.expires_at if held else None,
            proven=bool(held and held.proven),
            last_refresh=note.last_grant,
            next_login=next_login(one, rules) or next_asking(one, rules),
            held_back=budget.held_back_by(note, account.fingerprint),
            last_failure=note.last_failure,
            last_failure_at=note.last_failure_at,
            consent_open=consents.waiting(note, one.now) is not None,
            unreachable_since=note.unreachable_since,
        )

    async def health(self) -> Health:
        return await self._off(self._health)

    def _health(self) -> Health:
        error = self.drift.error()
        waiting = [item for _, item in self.store.queued()]
        return Health(
            up_since=self.up_since,
            telegram_at=self.telegram_at(),
            clock_error=error.total_seconds() if error is not None else None,
            store_fault=self._store_fault(),
            next_login=self.planned.next_login() if self.planned else None,
            alerts_waiting=sum(1 for item in waiting if item.parked is None),
            alerts_parked=sum(1 for item in waiting if item.parked is not None),
            second_poller=self.rival(),
            crew=self.who_leads(),
        )

    def _store_fault(self) -> str | None:
        try:
            self.store.check()
        except StoreError as error:
            return str(error)
        return None

    async def crew(self) -> Crew | None:
        return self.who_leads()

    async def second_poller(self) -> bool:
        return self.rival()

    async def history(self, account: str, limit: int) -> Sequence[PastRefresh]:
        return await self._off(self.store.history, account, limit)

    async def portfolio(self, account: str) -> Portfolio:
        return await self._off(self.accounts.portfolio, account)

    async def orders(self, account: str) -> OrderBook:
        return await self._off(self.accounts.orders, account)

    # Refreshing

    async def asks_first(self, account: str) -> datetime | None:
        return await self._off(self.tokens.asks_first, account)

    async def refresh(
        self, account: str, *, who: str, replace: bool = False, force: bool = False
    ) -> Refreshed | Consent:
        return await self._changing(
            account, self._off(self.tokens.refresh, account, who=who, replace=replace, force=force)
        )

    async def asked(self, account: str, chat: int, message: int) -> None:
        await self._off(self.tokens.asked, account, chat, message)

    async def questions(self) -> list[OpenQuestion]:
        return await self._off(self._questions)

    def _questions(self) -> list[OpenQuestion]:
        names = list(self.tokens.accounts)
        found = self.tokens.standings(names)
        waiting = {name: consents.waiting(one.note, one.now) for name, one in found.items()}
        waiting |= {name: self.tokens.consent(name) for name in names if name not in found}
        return [OpenQuestion(name, one.expects, one.message, one.chat) for name in names if (one := waiting[name])]

    async def accepts(self, account: str, pasted: Secret) -> str | None:
        return await self._off(self.tokens.accepts, account, pasted)

    async def answer(self, account: str, pasted: Secret, *, who: str, redirected: bool = False) -> Refreshed:
        """`redirected`: the address a browser came back to; see `TokenService.answer`."""
        return await self._changing(
            account, self._off(self.tokens.answer, account, pasted, who=who, redirected=redirected)
        )

    async def code(self, account: str) -> Code:
        return await self._off(self.tokens.code, account)

    # Ending and resting

    async def can_revoke(self, account: str) -> bool:
        return self.tokens.accounts[account].broker.revokes

    async def logout(self, account: str, *, who: str) -> LoggedOut:
        return await self._changing(account, self._off(self.tokens.logout, account, who=who))

    async def pause(self, account: str) -> None:
        await self._changing(account, self._off(self.tokens.pause, account))

    async def resume(self, account: str) -> None:
        await self._changing(account, self._off(self.tokens.resume, account))

    async def _changing(self, account: str, work: Awaitable[T]) -> T:
        """Whatever comes of it, the account's plan is made anew."""
        try:
            return await work
        finally:
            self.touched(account)

    # The bot as a whole

    async def lock(self) -> None:
        await self._off(self.store.update_bot, lambda note: replace(note, locked=True))

    async def locked(self) -> bool:
        return (await self._off(self.store.bot_note)).locked

    async def spend(self, button: str, expires_at: datetime) -> bool:
        now, fresh = self.tokens.clock.now(), False

        def use(note: BotNote) -> BotNote:
            nonlocal fresh
            fresh = button not in note.spent_buttons
            kept = {mark: until for mark, until in note.spent_buttons.items() if until > now}
            return replace(note, spent_buttons={**kept, button: expires_at})

        await self._off(self.store.update_bot, use)
        return fresh

    async def knock(self) -> None:
        self.knocks += 1
        now, last = self.tokens.clock.now(), (await self._off(self.store.bot_note)).knocked_at
        if last is not None and last <= now < last + KNOCK_EVERY:
            return
        count, self.knocks = self.knocks, 0
        await self._off(self._tell_of_strangers, now, count)

    def _tell_of_strangers(self, now: datetime, count: int) -> None:
        self.store.update_bot(lambda note: replace(note, knocked_at=now))
        self.tokens.reports.tell("stranger", None, loud=False, count=count)

    async def moved(self, group: int, supergroup: int) -> None:
        await self._off(
            self.store.update_bot,
            lambda note: replace(note, supergroups={**note.supergroups, str(group): supergroup}),
        )
