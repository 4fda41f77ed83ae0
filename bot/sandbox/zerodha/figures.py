"""The figures of a user nobody gave any: a small account, made up."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

from bot.sandbox.ordering import Placed


def margins() -> dict[str, Any]:
    return {"equity": _segment(54210.35, 27220), "commodity": _segment(0, 0)}


def _segment(net: float, debits: float) -> dict[str, Any]:
    cash = round(net + debits, 2)
    available = dict.fromkeys(("adhoc_margin", "collateral", "intraday_payin"), 0)
    groups = ("exposure", "m2m_realised", "m2m_unrealised", "option_premium", "payout", "span", "holding_sales")
    rest = ("turnover", "liquid_collateral", "stock_collateral", "delivery")
    return {
        "enabled": True,
        "net": net,
        "available": {**available, "cash": cash, "opening_balance": cash, "live_balance": net},
        "utilised": {"debits": debits, **dict.fromkeys((*groups, *rest), 0)},
    }


def holdings() -> list[dict[str, Any]]:
    return [
        _holding("SBIN", 779521, "INE062A01020", settled=16, unsettled=0, cost=801.78125, last=812.45),
        _holding("INFY", 408065, "INE009A01021", settled=4, unsettled=2, cost=1490.5, last=1502.25),
    ]


def _holding(
    symbol: str, instrument: int, isin: str, *, settled: int, unsettled: int, cost: float, last: float
) -> dict[str, Any]:
    close = round(last - 6.05, 2)
    return {
        "tradingsymbol": symbol,
        "exchange": "NSE",
        "instrument_token": instrument,
        "isin": isin,
        "product": "CNC",
        "price": 0,
        "quantity": settled,
        "used_quantity": 0,
        "t1_quantity": unsettled,
        "realised_quantity": settled,
        "authorised_quantity": 0,
        "authorised_date": "2026-11-16 00:00:00",
        "authorisation": {},
        "opening_quantity": settled,
        "short_quantity": 0,
        "collateral_quantity": 0,
        "collateral_type": None,
        "discrepancy": False,
        "average_price": cost,
        "last_price": last,
        "close_price": close,
        "pnl": (last - cost) * (settled + unsettled),
        "day_change": last - close,
        "day_change_percentage": (last - close) / close * 100,
        "mtf": {"quantity": 0, "used_quantity": 0, "average_price": 0, "value": 0, "initial_margin": 0},
    }


def positions() -> list[dict[str, Any]]:
    """The rows of `net`, which are also those of `day`."""
    bought, last, quantity = 26011.5, 26030.25, 75
    return [
        {
            "tradingsymbol": "NIFTY26NOVFUT",
            "exchange": "NFO",
            "instrument_token": 12345602,
            "product": "NRML",
            "quantity": quantity,
            "overnight_quantity": 0,
            "multiplier": 1,
            "average_price": bought,
            "close_price": 0,
            "last_price": last,
            "value": -bought * quantity,
            **dict.fromkeys(("pnl", "m2m", "unrealised"), (last - bought) * quantity),
            "realised": 0,
            "buy_quantity": quantity,
            "buy_price": bought,
            **dict.fromkeys(("buy_value", "buy_m2m", "day_buy_value"), bought * quantity),
            **dict.fromkeys(("sell_quantity", "sell_price", "sell_value", "sell_m2m"), 0),
            "day_buy_quantity": quantity,
            "day_buy_price": bought,
            **dict.fromkeys(("day_sell_quantity", "day_sell_price", "day_sell_value"), 0),
        }
    ]


def orders(user_id: str, day: date) -> list[dict[str, Any]]:
    return [
        {
            "placed_by": user_id,
            "order_id": f"{day:%y%m%d}000308932",
            "exchange_order_id": "1100000001482421",
            "parent_order_id": None,
            "status": "COMPLETE",
            "status_message": None,
            "status_message_raw": None,
            "order_timestamp": f"{day} 09:24:25",
            "exchange_update_timestamp": f"{day} 09:24:25",
            "exchange_timestamp": f"{day} 09:24:25",
            "variety": "regular",
            "modified": False,
            "exchange": "NSE",
            "tradingsymbol": "SBIN",
            "instrument_token": 779521,
            "order_type": "MARKET",
            "transaction_type": "BUY",
            "validity": "DAY",
            "product": "CNC",
            "quantity": 1,
            "disclosed_quantity": 0,
            "price": 0,
            "trigger_price": 0,
            "average_price": 812.4,
            "filled_quantity": 1,
            "pending_quantity": 0,
            "cancelled_quantity": 0,
            "market_protection": -1,
            "meta": {},
            "tag": None,
            "guid": "XXXXXX",
        }
    ]


STATUSES = {"open": "OPEN", "filled": "COMPLETE", "rejected": "REJECTED", "cancelled": "CANCELLED"}


def order(user_id: str, placed: Placed) -> dict[str, Any]:
    changed = f"{placed.changed_at:%Y-%m-%d %H:%M:%S}"
    is_rejected = placed.state == "rejected"
    return orders(user_id, placed.changed_at.date())[0] | {
        "order_id": placed.id,
        "exchange_order_id": None if is_rejected else f"1100000{placed.id[-9:]}",
        "status": STATUSES[placed.state],
        "status_message": placed.reason,
        "status_message_raw": placed.reason and f"RMS:{placed.reason}",
        "order_timestamp": changed,
        "exchange_update_timestamp": None if is_rejected else changed,
        "exchange_timestamp": None if is_rejected else changed,
        "tradingsymbol": placed.symbol,
        "order_type": "LIMIT" if placed.price else "MARKET",
        "transaction_type": placed.side,
        "quantity": placed.quantity,
        "price": placed.price,
        "average_price": placed.average,
        "filled_quantity": placed.filled,
        "pending_quantity": placed.pending,
        "cancelled_quantity": placed.quantity - placed.filled if placed.state == "cancelled" else 0,
    }


def postback(row: dict[str, Any], api_secret: str) -> dict[str, Any]:
    signed = row["order_id"] + row["order_timestamp"] + api_secret
    posted = {key: value for key, value in row.items() if key != "modified"}
    return posted | {
        "status": "UPDATE" if row["status"] == "OPEN" else row["status"],
        "user_id": row["placed_by"],
        "unfilled_quantity": row["quantity"] - row["filled_quantity"],
        "app_id": 1234,
        "checksum": hashlib.sha256(signed.encode()).hexdigest(),
    }
