"""/account: funds, holdings, positions, and totals that say what they are missing.

Money is `Decimal`; what a broker did not say is a dash and never counted as nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from brokers import Funds, Holding, KunjiError, Position
from handlers.text.parts import Answer, bold, esc, failed, folded, lines, listed, paragraphs, rupees
from handlers.tokens import Portfolio

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Total:
    """A sum, and what could not be counted."""

    amount: Decimal | None
    missing: tuple[str, ...] = ()

    def shown(self, *, signed: bool = False) -> str:
        few = self.missing if len(self.missing) <= 5 else (*self.missing[:4], f"{len(self.missing) - 4} more")
        without = f" (without {esc(listed(few))})" if few else ""
        return f"{rupees(self.amount, signed=signed)}{without}"

    def __str__(self) -> str:
        return self.shown(signed=True)


def account(answers: Sequence[Answer[Portfolio]], waiting: Sequence[str] = ()) -> str:
    """`waiting`: accounts whose broker has not answered yet."""
    blocks = [_one(answer) for answer in answers]
    if waiting:
        blocks.append(still_asking(waiting))
    elif len(answers) > 1:
        blocks.append(_together(answers))
    return paragraphs(blocks)


def asking(names: Sequence[str]) -> str:
    return f"⏳ Asking {listed([bold(name) for name in names]) if len(names) <= 10 else f'{len(names)} accounts'} …"


def still_asking(names: Sequence[str]) -> str:
    return f"⏳ {listed([bold(name) for name in names])}: still asking …"


def _one(answer: Answer[Portfolio]) -> str:
    if not isinstance(answer, Portfolio):
        name, error = answer
        return f"❌ {bold(name)}: {failed(error)}"
    return lines(
        (
            f"{bold(answer.account)} ({esc(answer.broker)})",
            _funds(answer.funds),
            _holdings(answer.holdings),
            _positions(answer.positions),
            f"Day's P&amp;L {_day(answer)}, total P&amp;L {_all(answer)}",
        )
    )


def _funds(funds: Funds | KunjiError) -> str:
    if isinstance(funds, KunjiError):
        return f"Funds: ❌ {failed(funds)}"
    note = f"\n<i>{esc(funds.note)}</i>" if funds.note else ""
    return f"Funds: available {rupees(funds.available)}, used {rupees(funds.used)}, total {rupees(funds.total)}{note}"


def _holdings(holdings: Sequence[Holding] | KunjiError) -> str:
    if isinstance(holdings, KunjiError):
        return f"Holdings: ❌ {failed(holdings)}"
    if not holdings:
        return "Holdings: none"
    worth = _parts(("holdings", _sum(holdings, lambda one: (one.symbol, _worth(one)))))
    return lines((f"Holdings: {len(holdings)}, worth {worth.shown()}", folded(map(_holding, holdings))))


def _worth(one: Holding) -> Decimal | None:
    return None if one.last_price is None else one.last_price * one.quantity


def _positions(positions: Sequence[Position] | KunjiError) -> str:
    if isinstance(positions, KunjiError):
        return f"Positions: ❌ {failed(positions)}"
    if not positions:
        return "Positions: none"
    return lines((f"Positions: {len(positions)}", folded(map(_position, positions))))


def _holding(one: Holding) -> str:
    prices = f"{rupees(one.average_price)} → {rupees(one.last_price)}"
    return f"{esc(one.symbol)} {one.quantity} at {prices}: {rupees(one.pnl, signed=True)}"


def _position(one: Position) -> str:
    prices = f"{rupees(one.average_price)} → {rupees(one.last_price)}"
    what = f"{esc(one.symbol)} {esc(one.product)} {one.net_quantity}"
    return f"{what} at {prices}: {rupees(one.pnl, signed=True)}, day {rupees(one.day_pnl, signed=True)}"


def _day(answer: Portfolio) -> Total:
    """Positions alone: brokers do not say what holdings made today."""
    return _parts(("positions", _sum(answer.positions, lambda one: (one.symbol, one.day_pnl))))


def _all(answer: Portfolio) -> Total:
    return _parts(
        ("holdings", _sum(answer.holdings, lambda one: (one.symbol, one.pnl))),
        ("positions", _sum(answer.positions, lambda one: (one.symbol, one.pnl))),
    )


def _together(answers: Sequence[Answer[Portfolio]]) -> str:
    def over_all(figure: Callable[[Portfolio], Total]) -> Total:
        return _parts(*((_name(one), figure(one) if isinstance(one, Portfolio) else None) for one in answers))

    return f"<b>All accounts</b>: day's P&amp;L {over_all(_day)}, total P&amp;L {over_all(_all)}"


def _name(answer: Answer[Portfolio]) -> str:
    return answer.account if isinstance(answer, Portfolio) else answer[0]


def _sum(found: Sequence[T] | KunjiError, figure: Callable[[T], tuple[str, Decimal | None]]) -> Total | None:
    """The sum of what is known, naming the rest. None where the broker did not answer."""
    if isinstance(found, KunjiError):
        return None
    figures = [figure(one) for one in found]
    known = [amount for _, amount in figures if amount is not None and amount.is_finite()]
    missing = [symbol for symbol, amount in figures if amount is None or not amount.is_finite()]
    return Total(sum(known, Decimal(0)) if known or not missing else None, tuple(missing))


def _parts(*named: tuple[str, Total | None]) -> Total:
    """Add totals up; what is missing of each stays missing of the sum."""
    known = [part.amount for _, part in named if part is not None and part.amount is not None]
    missing: list[str] = []
    for name, part in named:
        missing.extend([name] if part is None else part.missing)
    return Total(sum(known, Decimal(0)) if known else None, tuple(dict.fromkeys(missing)))
