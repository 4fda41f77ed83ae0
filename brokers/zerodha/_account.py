"""What Zerodha tells of an account, in our values. Pure functions on its replies; its spelling is its own."""

from __future__ import annotations

from decimal import Decimal

from brokers._money import rupees
from brokers._reply import Reply, maybe, pick, rows
from brokers._types import End, Funds, Holding, Order, Position, Profile
from brokers.zerodha._answers import instant
from brokers.zerodha._refusals import accepted

SEGMENTS = ("equity", "commodity")
ENDS = {"COMPLETE": End.FILLED, "REJECTED": End.REJECTED, "CANCELLED": End.CANCELLED}


def profile_in(reply: Reply) -> Profile:
    data = accepted(reply)
    return Profile(pick(data, "user_id", of=str).upper(), maybe(data, "user_name", of=str))


def funds_in(reply: Reply) -> Funds:
    """By `net`, as `available.cash` has been 0 on accounts with money in them."""
    data = accepted(reply)
    on = [name for name in SEGMENTS if _is_on(data, name)]
    if not on:
        return Funds(None, None, None, "no segment of this account is enabled")
    nets = {name: pick(data, name, "net", of=Decimal) for name in on}
    debits = [maybe(data, name, "utilised", "debits", of=Decimal) for name in on]
    available = sum(nets.values(), Decimal(0))
    used = None if None in debits else sum((debit for debit in debits if debit is not None), Decimal(0))
    total = None if used is None else available + used
    return Funds(available, used, total, "; ".join(_notes(data, nets, total)) or None)


def holdings_in(reply: Reply) -> list[Holding]:
    return [_holding(row) for row in rows(accepted(reply))]


def positions_in(reply: Reply) -> list[Position]:
    """`net` alone: `day` is only what was done today, and in `net` already."""
    return [_position(row) for row in pick(accepted(reply), "net", of=list)]


def orders_in(reply: Reply) -> list[Order]:
    return [_order(row) for row in rows(accepted(reply))]


def _is_on(data: object, name: str) -> bool:
    segment = maybe(data, name, of=dict)
    return segment is not None and maybe(segment, "enabled", of=bool) is not False


def _notes(data: object, nets: dict[str, Decimal], total: Decimal | None) -> list[str]:
    notes = ["total is available and used together"] if total is not None else []
    if all(nets.values()) and len(nets) > 1:
        notes.append("available is " + " and ".join(f"{net:.2f} in {name}" for name, net in nets.items()))
    pledged = sum((maybe(data, name, "available", "collateral", of=Decimal) or Decimal(0) for name in nets), Decimal(0))
    if pledged:
        notes.append(f"{rupees(pledged)} of it is pledged collateral")
    return notes


def _holding(row: object) -> Holding:
    """What was bought yesterday and is not delivered yet is owned, too."""
    last = _price(row, "last_price")
    return Holding(
        pick(row, "tradingsymbol", of=str),
        pick(row, "exchange", of=str),
        pick(row, "quantity", of=int) + (maybe(row, "t1_quantity", of=int) or 0),
        _price(row, "average_price"),
        last,
        None if last is None else maybe(row, "pnl", of=Decimal),
    )


def _position(row: object) -> Position:
    return Position(
        pick(row, "tradingsymbol", of=str),
        pick(row, "exchange", of=str),
        pick(row, "product", of=str),
        pick(row, "quantity", of=int),
        _price(row, "average_price"),
        _price(row, "last_price"),
        maybe(row, "pnl", of=Decimal),
        maybe(row, "m2m", of=Decimal),
    )


def _order(row: object) -> Order:
    status = pick(row, "status", of=str)
    return Order(
        pick(row, "order_id", of=str),
        pick(row, "tradingsymbol", of=str),
        pick(row, "transaction_type", of=str),
        pick(row, "quantity", of=int),
        maybe(row, "filled_quantity", of=int) or 0,
        _price(row, "price"),
        _price(row, "average_price"),
        status,
        reason=maybe(row, "status_message", of=str) if status == "REJECTED" else None,
        at=instant(maybe(row, "exchange_update_timestamp", of=str)) or instant(maybe(row, "order_timestamp", of=str)),
        end=ENDS.get(status),
    )


def _price(row: object, name: str) -> Decimal | None:
    """0 stands for "none": of a market order, a closed position, a share that was not traded."""
    return maybe(row, name, of=Decimal) or None
