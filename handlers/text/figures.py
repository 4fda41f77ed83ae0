"""/account: funds, holdings, positions, and totals that say what they are missing; and what stands under its chart.

What a broker did not say is a dash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from brokers import IST, Funds, Holding, KunjiError, Position
from handlers.text import totals
from handlers.text.parts import (
    CAPTION,
    Answer,
    bold,
    count,
    esc,
    failed,
    folded,
    lines,
    listed,
    paragraphs,
    rupees,
    split,
)
from handlers.tokens import Portfolio

FAILURES_TOLD = 6
"""Under a chart."""


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
            _holdings(answer),
            _positions(answer.positions),
            f"Day's P&amp;L {totals.day_pnl(answer)}, total P&amp;L {totals.pnl(answer)}",
        )
    )


def _funds(funds: Funds | KunjiError) -> str:
    if isinstance(funds, KunjiError):
        return f"Funds: ❌ {failed(funds)}"
    note = f"\n<i>{esc(funds.note)}</i>" if funds.note else ""
    return f"Funds: available {rupees(funds.available)}, used {rupees(funds.used)}, total {rupees(funds.total)}{note}"


def _holdings(answer: Portfolio) -> str:
    holdings = answer.holdings
    if isinstance(holdings, KunjiError):
        return f"Holdings: ❌ {failed(holdings)}"
    if not holdings:
        return "Holdings: none"
    worth = totals.worth(answer).shown()
    return lines((f"Holdings: {len(holdings)}, worth {worth}", folded(map(_holding, holdings))))


def _positions(positions: Sequence[Position] | KunjiError) -> str:
    if isinstance(positions, KunjiError):
        return f"Positions: ❌ {failed(positions)}"
    if not positions:
        return "Positions: none"
    return lines((f"Positions: {len(positions)}", folded(map(_position, positions))))


def _holding(one: Holding) -> str:
    prices = f"{rupees(one.average_price)} → {rupees(one.last_price)}"
    return f"{esc(one.symbol)} {count(one.quantity)} at {prices}: {rupees(one.pnl, signed=True)}"


def _position(one: Position) -> str:
    prices = f"{rupees(one.average_price)} → {rupees(one.last_price)}"
    what = f"{esc(one.symbol)} {esc(one.product)} {count(one.net_quantity)}"
    return f"{what} at {prices}: {rupees(one.pnl, signed=True)}, day {rupees(one.day_pnl, signed=True)}"


def _together(answers: Sequence[Answer[Portfolio]]) -> str:
    day, whole = totals.over(answers, totals.day_pnl), totals.over(answers, totals.pnl)
    return f"<b>All accounts</b>: day's P&amp;L {day}, total P&amp;L {whole}"


def chart(answers: Sequence[Answer[Portfolio]], now: datetime) -> str:
    """What is written under the picture: the totals, and what failed. No longer than a caption may be."""
    figures = [totals.over(answers, one) for one in (totals.worth, totals.cash, totals.day_pnl, totals.pnl)]
    without = ""
    if len({one.missing for one in figures}) == 1:  # it is said once
        without, figures = figures[0].without, [replace(one, missing=()) for one in figures]
    worth, cash, day, whole = figures
    told = lines(
        (
            f"{_whose(answers)} at {now.astimezone(IST):%H:%M}{f', {esc(without)}' if without else ''}",
            f"Holdings worth {worth.shown()}, cash available {cash.shown()}",
            f"Day's P&amp;L {day}, total P&amp;L {whole}",
            *_failures(answers),
        )
    )
    return split(told, CAPTION)[0]


def _whose(answers: Sequence[Answer[Portfolio]]) -> str:
    match answers:
        case [Portfolio() as one]:
            return f"{bold(one.account)} ({esc(one.broker)})"
    return "<b>All accounts</b>"


def nothing_to_draw(answers: Sequence[Answer[Portfolio]]) -> str:
    return lines(("There is nothing to draw: no holdings, no positions, no funds.", *_failures(answers)))


def _failures(answers: Sequence[Answer[Portfolio]]) -> list[str]:
    found = [line for answer in answers for line in _failures_of(answer)]
    more = len(found) - FAILURES_TOLD
    return [*found[:FAILURES_TOLD], f"❌ {more} more; /account names them"] if more > 0 else found


def _failures_of(answer: Answer[Portfolio]) -> list[str]:
    """One line, unless its parts failed in different ways."""
    if not isinstance(answer, Portfolio):
        return [_one(answer)]
    told: dict[str, list[str]] = {}
    for name, part in (("funds", answer.funds), ("holdings", answer.holdings), ("positions", answer.positions)):
        if isinstance(part, KunjiError):
            told.setdefault(failed(part), []).append(name)
    return [f"❌ {bold(answer.account)}, {listed(names)}: {why}" for why, names in told.items()]
