"""What Angel One tells of an account, in our values. Pure functions on its replies; its spelling is its own."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

from brokers._errors import UnexpectedReply
from brokers._expiry import IST
from brokers._money import rupees
from brokers._reply import LARGEST, Reply, maybe, pick, rows
from brokers._types import End, Funds, Holding, Order, Position, Profile
from brokers.angelone._refusals import accepted

NUMBER = re.compile(r"[-+]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][-+]?[0-9]{1,2})?", re.ASCII)
UNKNOWN = Funds(None, None, None)
ENDS = {"complete": End.FILLED, "rejected": End.REJECTED, "cancelled": End.CANCELLED}


def profile_in(reply: Reply) -> Profile:
    data = accepted(reply)
    return Profile(pick(data, "clientcode", of=str).upper(), maybe(data, "name", of=str) or None)


def funds_in(reply: Reply) -> Funds:
    """`availablecash` is no cash: it counts pledged margin and what is used up already, just as `net` does. What is
    pledged follows from `utilisedpayout`, as found on a live account in July 2026; no page of Angel One's says so."""
    data = accepted(reply)
    if data is None:
        return UNKNOWN
    available = amount(data, "net")
    if available is None:
        raise _unusable("net")
    used = amount(data, "utiliseddebits")
    total = None if used is None else available + used
    notes = ["total is available and used together"] if total is not None else []
    counted, unpledged = amount(data, "availablecash"), amount(data, "utilisedpayout")
    if total is not None and counted is not None and unpledged and counted != unpledged:
        pledged = counted - unpledged
        notes.append(f"derived: {rupees(pledged)} of it is pledged margin, so cash is {rupees(total - pledged)}")
    return Funds(available, used, total, "; ".join(notes) or None)


def holdings_in(reply: Reply) -> list[Holding]:
    data = accepted(reply)
    return [] if data is None else [_holding(row) for row in maybe(data, "holdings", of=list) or []]


def positions_in(reply: Reply) -> list[Position]:
    return [_position(row) for row in rows(accepted(reply) or [])]


def orders_in(reply: Reply) -> list[Order]:
    return [_order(row) for row in rows(accepted(reply) or [])]


def amount(row: object, name: str) -> Decimal | None:
    """A number, which may be written as text, even with a blank behind its sign; None where there is none."""
    written = row.get(name) if isinstance(row, dict) else None
    if not isinstance(written, str):
        return maybe(row, name, of=Decimal)
    digits = "".join(written.split())
    if not digits:
        return None
    number = Decimal(digits) if NUMBER.fullmatch(digits) else None
    if number is None or not -LARGEST < number < LARGEST:
        raise _unusable(name)
    return number


def instant(text: str | None) -> datetime | None:
    """A time as Angel One writes it: `20-Nov-2026 13:10:59`, in IST. None for "never"."""
    with suppress(ValueError, OverflowError):  # the year 1 in India began before it in UTC
        return datetime.strptime(text or "", "%d-%b-%Y %H:%M:%S").replace(tzinfo=IST).astimezone(UTC)
    return None


def _holding(row: object) -> Holding:
    quantity = _whole(row, "quantity")
    average, last = _price(row, "averageprice"), _price(row, "ltp")
    # Angel One's own `profitandloss` is cut to rupees.
    pnl = None if average is None or last is None else (last - average) * quantity
    return Holding(pick(row, "tradingsymbol", of=str), pick(row, "exchange", of=str), quantity, average, last, pnl)


def _position(row: object) -> Position:
    pnl = amount(row, "pnl")
    net = _whole(row, "netqty")
    opened_today = amount(row, "cfbuyqty") == amount(row, "cfsellqty") == 0
    return Position(
        pick(row, "tradingsymbol", of=str),
        pick(row, "exchange", of=str),
        pick(row, "producttype", of=str),
        net,
        average_price=_price(row, "avgnetprice") if net else None,
        last_price=_price(row, "ltp"),
        pnl=pnl,
        # What was opened today was earned today. Of what was carried over, yesterday's price is not told.
        day_pnl=pnl if opened_today else None,
    )


def _order(row: object) -> Order:
    # After a change `status` may say "modified" of an order that waits for its trigger; `orderstatus` does not.
    status = maybe(row, "orderstatus", of=str) or pick(row, "status", of=str)
    return Order(
        pick(row, "orderid", of=str),
        pick(row, "tradingsymbol", of=str),
        pick(row, "transactiontype", of=str),
        _whole(row, "quantity"),
        int(amount(row, "filledshares") or 0),
        _price(row, "price"),
        _price(row, "averageprice"),
        status,
        reason=(maybe(row, "text", of=str) or None) if status.lower() == "rejected" else None,
        at=instant(maybe(row, "updatetime", of=str)) or instant(maybe(row, "exchtime", of=str)),
        end=ENDS.get(status.lower()),
    )


def _whole(row: object, name: str) -> int:
    number = amount(row, name)
    if number is None or number != number.to_integral_value():
        raise _unusable(name)
    return int(number)


def _price(row: object, name: str) -> Decimal | None:
    """0 stands for "none": of a market order, a share that was not traded."""
    return amount(row, name) or None


def _unusable(name: str) -> UnexpectedReply:
    return UnexpectedReply(f"the broker's reply has no usable {name}")
