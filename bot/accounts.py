"""Asking accounts: what they hold, and whether they are ready for the market.

Every account stands for itself: one that fails is one line among the others, and a slow one delays nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import TypeVar

from bot import budget
from bot.life import Account, is_live
from bot.reports import iso
from bot.store import Alert, HeldToken
from bot.tokens import TokenService
from bot.trading import at, ist
from brokers import (
    AccessToken,
    BrokerError,
    BrokerUnreachable,
    KunjiError,
    OrderAddress,
    RateLimited,
    TokenRejected,
)
from handlers.tokens import OrderBook, Portfolio

log = logging.getLogger(__name__)

T = TypeVar("T")
Facts = dict[str, str | int | float | bool | None]

POINTLESS_TO_GO_ON = (BrokerUnreachable, RateLimited, TokenRejected)
"""Whoever is asked for funds and answers so would answer the same to the rest, after as long a wait."""


class NoLiveToken(KunjiError):
    """There is no token to ask the broker with."""


class Accounts:
    """Synchronous; `executor` is what several accounts are asked side by side on."""

    def __init__(self, tokens: TokenService, executor: Executor) -> None:
        self._tokens = tokens
        self._executor = executor

    def portfolio(self, name: str) -> Portfolio:
        """Funds, holdings and positions; a part that failed is its error. Raises NoLiveToken."""
        account, held = self._ask_with(name)
        broker, token = account.broker, held.token
        funds = self._part(name, held, lambda: broker.funds(token))
        if isinstance(funds, POINTLESS_TO_GO_ON):
            return Portfolio(name, account.title, funds, funds, funds)
        holdings = self._part(name, held, lambda: broker.holdings(token))
        return Portfolio(name, account.title, funds, holdings, self._part(name, held, lambda: broker.positions(token)))

    def orders(self, name: str) -> OrderBook:
        """Today's orders. Raises NoLiveToken, and whatever the broker raises."""
        account, held = self._ask_with(name)
        try:
            return OrderBook(name, account.title, account.broker.orders(held.token))
        except TokenRejected:
            self._tokens.rejected(name, held)
            raise

    def prove(self, names: Sequence[str]) -> list[Alert]:
        """Ask every broker for proof that the account can trade today: one alert `proof` each, in the order given,
        and one for each whose address for orders has changed."""
        return [alert for alerts in self._executor.map(self._prove_one, names) for alert in alerts]

    def _prove_one(self, name: str) -> list[Alert]:
        """Whatever goes wrong is this account's alone."""
        account = self._tokens.accounts[name]
        note = self._tokens.note(name)
        facts: Facts = {
            "ok": False,
            "client_id": account.broker.client_id,
            "held_back": budget.held_back_by(note, account.fingerprint),
        }
        if note.paused:
            return [Alert("proof", self._tokens.clock.now(), name, facts | {"ok": True, "paused": True}, loud=False)]
        try:
            extra = self._prove_by_asking(account, facts)
        except KunjiError as error:
            extra, facts["problem"] = [], str(error)
        except Exception:
            log.exception("%s: the proof failed by a fault of ours", name)
            extra, facts["problem"] = [], "something went wrong inside the bot; the log has it"
        return [Alert("proof", self._tokens.clock.now(), name, facts, loud=not facts["ok"]), *extra]

    def _prove_by_asking(self, account: Account, facts: Facts) -> list[Alert]:
        if not self._tokens.probe(account.name):
            raise NoLiveToken("there is no live token")
        _, held = self._ask_with(account.name)
        facts["expires_at"] = iso(held.token.expires_at)
        funds = account.broker.funds(held.token)
        facts["available"] = str(funds.available) if funds.available is not None else None
        extra = self._order_address(account, held.token, facts) if account.broker.tells_order_address else []
        problem = self._obstacle(account, held, facts)
        facts["ok"], facts["problem"] = problem is None, problem
        return extra

    def _obstacle(self, account: Account, held: HeldToken, facts: Facts) -> str | None:
        """What keeps an account with a live token from trading through today."""
        if facts.get("orders_allowed") is False:
            return "orders are not allowed from this address"
        today, expires_at = ist(self._tokens.clock.now()).date(), held.token.expires_at
        planned = self._tokens.next_login(account.name)
        outlives = expires_at >= at(today, self._tokens.rules.hours.trading_ends)
        if outlives or (planned is not None and planned <= expires_at):
            return None
        return f"its token ends at {ist(expires_at):%H:%M}, before trading does"

    def _order_address(self, account: Account, token: AccessToken, facts: Facts) -> list[Alert]:
        """Note from where orders come; told if that changed. A broker that will not say proves nothing."""
        try:
            address: OrderAddress = account.broker.order_address(token)
        except BrokerError:
            return []
        facts["address"] = address.seen_from
        facts["orders_allowed"] = address.orders_allowed
        before = self._tokens.note(account.name).order_address
        if address.seen_from is None or address.seen_from == before:
            return []
        self._tokens.store.update({account.name: lambda note: replace(note, order_address=address.seen_from)})
        if before is None:
            return []
        changed = {"before": before, "now": address.seen_from, "allowed": address.orders_allowed}
        return [Alert("order_address", self._tokens.clock.now(), account.name, changed)]

    def _ask_with(self, name: str) -> tuple[Account, HeldToken]:
        held = self._tokens.held(name)
        if held is None or not is_live(held, self._tokens.clock.now()):
            raise NoLiveToken("there is no live token now", hint="a refresh makes one")
        return self._tokens.accounts[name], held

    def _part(self, name: str, held: HeldToken, ask: Callable[[], T]) -> T | KunjiError:
        try:
            return ask()
        except TokenRejected as error:
            self._tokens.rejected(name, held)
            return error
        except KunjiError as error:
            return error
