"""The figures of a client nobody gave any: a small account, made up."""

from __future__ import annotations

from datetime import date
from typing import Any

from bot.sandbox.ordering import Placed


def funds(client_id: str) -> dict[str, Any]:
    return {
        "dhanClientId": client_id,
        "availabelBalance": 98440.5,
        "sodLimit": 113642.0,
        "collateralAmount": 12000.0,
        "receiveableAmount": 0.0,
        "utilizedAmount": 15201.5,
        "blockedPayoutAmount": 0.0,
        "withdrawableBalance": 86310.0,
    }


def holdings() -> list[dict[str, Any]]:
    return [
        _holding("NIFTYBEES", "10576", "INF204KB14I2", settled=10, unsettled=2, pledged=0, cost=252.05, last=261.4),
        _holding("HDFCBANK", "1333", "INE040A01034", settled=5, unsettled=0, pledged=2, cost=1522.8, last=1611.35),
    ]


def _holding(
    symbol: str, security: str, isin: str, *, settled: int, unsettled: int, pledged: int, cost: float, last: float
) -> dict[str, Any]:
    total = settled + unsettled
    return {
        "exchange": "ALL",
        "tradingSymbol": symbol,
        "securityId": security,
        "isin": isin,
        "totalQty": total,
        "dpQty": settled,
        "t1Qty": unsettled,
        "mtf_t1_qty": 0,
        "mtf_qty": 0,
        "availableQty": total - pledged,
        "collateralQty": pledged,
        "avgCostPrice": cost,
        "lastTradedPrice": last,
    }


def positions(client_id: str) -> list[dict[str, Any]]:
    return [
        {
            "dhanClientId": client_id,
            "tradingSymbol": "TCS",
            "securityId": "11536",
            "positionType": "LONG",
            "exchangeSegment": "NSE_EQ",
            "productType": "INTRADAY",
            "buyAvg": 3345.8,
            "costPrice": 3345.8,
            "buyQty": 4,
            "sellAvg": 0.0,
            "sellQty": 0,
            "netQty": 4,
            "realizedProfit": 0.0,
            "unrealizedProfit": 61.2,
            "rbiReferenceRate": 1.0,
            "multiplier": 1,
            "carryForwardBuyQty": 0,
            "carryForwardSellQty": 0,
            "carryForwardBuyValue": 0.0,
            "carryForwardSellValue": 0.0,
            "dayBuyQty": 4,
            "daySellQty": 0,
            "dayBuyValue": 13383.2,
            "daySellValue": 0.0,
            "drvExpiryDate": "0001-01-01",
            "drvOptionType": None,
            "drvStrikePrice": 0.0,
            "crossCurrency": False,
        }
    ]


def orders(client_id: str, day: date) -> list[dict[str, Any]]:
    return [
        {
            "dhanClientId": client_id,
            "orderId": f"11{day:%y%m%d}0001",
            "exchangeOrderId": "1100000012345678",
            "correlationId": "demo-0001",
            "orderStatus": "TRADED",
            "transactionType": "BUY",
            "exchangeSegment": "NSE_EQ",
            "productType": "INTRADAY",
            "orderType": "LIMIT",
            "validity": "DAY",
            "tradingSymbol": "TCS",
            "securityId": "11536",
            "quantity": 4,
            "disclosedQuantity": 0,
            "price": 3346.0,
            "triggerPrice": 0.0,
            "afterMarketOrder": False,
            "boProfitValue": 0.0,
            "boStopLossValue": 0.0,
            "legName": "NA",
            "createTime": f"{day} 09:21:03",
            "updateTime": f"{day} 09:21:04",
            "exchangeTime": f"{day} 09:21:03",
            "drvExpiryDate": "0001-01-01",
            "drvOptionType": "NA",
            "drvStrikePrice": 0.0,
            "omsErrorCode": "0",
            "omsErrorDescription": "CONFIRMED",
            "algoId": "0",
            "remainingQuantity": 0,
            "averageTradedPrice": 3345.8,
            "filledQty": 4,
        }
    ]


STATUSES = {"open": "PENDING", "filled": "TRADED", "rejected": "REJECTED", "cancelled": "CANCELLED"}
ONLY_IN_BOOK = {"exchangeOrderId", "remainingQuantity", "averageTradedPrice", "filledQty"}
NULL_IN_POSTBACK = ("legName", "drvExpiryDate", "drvOptionType", "algoId")


def order(client_id: str, placed: Placed) -> dict[str, Any]:
    changed = f"{placed.changed_at:%Y-%m-%d %H:%M:%S}"
    is_rejected = placed.state == "rejected"
    status = "PART_TRADED" if placed.state == "open" and placed.filled else STATUSES[placed.state]
    return orders(client_id, placed.changed_at.date())[0] | {
        "orderId": placed.id,
        "exchangeOrderId": "0" if is_rejected else f"1100000{placed.id[-10:]}",
        "correlationId": "NA",
        "orderStatus": status,
        "transactionType": placed.side,
        "orderType": "LIMIT" if placed.price else "MARKET",
        "tradingSymbol": placed.symbol,
        "quantity": placed.quantity,
        "price": placed.price,
        "createTime": f"{placed.placed_at:%Y-%m-%d %H:%M:%S}",
        "updateTime": changed,
        "exchangeTime": changed,
        "omsErrorCode": "16283" if is_rejected else "0",
        "omsErrorDescription": placed.reason if is_rejected else "CONFIRMED",
        "remainingQuantity": placed.pending,
        "averageTradedPrice": placed.average,
        "filledQty": placed.filled,
    }


def postback(row: dict[str, Any]) -> dict[str, Any]:
    posted = {key: value for key, value in row.items() if key not in ONLY_IN_BOOK}
    good = {} if row["orderStatus"] == "REJECTED" else dict.fromkeys(("omsErrorCode", "omsErrorDescription"))
    return posted | dict.fromkeys(NULL_IN_POSTBACK) | good | {"filled_qty": row["filledQty"]}
