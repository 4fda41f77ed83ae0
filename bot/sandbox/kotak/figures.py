"""The figures of a client nobody gave any: a small account, made up. Nearly all numbers are text, as at Kotak."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from bot.sandbox.india import IST

AT_ZERO = """
RmsCollateral AdhocMargin NotionalCash CdsSpreadBenefit AmountUtilizedPrsnt UnrealizedMtomPrsnt RealizedMtomPrsnt
ExposureMarginPrsnt SpanMarginPrsnt NfospreadBenefit PremiumPrsnt MarginVarPrsnt MtomWarningPrcntPrsnt
MtomSquareOffWarningPrcntPrsnt RmsPayInAmt RmsPayOutAmt SpecialMarginPrsnt DaneLimit DeliveryMarginPresent
CncSellcrdPresent ComSpanMrgnNrmlPrsnt ComSpanMrgnMisPrsnt ComExpsrMrgnNrmlPrsnt ComExpsrMrgnMisPrsnt AddMrgnNrmlPrsnt
AddMrgnMisPrsnt AddPreExpMrgnNrmlPrsnt AddPreExpMrgnMisPrsnt SplMrgnNrmlPrsnt SplMrgnMisPrsnt TenderMrgnNrmlPrsnt
TenderMrgnMisPrsnt DeliveryMrgnNrmlPrsnt DeliveryMrgnMisPrsnt CurExpMrgnNrmlPrsnt CurExpMrgnMisPrsnt
CurPremiumNrmlPrsnt CurPremiumMisPrsnt CurSpanMrgnNrmlPrsnt CurSpanMrgnMisPrsnt FoPremiumNrmlPrsnt FoPremiumMisPrsnt
FoExpMrgnNrmlPrsnt FoExpMrgnMisPrsnt FoSpanrgnNrmlPrsnt FoSpanrgnMisPrsnt MrgnScrpBsktMisPrsnt MrgnScrpBsktCncPrsnt
MrgnVarNrmlPrsnt MrgnVarMisPrsnt AmtUntilizedPrsnt CncMrgnVarPrsnt FoUnRlsMtomPrsnt ComUnRlsMtomPrsnt CurUnRlsMtomPrsnt
CashRlsMtomPrsnt FoRlsMtomPrsnt ComRlsMtomPrsnt CurRlsMtomPrsnt BrokeragePrsnt SlbmLimit RmsMutualFundAmt
AuxRmsCollateral AuxNotionalCash AuxAdhocMargin RmsIpoAmt
"""
WORDS = {"Category", "EntityId", "BoardLotLimit", "SlbmVarElm", "SlbmMtom", "LendingFee", "TimeStamp", "stCode", "stat"}
"""What stays as it is where limits are asked for with a filter."""


def limits() -> dict[str, Any]:
    return dict.fromkeys(AT_ZERO.split(), "0") | {
        "Category": "CLIENT_SPECIAL",
        "EntityId": "",
        "BoardLotLimit": "5000",
        "CollateralValue": "15289.5",
        "Collateral": "72369.98",
        "MarginScripBasketPrsnt": "18.78",
        "MarginWarningPrcntPrsnt": "0.021428",
        "MarginUsed": "18.78",
        "Net": "87640.70000000001",
        "CollateralValueMult": "1",
        "AdhocLimitMult": "1",
        "RmsCollateralMult": "1",
        "NationalCashMult": "1",
        "MrgnScrpBsktNrmlPrsnt": "18.78",
        "MarginUsedPrsnt": "18.78",
        "CashUnRlsMtomPrsnt": "-0.24",
        "SlbmVarElm": "",
        "SlbmMtom": "",
        "LendingFee": "",
        "TimeStamp": "1795147200000",
        "stCode": 200,
        "stat": "Ok",
    }


def filtered(whole: dict[str, Any]) -> dict[str, Any]:
    """A well-formed answer that says nothing: all zeros, whatever there is."""
    return {name: value if name in WORDS else "0" for name, value in whole.items()}


def holdings() -> list[dict[str, Any]]:
    return [_holding("ITBEES", 18974, "19084", 45, 38.7162, 39.36), _holding("IDEA", 8658, "14366", 35, 9.5699, 9.36)]


def _holding(symbol: str, own: int, token: str, quantity: int, cost: float, close: float) -> dict[str, Any]:
    spent, worth = round(quantity * cost, 4), round(quantity * close, 4)
    return {
        "instrumentType": "Equity",
        "sector": "Others",
        "instrumentToken": own,
        "commonScripCode": symbol,
        "instrumentName": symbol,
        "quantity": quantity,
        "averagePrice": cost,
        "holdingCost": spent,
        "closingPrice": close,
        "mktValue": worth,
        "scripId": "",
        "isAlternateScrip": "",
        "unrealisedGainLoss": round(worth - spent, 4),
        "sqGainLoss": 0,
        "delGainLoss": 0,
        "subTotal": 0,
        "prevDayLtp": 0,
        "subType": "EQ",
        "instrumentStatus": "ACTV",
        "marketLot": 1,
        "expiryDate": "",
        "optType": "",
        "strikePrice": "0.00",
        "symbol": symbol,
        "displaySymbol": symbol,
        "exchangeSegment": "nse_cm",
        "series": "EQ",
        "exchangeIdentifier": token,
        "sellableQuantity": quantity,
        "securityType": "EQ",
        "securitySubType": "EQ",
        "logoUrl": "",
        "cmotCode": "",
    }


def positions(client_id: str) -> list[dict[str, Any]]:
    return [
        {
            "actId": client_id,
            "brdLtQty": 225,
            "cfBuyAmt": "0.00",
            "cfSellAmt": "0.00",
            "cfBuyQty": "0",
            "cfSellQty": "0",
            "exSeg": "nse_fo",
            "buyAmt": "475200.00",
            "sellAmt": "475650.50",
            "flBuyQty": "225",
            "flSellQty": "225",
            "prod": "NRML",
            "series": "XX",
            "tok": "61304",
            "trdSym": "TCS26NOVFUT",
            "optTp": "XX",
            "stkPrc": "0.00",
            "type": "FUTSTK",
            "sym": "TCS",
            "sqrFlg": "Y",
            "posFlg": "true",
            "lotSz": "225",
            "multiplier": "1",
            "precision": "2",
            "prcNum": "1",
            "prcDen": "1",
            "hsUpTm": "2026/11/20 12:57:46",
            "expDt": "24 Nov, 2026",
            "exp": "1795514400",
            "genNum": "1",
            "genDen": "1",
            "dscQty": "",
            "upldPrc": "0.00",
            "updRecvTm": 1795159666658915084,
        }
    ]


def orders(client_id: str, day: date) -> list[dict[str, Any]]:
    at = datetime.combine(day, time(9, 28, 1), IST)
    seconds, in_words = int(at.timestamp()), f"{at:%d-%b-%Y %H:%M:%S}"
    return [
        {
            "actId": client_id,
            "avgPrc": "0.00",
            "brdLtQty": "1",
            "cnlQty": 0,
            "dscQty": 0,
            "exCfmTm": in_words,
            "exOrdId": "1100000059569867",
            "expDt": "NA",
            "exSeg": "nse_cm",
            "fldQty": 0,
            "boeSec": seconds,
            "minQty": 0,
            "nOrdNo": f"{at:%y%m%d}000612876",
            "optTp": "- ",
            "ordDtTm": in_words,
            "ordEntTm": in_words,
            "ordGenTp": "NA",
            "prod": "CNC",
            "prc": "9.39",
            "prcTp": "L",
            "qty": 1,
            "rejRsn": "--",
            "series": "EQ",
            "stat": "open",
            "ordSt": "open",
            "stkPrc": "0.00",
            "sym": "IDEA",
            "tok": "14366",
            "trnsTp": "B",
            "trgPrc": "0.00",
            "trdSym": "IDEA-EQ",
            "unFldSz": 1,
            "uSec": f"{seconds}",
            "vldt": "DAY",
            "genDen": "1",
            "genNum": "1",
            "prcNum": "1",
            "prcDen": "1",
            "lotSz": "1",
            "multiplier": "1",
            "precision": "2",
            "hsUpTm": f"{at:%Y/%m/%d %H:%M:%S}",
            "GuiOrdId": "demo-0001",
            "updRecvTm": seconds * 1_000_000_000 + 933_015_920,
        }
    ]
