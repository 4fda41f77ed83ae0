"""/orders, and how an order ended: what, how many, at which price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from brokers import End, Order
from handlers.text.facts import fact, money
from handlers.text.figures import still_asking
from handlers.text.parts import UNKNOWN, Answer, bold, clock, esc, failed, folded, lines, paragraphs, rupees
from handlers.tokens import AlertLike, OrderBook

SHOWN = 30
"""Orders of one account; the newest."""
MARKS = {End.FILLED: "✅", End.REJECTED: "❌", End.CANCELLED: "🚫", None: "⏳"}
VERBS = {"BUY": ("buy", "bought"), "SELL": ("sell", "sold")}
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def orders(answers: Sequence[Answer[OrderBook]], waiting: Sequence[str], now: datetime) -> str:
    """`waiting`: accounts whose broker has not answered yet."""
    blocks = [_one(answer, now) for answer in answers]
    return paragraphs([*blocks, still_asking(waiting) if waiting else None])


def _one(answer: Answer[OrderBook], now: datetime) -> str:
    if not isinstance(answer, OrderBook):
        name, error = answer
        return f"❌ {bold(name)}: {failed(error)}"
    heading = f"{bold(answer.account)} ({esc(answer.broker)})"
    if not answer.orders:
        return f"{heading}: no orders today"
    newest = sorted(answer.orders, key=lambda order: order.at or LONG_AGO, reverse=True)
    more = len(newest) - SHOWN
    shown = [*(_line(order, now) for order in newest[:SHOWN]), *([f"… and {more} more"] if more > 0 else [])]
    return lines((f"{heading}: {_count(newest)} today", folded(shown)))


def _count(found: Sequence[Order]) -> str:
    return f"{len(found)} orders" if len(found) > 1 else "1 order"


def _line(order: Order, now: datetime) -> str:
    at = clock(order.at, now) if order.at else UNKNOWN
    price = rupees(order.average_price if order.filled else order.price)
    why = f" ({esc(order.reason)})" if order.reason else ""
    what = f"{esc(order.side)} {esc(order.symbol)} {order.filled}/{order.quantity} at {price}"
    return f"{at} {MARKS[order.end]} {what}: {esc(order.status.lower())}{why}"


def ended(found: Sequence[AlertLike], _now: datetime) -> str:
    """How orders ended, a line for each."""
    return lines(ENDS[one.kind](one) for one in found)


def _filled(alert: AlertLike) -> str:
    return f"✅ {_name(alert)}: {_done(alert)}."


def _rejected(alert: AlertLike) -> str:
    reason = alert.facts.get("reason")
    why = f": {esc(reason).rstrip('. ')}" if reason else "; the broker gives no reason"
    return f"❌ {_name(alert)}: {_order(alert)} was rejected{why}.{_part(alert)}"


def _cancelled(alert: AlertLike) -> str:
    return f"🚫 {_name(alert)}: {_order(alert)} was cancelled.{_part(alert) or f' Nothing was {_verbs(alert)[1]}.'}"


ENDS = {"order_filled": _filled, "order_rejected": _rejected, "order_cancelled": _cancelled}


def _name(alert: AlertLike) -> str:
    return bold(alert.account or UNKNOWN)


def _order(alert: AlertLike) -> str:
    what = f"{fact(alert, 'quantity')} {fact(alert, 'symbol')}"
    return f"the order to {_verbs(alert)[0]} {what}{_at(alert, 'price')}"


def _part(alert: AlertLike) -> str:
    """What had been filled before."""
    return f" Before that it {_done(alert)}." if alert.facts.get("filled") else ""


def _done(alert: AlertLike) -> str:
    some, whole = fact(alert, "filled"), fact(alert, "quantity")
    how_many = some if some == whole else f"{some} of {whole}"
    return f"{_verbs(alert)[1]} {how_many} {fact(alert, 'symbol')}{_at(alert, 'average_price')}"


def _at(alert: AlertLike, key: str) -> str:
    """A market order has no price of its own."""
    price = money(alert, key)
    return f" at {price}" if price else ""


def _verbs(alert: AlertLike) -> tuple[str, str]:
    return VERBS.get(str(alert.facts.get("side")).upper(), ("trade", "traded"))
