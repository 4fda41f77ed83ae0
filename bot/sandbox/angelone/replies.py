"""What Angel One answers: the sample refusals by name, and the bodies of success.

Pure data and functions. Field names and their spelling are Angel One's; so are its two envelopes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.sandbox.angelone.clients import Client, Session
from bot.sandbox.india import IST


def _service(code: str, message: str) -> dict[str, Any]:
    return {"status": False, "message": message, "errorcode": code, "data": None}


def _gateway(code: str, message: str) -> dict[str, Any]:
    return {"success": False, "message": message, "errorCode": code, "data": ""}


FIREWALL = (
    "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Please consult with your "
    "administrator.<br><br>Your support ID is: 11000000000000000001</body></html>"
)
BLOCKED = _service("AB1006", "Client Is Block For Trading")

SAMPLES: dict[str, tuple[int, Any]] = {
    "login_err_totp_AB1050": (200, _service("AB1050", "Invalid totp")),
    "login_err_credentials_AB1007": (200, _service("AB1007", "Login Id or password is invalid")),
    "login_err_credentials_AB1000": (200, _service("AB1000", "Invalid Email Or Password")),
    "login_err_pin_AB1007_invalid_mpin": (200, _service("AB1007", "INVALID MPIN")),
    "login_err_blocked_AB1006": (200, BLOCKED),
    "login_err_blocked_AB1007": (200, _service("AB1007", "USER IS BLOCKED FOR TRADING")),
    "login_err_account_locked_inferred": (200, BLOCKED),
    "login_err_use_mpin_AB7001": (
        200,
        _service("AB7001", "LoginbyPassword is not allowed. Please switch to Login by MPIN now."),
    ),
    "login_err_api_key_AG8004": (200, _gateway("AG8004", "Invalid API Key")),
    "login_err_generic_AB1004": (200, _service("AB1004", "Something Went Wrong, Please Try After Sometime")),
    "login_err_internal_AB2001": (200, _service("AB2001", "Internal Error, Please try after sometime")),
    "generate_tokens_err_invalid_AB8050": (200, _service("AB8050", "Invalid Refresh Token")),
    "generate_tokens_err_expired_AB8051": (200, _service("AB8051", "Refresh Token Expired")),
    "secure_err_invalid_token_AG8001": (200, _gateway("AG8001", "Invalid Token")),
    "secure_err_token_expired_AG8002": (200, _gateway("AG8002", "Token Expired")),
    "secure_err_token_missing_AG8003": (200, _gateway("AG8003", "Token missing")),
    "secure_err_amx_session_AB1010": (200, _service("AB1010", "AMX Session Expired")),
    "secure_err_not_logged_in_AB1011": (200, _service("AB1011", "Client not login")),
    "secure_err_rate_AB1021": (403, _service("AB1021", "Too many requests")),
    "order_err_ip_AG7002": (200, _gateway("AG7002", "Unregistered IP Address")),
    "rate_limited_403": (403, b"Access denied because of exceeding access rate"),
    "rate_limited_403_doc_wording": (403, b"Access denied because of exceeding rate limit"),
    "waf_request_rejected": (200, FIREWALL),
    "maintenance_503": (503, "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"),
    "empty_body_502": (502, b""),
}
"""Status and body of every answer that says one thing only, by its name among the sample payloads."""
EXPIRED = {"AG8001": "secure_err_invalid_token_AG8001", "AG8002": "secure_err_token_expired_AG8002"}


def good(data: Any) -> dict[str, Any]:
    return {"status": True, "message": "SUCCESS", "errorcode": "", "data": data}


def granted(session: Session, state: str | None = None) -> dict[str, Any]:
    """The three tokens; `state` is there only if it was sent."""
    told = {"jwtToken": session.access, "refreshToken": session.refresh, "feedToken": session.feed}
    return good(told if state is None else {**told, "state": state})


def profile(client: Client, now: float) -> dict[str, Any]:
    return good(
        {
            "clientcode": client.client_code,
            "name": client.name,
            "email": "",
            "mobileno": "",
            "exchanges": ["NSE", "BSE", "MCX", "CDS", "NCDEX", "NFO"],
            "products": ["DELIVERY", "INTRADAY", "MARGIN"],
            "lastlogintime": datetime.fromtimestamp(now, IST).strftime("%Y-%m-%d %H:%M:%S"),
            "brokerid": "B2C",
        }
    )


def all_holdings(holdings: list[dict[str, Any]]) -> dict[str, Any]:
    worth = sum(one["ltp"] * one["quantity"] for one in holdings)
    cost = sum(one["averageprice"] * one["quantity"] for one in holdings)
    total = {
        "totalholdingvalue": round(worth),
        "totalinvvalue": round(cost),
        "totalprofitandloss": round(worth - cost, 2),
        "totalpnlpercentage": round(100 * (worth - cost) / cost, 2) if cost else 0,
    }
    return good({"holdings": holdings, "totalholding": total})


PRICES = ("price", "triggerprice", "squareoff", "stoploss", "trailingstoploss", "strikeprice", "averageprice")


def with_prices_as_text(order: dict[str, Any]) -> dict[str, Any]:
    return order | {name: f"{order[name]:.2f}" for name in PRICES if isinstance(order.get(name), float | int)}
