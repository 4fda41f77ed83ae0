"""What a handler may ask about tokens, and what it is answered. `bot/` provides it.

Everything that could wait for a broker or a disk is async. Failures are raised as `KunjiError`s and shown by
`handlers.errors`; where many accounts are asked, each answer stands for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from brokers import Code, Consent, Funds, Holding, KunjiError, Order, Position, Secret


class State(StrEnum):
    """How an account's token stands; `paused` says that nothing is done by itself, whatever the token."""

    MISSING = "missing"
    FRESH = "fresh"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REJECTED = "rejected"
    PAUSED = "paused"


class PastRefresh(Protocol):
    """A row of history."""

    @property
    def at(self) -> datetime: ...
    @property
    def who(self) -> str: ...
    @property
    def way(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def outcome(self) -> str: ...


class AlertLike(Protocol):
    """An alert as it lies in the outbox: a kind of `handlers.text.ALERTS`, and the facts for its sentence."""

    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def account(self) -> str | None: ...
    @property
    def facts(self) -> Mapping[str, str | int | float | bool | None]: ...


@dataclass(frozen=True, slots=True)
class AccountStatus:
    account: str
    broker: str
    """The broker's title."""
    login: str
    """`auto`, `assisted` or `unofficial`."""
    state: State
    expires_at: datetime | None
    """When the held token stops working, also when it already has."""
    proven: bool
    last_refresh: PastRefresh | None
    """The last one that was granted."""
    next_login: datetime | None
    """When the bot will log in (auto) or ask for it (assisted) by itself; None: not planned."""
    held_back: str | None
    """Why nothing is attempted by itself, in words; None: nothing stands in the way."""
    last_failure: str | None
    last_failure_at: datetime | None
    consent_open: bool
    unreachable_since: datetime | None = None
    """Since when the broker has given no usable answer; None: it answers, as far as is known."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    account: str
    expires_at: datetime
    way: str
    seconds: float
    proven: bool
    already: bool = False
    """Somebody else had just refreshed it; nothing was done."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Each part is what the broker said, or the error that came instead."""

    account: str
    broker: str
    funds: Funds | KunjiError
    holdings: Sequence[Holding] | KunjiError
    positions: Sequence[Position] | KunjiError


@dataclass(frozen=True, slots=True)
class OrderBook:
    """Today's orders, as the broker has them."""

    account: str
    broker: str
    orders: Sequence[Order]


@dataclass(frozen=True, slots=True)
class LoggedOut:
    account: str
    revoked: bool
    """The broker ended the token; False: it is forgotten here and lives on there."""
    lives_until: datetime | None
    why: str | None = None
    """Why the broker did not end it, in words."""


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A consent that waits for an answer."""

    account: str
    expects: str
    message: int | None
    """The chat message that asked for it."""
    chat: int | None


@dataclass(frozen=True, slots=True)
class Crew:
    """Several machines that share one store, by their names."""

    leader: str
    others: Sequence[str]
    """Who stands by."""


@dataclass(frozen=True, slots=True)
class Health:
    up_since: datetime
    telegram_at: datetime | None
    """When Telegram was last heard of."""
    clock_error: float | None
    """Seconds to add to this machine's clock; None: not known."""
    store_fault: str | None
    next_login: tuple[datetime, str] | None
    """When, and which account."""
    alerts_waiting: int
    alerts_parked: int
    second_poller: bool
    """Somebody else polls with this bot's token: nothing secret may be sent now."""
    crew: Crew | None = None


class Tokens(Protocol):
    """Accounts are named as in the config; an unknown name is a KeyError, as handlers have checked it."""

    async def status(self, accounts: Sequence[str]) -> list[AccountStatus]:
        """From what is stored; asks no broker."""

    async def health(self) -> Health: ...

    async def crew(self) -> Crew | None:
        """Who leads; None: the store is for one machine. Asks no store."""

    async def second_poller(self) -> bool:
        """Somebody else polls with this bot's token: nothing secret may be taken or shown now. Asks no store."""

    async def asks_first(self, account: str) -> datetime | None:
        """The expiry of a proven live token that outlives today's trading, so that a refresh gains little and ends
        it in every program; None: nothing to ask."""

    async def refresh(
        self, account: str, *, who: str, replace: bool = False, force: bool = False
    ) -> Refreshed | Consent:
        """Renew, log in, or open a consent (an open one is given again).

        `replace`: also when `asks_first` has something to say. `force`: also when refused credentials hold it back,
        and then whatever `asks_first` says; only after the admin was told what is at risk. Where nothing holds it back
        there is nothing to force, and it is a refresh like any other. `who` is `admin`, `schedule`, `command line` or
        `program`.
        """

    async def asked(self, account: str, chat: int, message: int) -> None:
        """Remember which message asks for the open consent."""

    async def questions(self) -> list[OpenQuestion]: ...

    async def accepts(self, account: str, pasted: Secret) -> str | None:
        """None if this text can be an answer for the account, by its looks; else what was expected. Asks no broker."""

    async def answer(self, account: str, pasted: Secret, *, who: str) -> Refreshed:
        """Exchange what was sent for a token. The third failure closes the consent."""

    async def portfolio(self, account: str) -> Portfolio:
        """What the account holds; a part the broker did not give is the error that came instead. Raises KunjiError if
        there is no usable token."""

    async def orders(self, account: str) -> OrderBook:
        """Raises KunjiError if there is no usable token, or if the broker does not say."""

    async def code(self, account: str) -> Code: ...

    async def history(self, account: str, limit: int) -> Sequence[PastRefresh]: ...

    async def can_revoke(self, account: str) -> bool: ...

    async def logout(self, account: str, *, who: str) -> LoggedOut: ...

    async def pause(self, account: str) -> None: ...

    async def resume(self, account: str) -> None: ...

    async def lock(self) -> None:
        """No refresh, codes or figures in the chat until unlocked on the machine."""

    async def locked(self) -> bool: ...

    async def spend(self, button: str, expires_at: datetime) -> bool:
        """Use up a button that works once. False if it was used before."""

    async def knock(self) -> None:
        """A stranger was turned away; the admin is told at most once an hour."""

    async def moved(self, group: int, supergroup: int) -> None:
        """A group became a supergroup."""
