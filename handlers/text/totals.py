"""Sums over what brokers answered, each with what it could not count. The text of /account and its chart share them.

Money is `Decimal`; what a broker did not say is never counted as nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from brokers import Holding, KunjiError
from handlers.text.parts import Answer, esc, listed, rupees
from handlers.tokens import Portfolio

T = TypeVar("T")

PARTS = ("funds", "holdings", "positions")


@dataclass(frozen=True, slots=True)
class Total:
    """A sum, and what could not be counted."""

    amount: Decimal | None
    missing: tuple[str, ...] = ()

    @property
    def without(self) -> str:
        """What is missing, in words; nothing where nothing is."""
        few = self.missing if len(self.missing) <= 5 else (*self.missing[:4], f"{len(self.missing) - 4} more")
        return f"without {listed(few)}" if few else ""

    def shown(self, *, signed: bool = False) -> str:
        without = f" ({esc(self.without)})" if self.missing else ""
        return f"{rupees(self.amount, signed=signed)}{without}"

    def __str__(self) -> str:
        return self.shown(signed=True)


def over(answers: Sequence[Answer[Portfolio]], figure: Callable[[Portfolio], Total]) -> Total:
    """The figure of all accounts together. One that said nothing at all is missing, of another what it did not say."""
    match answers:
        case [Portfolio() as one]:
            return figure(one)
    return added(*((name_of(one), _among_others(one, figure)) for one in answers))


def _among_others(answer: Answer[Portfolio], figure: Callable[[Portfolio], Total]) -> Total | None:
    """Where there are several accounts, a part that is missing says whose it is."""
    if not isinstance(answer, Portfolio) or _is_silent(answer):
        return None
    found = figure(answer)
    return replace(found, missing=tuple(f"{answer.account}'s {one}" if one in PARTS else one for one in found.missing))


def _is_silent(answer: Portfolio) -> bool:
    return all(isinstance(part, KunjiError) for part in (answer.funds, answer.holdings, answer.positions))


def name_of(answer: Answer[Portfolio]) -> str:
    return answer.account if isinstance(answer, Portfolio) else answer[0]


def worth(answer: Portfolio) -> Total:
    return added(("holdings", total_of(answer.holdings, lambda one: (one.symbol, worth_of(one)))))


def worth_of(one: Holding) -> Decimal | None:
    return None if one.last_price is None else one.last_price * one.quantity


def cash(answer: Portfolio) -> Total:
    """What is available."""
    funds = answer.funds
    available = None if isinstance(funds, KunjiError) else funds.available
    return added(("funds", None if available is None else Total(available)))


def day_pnl(answer: Portfolio) -> Total:
    """Positions alone: brokers do not say what holdings made today."""
    return added(("positions", total_of(answer.positions, lambda one: (one.symbol, one.day_pnl))))


def pnl(answer: Portfolio) -> Total:
    return added(
        ("holdings", total_of(answer.holdings, lambda one: (one.symbol, one.pnl))),
        ("positions", total_of(answer.positions, lambda one: (one.symbol, one.pnl))),
    )


def total_of(found: Sequence[T] | KunjiError, figure: Callable[[T], tuple[str, Decimal | None]]) -> Total | None:
    """The sum of what is known, naming the rest. None where the broker did not answer."""
    if isinstance(found, KunjiError):
        return None
    figures = [figure(one) for one in found]
    known = [amount for _, amount in figures if amount is not None and amount.is_finite()]
    missing = [symbol for symbol, amount in figures if amount is None or not amount.is_finite()]
    return Total(sum(known, Decimal(0)) if known or not missing else None, tuple(missing))


def added(*named: tuple[str, Total | None]) -> Total:
    """Add totals up; what is missing of each stays missing of the sum."""
    known = [part.amount for _, part in named if part is not None and part.amount is not None]
    missing: list[str] = []
    for name, part in named:
        missing.extend([name] if part is None else part.missing)
    return Total(sum(known, Decimal(0)) if known else None, tuple(dict.fromkeys(missing)))
