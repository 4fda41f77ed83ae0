"""What a chart shows: rows of names and amounts as they are written, and how long their bars are.

The only place where money becomes a float, and only for the length of a bar.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from brokers import IST, Funds, Holding, KunjiError
from handlers.text import totals
from handlers.text.parts import Answer, rupees
from handlers.text.totals import Total
from handlers.tokens import Portfolio

T = TypeVar("T")

MOST_ACCOUNTS = 4
MOST_HOLDINGS = 8
"""So many rows a section has at most; what is smallest is put together in the last, which has no bar: it would be
longer than all the others."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    amount: str
    length: float | None
    """Of its bar, in rupees. None: it has none."""
    note: str = ""
    """Said beside the name, more quietly."""


@dataclass(frozen=True, slots=True)
class Cash:
    name: str
    available: str
    used: str
    share_used: float | None
    """From 0 to 1; None: it cannot be told."""


@dataclass(frozen=True, slots=True)
class Facts:
    title: str
    at: str
    headline: tuple[Row, ...]
    without: str
    """What any of the headline's figures could not count."""
    held: tuple[Row, ...]
    gains: tuple[Row, ...]
    cash: tuple[Cash, ...]
    by_account: bool
    """What is held is told by account, else by holding."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A holding, and whose it is."""

    holding: Holding
    account: str

    @property
    def worth(self) -> Decimal | None:
        return totals.worth_of(self.holding)


def facts(answers: Sequence[Answer[Portfolio]], now: datetime) -> Facts | None:
    """None where no account has anything to show."""
    here, by_account = now.astimezone(IST), len(answers) > 1
    found = [one for one in answers if isinstance(one, Portfolio)]
    held = [_Held(one, account.account if by_account else "") for account in found for one in _list(account.holdings)]
    held.sort(key=lambda one: _magnitude(one.worth), reverse=True)
    worth, cash, pnl = (totals.over(answers, figure) for figure in (totals.worth, totals.cash, totals.pnl))
    shown = Facts(
        title="All accounts" if by_account else totals.name_of(answers[0]),
        at=f"{here.day} {here:%B %Y, %H:%M} IST",
        headline=(
            _row("Holdings", worth.amount),
            _row("Cash available", cash.amount),
            _row("Total P&L", pnl.amount, signed=True),
        ),
        without=totals.added(("", worth), ("", cash), ("", pnl)).without,
        held=_held_by_account(answers) if by_account else _by_holding(held, lambda one: one.worth),
        gains=(*_gains(held), *_positions(found)),
        cash=_cash(found),
        by_account=by_account,
    )
    return shown if held or shown.gains or shown.cash else None


def _held_by_account(answers: Sequence[Answer[Portfolio]]) -> tuple[Row, ...]:
    each = [(totals.name_of(one), totals.over([one], totals.worth)) for one in answers]
    each.sort(key=lambda one: _magnitude(one[1].amount), reverse=True)
    if not any(total.amount for _, total in each):
        return ()
    head, rest = _cut(each, MOST_ACCOUNTS)
    rows = [_total(name, total) for name, total in head]
    return (*rows, _others(rest, totals.added(*rest))) if rest else tuple(rows)


def _by_holding(
    held: Sequence[_Held], figure: Callable[[_Held], Decimal | None], *, signed: bool = False
) -> tuple[Row, ...]:
    """The largest, and one row for the rest."""
    head, rest = _cut(held, MOST_HOLDINGS)
    rows = [_row(one.holding.symbol, figure(one), one.account, signed=signed) for one in head]
    if not rest:
        return tuple(rows)
    together = totals.total_of(rest, lambda one: (one.holding.symbol, figure(one))) or Total(None)
    return (*rows, _others(rest, together, signed=signed))


def _gains(held: Sequence[_Held]) -> tuple[Row, ...]:
    """From the largest gain to the largest loss; then what is not known, and the rest."""
    rows = _by_holding(held, lambda one: _known(one.holding.pnl), signed=True)
    named = rows if len(held) <= MOST_HOLDINGS else rows[:-1]
    ordered = sorted(named, key=lambda row: (row.length is None, -(row.length or 0)))
    return (*ordered, *rows[len(named) :])


def _positions(found: Sequence[Portfolio]) -> tuple[Row, ...]:
    """One row: they come and go within a day, and the total has them."""
    held = [one for account in found for one in _list(account.positions)]
    if not held:
        return ()
    total = totals.total_of(held, lambda one: (one.symbol, one.pnl)) or Total(None)
    return (_total(f"{len(held)} position{'s' if len(held) > 1 else ''}", total, signed=True),)


def _cash(found: Sequence[Portfolio]) -> tuple[Cash, ...]:
    funds = [(one.account, one.funds) for one in found if isinstance(one.funds, Funds)]
    known = [(name, one) for name, one in funds if _known(one.available) is not None or _known(one.used) is not None]
    known.sort(key=lambda one: _magnitude(one[1].available), reverse=True)
    head, rest = _cut(known, MOST_ACCOUNTS)
    rows = [_cash_of(name, one.available, one.used) for name, one in head]
    if rest:
        available = totals.total_of(rest, lambda one: (one[0], one[1].available)) or Total(None)
        used = totals.total_of(rest, lambda one: (one[0], one[1].used)) or Total(None)
        rows.append(_cash_of(_others(rest, available).name, available.amount, used.amount))
    return tuple(rows)


def _cash_of(name: str, available: Decimal | None, used: Decimal | None) -> Cash:
    return Cash(name, rupees(available), rupees(used), _share(_known(available), _known(used)))


def _share(available: Decimal | None, used: Decimal | None) -> float | None:
    """How much of the whole is used. Who owes money has used all of it."""
    if available is None or used is None:
        return None
    whole = max(available, Decimal(0)) + max(used, Decimal(0))
    return float(max(used, Decimal(0)) / whole) if whole else None


def _total(name: str, total: Total, *, signed: bool = False) -> Row:
    some_unknown = total.missing and total.amount is not None
    return _row(name, total.amount, f"{len(total.missing)} unknown" if some_unknown else "", signed=signed)


def _others(rest: Sequence[object], total: Total, *, signed: bool = False) -> Row:
    return replace(_total(f"{len(rest)} others", total, signed=signed), length=None)


def _row(name: str, amount: Decimal | None, note: str = "", *, signed: bool = False) -> Row:
    known = _known(amount)
    return Row(_on_one_line(name), rupees(amount, signed=signed), None if known is None else float(known), note)


def _on_one_line(name: str) -> str:
    """In letters that can be written, whatever a broker sent."""
    return " ".join(name.encode(errors="replace").decode().split())


def _cut(rows: Sequence[T], most: int) -> tuple[Sequence[T], Sequence[T]]:
    """A last row for one alone would say less than its name."""
    return (rows, []) if len(rows) <= most else (rows[: most - 1], rows[most - 1 :])


def _known(amount: Decimal | None) -> Decimal | None:
    return amount if amount is not None and amount.is_finite() else None


def _magnitude(amount: Decimal | None) -> Decimal:
    """What is not known comes last."""
    return abs(_known(amount) or Decimal(0))


def _list(part: Sequence[T] | KunjiError) -> Sequence[T]:
    return [] if isinstance(part, KunjiError) else part
