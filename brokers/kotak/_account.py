"""What Kotak Neo tells of an account, in our values. Pure functions on its replies; its spelling is its own."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

from brokers._errors import UnexpectedReply
from brokers._expiry import IST
from brokers._money import rupees
from brokers._reply import LARGEST, Reply, maybe, pick
from brokers._types import End, Funds, Holding, Order, OrderAddress, Position
from brokers.kotak._refusals import accepted, listed

NUMBER = re.compile(r"[-+]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][-+]?[0-9]{1,2})?", re.ASCII)
NONE = {"", "-", "--", "NA"}
PAISA = Decimal("0.01")
SIDES = {"B": "BUY", "S": "SELL"}
ENDS = {
    "complete": End.FILLED,
    "rejected": End.REJECTED,
    "cancelled": End.CANCELLED,
    "cancelled after market order": End.CANCELLED,
}
FRACTIONS = (("multiplier", ""), ("genNum", "genDen"), ("prcNum", "prcDen"))
"""By which a quantity is multiplied and divided to make the units a price is for."""
DIGITS = {str(digits): digits for digits in range(7)}


def alive(reply: Reply) -> None:
    """The limits answer, whatever they are; it names no client."""
    pick(accepted(reply), "stat", of=str)


def funds_in(reply: Reply) -> Funds:
    """Collateral, the margin value of holdings, counts as available at Kotak. The cash it calls CollateralValue."""
    body = accepted(reply)
    available, used, collateral = (amount(body, name) for name in ("Net", "MarginUsed", "Collateral"))
    if available is None:
        raise UnexpectedReply("the broker's reply has no usable Net")
    available = available.quantize(PAISA)  # it comes with the noise of a binary fraction
    total = None if used is None else available + used
    notes = ["total is available and used together"] if total is not None else []
    if collateral:
        cash = available - collateral
        notes.append(f"{rupees(collateral)} of it is margin for holdings, so cash is {rupees(cash)}")
    return Funds(available, used, total, "; ".join(notes) or None)


def holdings_in(reply: Reply) -> list[Holding]:
    return [_holding(row) for row in listed(reply)]


def positions_in(reply: Reply) -> list[Position]:
    return [_position(row) for row in listed(reply)]


def orders_in(reply: Reply) -> list[Order]:
    return [_order(row) for row in listed(reply)]


def order_address_in(reply: Reply) -> OrderAddress:
    """From where Kotak sees us; which addresses are registered it does not say."""
    first = next(iter(listed(reply)), None)
    with suppress(ValueError):
        return OrderAddress(str(ipaddress.ip_address(maybe(first, "ip", of=str) or "")), (), None)
    return OrderAddress(None, (), None)


def amount(row: object, name: str) -> Decimal | None:
    """A number, which Kotak may send as text; None where it is blank or missing."""
    written = row.get(name) if isinstance(row, dict) else None
    if not isinstance(written, str):
        return maybe(row, name, of=Decimal)
    if written.strip() in NONE:
        return None
    number = Decimal(written.strip()) if NUMBER.fullmatch(written.strip()) else LARGEST
    if not -LARGEST < number < LARGEST:
        raise UnexpectedReply(f"the broker's reply has no usable {name}")
    return Decimal(number)


def _whole(row: object, name: str) -> int:
    number = amount(row, name)
    if number is None or number != number.to_integral_value():
        raise UnexpectedReply(f"the broker's reply has no usable {name}")
    return int(number)


def _price(row: object, name: str) -> Decimal | None:
    """0 stands for "none": of a market order, a share that was not traded."""
    return amount(row, name) or None


def _holding(row: object) -> Holding:
    last, worth, cost = _price(row, "closingPrice"), amount(row, "mktValue"), amount(row, "holdingCost")
    return Holding(
        pick(row, "symbol", of=str),
        pick(row, "exchangeSegment", of=str),
        _whole(row, "quantity"),
        average_price=_price(row, "averagePrice"),
        last_price=last,
        pnl=None if last is None or worth is None or cost is None else worth - cost,
    )


def _position(row: object) -> Position:
    bought, sold = (
        _whole(row, "cfBuyQty") + _whole(row, "flBuyQty"),
        _whole(row, "cfSellQty") + _whole(row, "flSellQty"),
    )
    paid, got = _together(row, "cfBuyAmt", "buyAmt"), _together(row, "cfSellAmt", "sellAmt")
    net = bought - sold
    pnl = None if net or paid is None or got is None else got - paid
    opened_today = _whole(row, "cfBuyQty") == _whole(row, "cfSellQty") == 0
    return Position(
        pick(row, "trdSym", of=str),
        pick(row, "exSeg", of=str),
        pick(row, "prod", of=str),
        net,
        average_price=_average(row, paid, bought) if net > 0 else _average(row, got, sold) if net < 0 else None,
        last_price=None,
        # Without a last price only what is closed has a profit.
        pnl=pnl,
        day_pnl=pnl if opened_today else None,
    )


def _together(row: object, *names: str) -> Decimal | None:
    amounts = [amount(row, name) for name in names]
    known = [one for one in amounts if one is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def _average(row: object, paid: Decimal | None, quantity: int) -> Decimal | None:
    """What was paid for one unit, in the rupees the exchange quotes."""
    units = Decimal(quantity)
    digits = DIGITS.get(maybe(row, "precision", of=str) or "", 2)
    with suppress(ArithmeticError):  # of numbers that make no sense together
        for above, below in FRACTIONS:
            units *= amount(row, above) or 1
            units /= amount(row, below) or 1
        return None if paid is None else (paid / units).quantize(Decimal(1).scaleb(-digits))
    return None


def _order(row: object) -> Order:
    side, reason = pick(row, "trnsTp", of=str), maybe(row, "rejRsn", of=str)
    status = pick(row, "ordSt", of=str)
    return Order(
        pick(row, "nOrdNo", of=str),
        pick(row, "trdSym", of=str),
        SIDES.get(side, side),
        _whole(row, "qty"),
        _whole(row, "fldQty"),
        _price(row, "prc"),
        _price(row, "avgPrc"),
        status,
        reason=None if reason is None or reason.strip() in NONE else reason,
        at=_instant(maybe(row, "ordDtTm", of=str)),
        end=ENDS.get(status.lower()),
    )


def _instant(text: str | None) -> datetime | None:
    """A time as Kotak writes it: 20-Nov-2026 14:28:01, in IST."""
    with suppress(ValueError, OverflowError):  # the year 1 in India began before it in UTC
        return datetime.strptime(text or "", "%d-%b-%Y %H:%M:%S").replace(tzinfo=IST).astimezone(UTC)
    return None
