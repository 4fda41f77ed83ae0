"""What Dhan tells of an account, in our values. Pure functions on its replies; its spelling is its own."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from decimal import Decimal

from brokers._money import rupees
from brokers._reply import Reply, maybe, pick, rows
from brokers._types import End, Funds, Holding, Order, OrderAddress, Position, Profile
from brokers.dhan._answers import instant
from brokers.dhan._refusals import NO_HOLDINGS, accepted, meaning, refusal_in

ENDS = {
    "TRADED": End.FILLED,
    "REJECTED": End.REJECTED,
    "CANCELLED": End.CANCELLED,
    "EXPIRED": End.CANCELLED,
}


def profile_in(reply: Reply) -> Profile:
    return Profile(pick(accepted(reply), "dhanClientId", of=str))


def funds_in(reply: Reply) -> Funds:
    """Pledged collateral counts as available at Dhan, but cannot buy everything."""
    body = accepted(reply)
    available = maybe(body, "availabelBalance", of=Decimal)
    if available is None:
        available = pick(body, "availableBalance", of=Decimal)
    used = maybe(body, "utilizedAmount", of=Decimal)
    total = None if used is None else available + used
    pledged = maybe(body, "collateralAmount", of=Decimal)
    notes = ["total is available and used together"] if total is not None else []
    if pledged:
        notes.append(f"{rupees(pledged)} of it is pledged collateral, so cash is {rupees(available - pledged)}")
    return Funds(available, used, total, "; ".join(notes) or None)


def holdings_in(reply: Reply) -> list[Holding]:
    said_no = refusal_in(reply.body)
    if said_no is not None and said_no.code == NO_HOLDINGS:
        return []
    return [_holding(row) for row in rows(accepted(reply))]


def positions_in(reply: Reply) -> list[Position]:
    return [_position(row) for row in rows(accepted(reply))]


def orders_in(reply: Reply) -> list[Order]:
    return [_order(row) for row in rows(accepted(reply))]


def order_address_in(reply: Reply) -> OrderAddress:
    """Leniently: most of these fields are in no documentation, and "no address registered" is an error in a list."""
    said_no = refusal_in(reply.body)
    if reply.good and isinstance(reply.body, list) and not (said_no and meaning(said_no)):
        return OrderAddress(None, (), None)
    body = accepted(reply)
    found = [_address(body, name) for name in ("primaryIP", "secondaryIP", "ip")]
    registered = tuple(dict.fromkeys(address for address in found if address))
    seen_from = _address(body, "detectedIP")
    allowed = body.get("ordersAllowed") if isinstance(body, dict) else None
    if not isinstance(allowed, bool):
        allowed = seen_from in registered if seen_from and registered else None
    return OrderAddress(seen_from, registered, allowed)


def _holding(row: object) -> Holding:
    quantity = pick(row, "totalQty", of=int)
    average = maybe(row, "avgCostPrice", of=Decimal)
    last = _price(row, "lastTradedPrice")
    pnl = None if average is None or last is None else (last - average) * quantity
    return Holding(pick(row, "tradingSymbol", of=str), pick(row, "exchange", of=str), quantity, average, last, pnl)


def _position(row: object) -> Position:
    realised = maybe(row, "realizedProfit", of=Decimal)
    unrealised = maybe(row, "unrealizedProfit", of=Decimal)
    pnl = None if realised is None or unrealised is None else realised + unrealised
    carried = maybe(row, "carryForwardBuyQty", of=int), maybe(row, "carryForwardSellQty", of=int)
    return Position(
        pick(row, "tradingSymbol", of=str),
        pick(row, "exchangeSegment", of=str),
        pick(row, "productType", of=str),
        pick(row, "netQty", of=int),
        average_price=_price(row, "costPrice"),
        last_price=None,
        pnl=pnl,
        # What was opened today was earned today. Of what was carried over, Dhan does not tell yesterday's price.
        day_pnl=pnl if carried == (0, 0) else None,
    )


def _order(row: object) -> Order:
    status = pick(row, "orderStatus", of=str)
    return Order(
        pick(row, "orderId", of=str),
        pick(row, "tradingSymbol", of=str),
        pick(row, "transactionType", of=str),
        pick(row, "quantity", of=int),
        maybe(row, "filledQty", of=int) or 0,
        _price(row, "price"),
        _price(row, "averageTradedPrice"),
        status,
        # Healthy orders carry a description, too: CONFIRMED.
        reason=maybe(row, "omsErrorDescription", of=str) if status == "REJECTED" else None,
        at=instant(maybe(row, "updateTime", of=str)) or instant(maybe(row, "createTime", of=str)),
        end=ENDS.get(status),
    )


def _price(row: object, name: str) -> Decimal | None:
    """0 stands for "none": of a market order, a closed position, a share that was not traded."""
    return maybe(row, name, of=Decimal) or None


def _address(body: object, name: str) -> str | None:
    text = body.get(name) if isinstance(body, dict) else None
    with suppress(ValueError):
        return str(ipaddress.ip_address(text)) if isinstance(text, str) else None
    return None
