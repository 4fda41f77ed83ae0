"""The figures of a client nobody gave any: a small account, made up."""

from __future__ import annotations

from datetime import date
from typing import Any

from bot.sandbox.ordering import Placed


def funds() -> dict[str, Any]:
    nought = dict.fromkeys(
        (
            "availableintradaypayin",
            "availablelimitmargin",
            "collateral",
            "m2munrealized",
            "m2mrealized",
            "utilisedspan",
            "utilisedoptionpremium",
            "utilisedholdingsales",
            "utilisedexposure",
            "utilisedturnover",
        ),
        "0.0000",
    )
    return nought | {
        "net": "248310.5500",
        "availablecash": "248310.5500",
        "utiliseddebits": "1697.1700",
        "utilisedpayout": "91710.3300",
    }


def holdings() -> list[dict[str, Any]]:
    return [
        _holding("TATASTEEL-EQ", "3499", "INE081A01020", settled=12, unsettled=0, cost=141.35, last=158.2),
        _holding("SBIN-EQ", "3045", "INE062A01020", settled=8, unsettled=2, cost=812.4, last=805.1),
    ]


def _holding(
    symbol: str, token: str, isin: str, *, settled: int, unsettled: int, cost: float, last: float
) -> dict[str, Any]:
    quantity = settled + unsettled
    return {
        "tradingsymbol": symbol,
        "exchange": "NSE",
        "isin": isin,
        "t1quantity": unsettled,
        "realisedquantity": settled,
        "quantity": quantity,
        "authorisedquantity": 0,
        "product": "DELIVERY",
        "collateralquantity": None,
        "collateraltype": None,
        "haircut": 0,
        "averageprice": cost,
        "ltp": last,
        "symboltoken": token,
        "close": last,
        "profitandloss": int((last - cost) * quantity),
        "pnlpercentage": round(100 * (last - cost) / cost, 2),
    }


def positions() -> list[dict[str, Any]]:
    nought = dict.fromkeys(
        (
            "sellqty",
            "sellamount",
            "cfbuyqty",
            "cfsellqty",
            "cfbuyamount",
            "cfsellamount",
            "sellavgprice",
            "totalsellvalue",
            "cfbuyavgprice",
            "cfsellavgprice",
            "totalsellavgprice",
        ),
        "0",
    )
    return [
        nought
        | {
            "exchange": "NSE",
            "symboltoken": "2885",
            "producttype": "INTRADAY",
            "tradingsymbol": "RELIANCE-EQ",
            "symbolname": "RELIANCE",
            "instrumenttype": "",
            "priceden": "1",
            "pricenum": "1",
            "genden": "1",
            "gennum": "1",
            "precision": "2",
            "multiplier": "-1",
            "boardlotsize": "1",
            "symbolgroup": "EQ",
            "strikeprice": "-1",
            "optiontype": "",
            "expirydate": "",
            "lotsize": "1",
            "buyqty": "3",
            "buyamount": "4125.60",
            "buyavgprice": "1375.20",
            "avgnetprice": "1375.20",
            "netvalue": "- 4125.60",
            "netqty": "3",
            "totalbuyvalue": "4125.60",
            "totalbuyavgprice": "1375.20",
            "netprice": "1375.20",
            "ltp": "1381.05",
            "pnl": "17.55",
            "realised": "0.00",
            "unrealised": "17.55",
        }
    ]


def orders(day: date) -> list[dict[str, Any]]:
    return [
        {
            "variety": "NORMAL",
            "ordertype": "MARKET",
            "producttype": "INTRADAY",
            "duration": "DAY",
            "price": 0.0,
            "triggerprice": 0.0,
            "quantity": "3",
            "disclosedquantity": "0",
            "squareoff": 0.0,
            "stoploss": 0.0,
            "trailingstoploss": 0.0,
            "tradingsymbol": "RELIANCE-EQ",
            "transactiontype": "BUY",
            "exchange": "NSE",
            "symboltoken": "2885",
            "instrumenttype": "",
            "strikeprice": -1.0,
            "optiontype": "",
            "expirydate": "",
            "lotsize": "1",
            "cancelsize": "0",
            "averageprice": 1375.2,
            "filledshares": "3",
            "unfilledshares": "0",
            "orderid": f"{day:%y%m%d}000000131",
            "text": "",
            "status": "complete",
            "orderstatus": "complete",
            "updatetime": f"{day:%d-%b-%Y} 09:21:04",
            "exchtime": f"{day:%d-%b-%Y} 09:21:04",
            "exchorderupdatetime": f"{day:%d-%b-%Y} 09:21:04",
            "fillid": "",
            "filltime": "",
            "parentorderid": "",
            "ordertag": "demo-0001",
            "uniqueorderid": "34reqfachdfih",
            "exchangeorderid": "1100000000048358",
        }
    ]


STATUSES = {"open": "open", "filled": "complete", "rejected": "rejected", "cancelled": "cancelled"}
ONLY_IN_BOOK = {"uniqueorderid", "exchangeorderid"}


def order(placed: Placed) -> dict[str, Any]:
    at = f"{placed.changed_at:%d-%b-%Y %H:%M:%S}"
    status = STATUSES[placed.state]
    return orders(placed.changed_at.date())[0] | {
        "orderid": placed.id,
        "uniqueorderid": f"u{placed.id}",
        "exchangeorderid": "" if placed.state == "rejected" else f"1100000{placed.id[-9:]}",
        "ordertype": "LIMIT" if placed.price else "MARKET",
        "price": placed.price,
        "quantity": str(placed.quantity),
        "tradingsymbol": placed.symbol,
        "transactiontype": placed.side,
        "cancelsize": str(placed.quantity - placed.filled if placed.state == "cancelled" else 0),
        "averageprice": placed.average,
        "filledshares": str(placed.filled),
        "unfilledshares": str(placed.quantity - placed.filled),
        "text": placed.reason or "",
        "status": status,
        "orderstatus": status,
        **dict.fromkeys(("updatetime", "exchtime", "exchorderupdatetime"), at),
        "ordertag": "",
    }


def postback(row: dict[str, Any], client_code: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ONLY_IN_BOOK} | {"clientcode": client_code}
