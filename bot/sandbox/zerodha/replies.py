"""What Zerodha answers: the sample refusals by name, and the bodies of success.

Pure data and functions. Field names and their spelling are Zerodha's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bot.sandbox.india import IST
from bot.sandbox.zerodha.clients import Client, Token


def error(kind: str, message: str) -> dict[str, Any]:
    return {"status": "error", "message": message, "data": None, "error_type": kind}


def success(data: Any) -> dict[str, Any]:
    return {"status": "success", "data": data}


SAMPLES: dict[str, tuple[int, Any]] = {
    "web_login_error_bad_password": (
        403,
        error("UserException", "Invalid account credentials. 4 attempts remain."),
    ),
    "web_login_error_blocked_inferred": (
        403,
        error(
            "UserException",
            "Your account has been blocked due to multiple invalid attempts. Reset your password to continue.",
        ),
    ),
    "web_twofa_error_invalid_totp": (403, error("TwoFAException", "Invalid TOTP")),
    "web_twofa_error_invalid_app_code": (403, error("TwoFAException", "Invalid App Code")),
    "web_twofa_error_type_unavailable": (400, error("TwoFAException", "The requested 2FA type is not available.")),
    "session_token_error_invalid_or_expired": (403, error("TokenException", "Token is invalid or has expired.")),
    "session_token_error_bad_checksum": (403, error("TokenException", "Invalid `checksum`.")),
    "error_token_exception": (403, error("TokenException", "Incorrect `api_key` or `access_token`.")),
    "error_rate_limited": (429, error("NetworkException", "Too many requests")),
    "error_permission_no_ip_configured": (
        403,
        error(
            "PermissionException",
            "No IPs configured for this app. Add allowed IPs on the Kite developer console.",
        ),
    ),
    "error_permission_ip_not_allowed": (
        403,
        error(
            "PermissionException",
            "IP (198.51.100.7) is not allowed to place orders for this app. Update allowed IPs on the Kite developer "
            "console. Learn more - https://support.zerodha.com/category/trading-and-markets/general-kite/kite-api/"
            "articles/static-ip",
        ),
    ),
    "error_insufficient_permission_inferred": (
        403,
        error("PermissionException", "Insufficient permission for that call."),
    ),
    "error_input_exception": (400, error("InputException", "Missing or empty field `tradingsymbol`")),
    "error_general_exception": (500, error("GeneralException", "Something unexpected happened. Please try again.")),
    "error_data_exception": (
        502,
        error("DataException", "Unexpected response from the order management system."),
    ),
    "error_network_exception": (
        503,
        error("NetworkException", "The order management system is unreachable."),
    ),
    "holdings_empty": (200, success([])),
    "positions_empty": (200, success({"net": [], "day": []})),
    "orders_empty": (200, success([])),
    "session_token_delete_success": (200, success(True)),
    "web_twofa_success": (200, success({})),
}
"""Status and body of every answer that says one thing only, by its name among the sample payloads."""


def missing(field: str) -> tuple[int, Any]:
    return 400, error("InputException", f"Missing `{field}`.")


def nowhere() -> tuple[int, Any]:
    return 404, error("GeneralException", "Route not found")


def wrong_key() -> tuple[int, Any]:
    return 400, error("InputException", "Invalid `api_key`.")


def begun(client: Client, request_id: str) -> dict[str, Any]:
    """After the right password."""
    return success(
        {
            "user_id": client.client_id,
            "request_id": request_id,
            "twofa_type": client.twofa_types[0],
            "twofa_types": client.twofa_types,
            "twofa_status": "active",
            "profile": {"user_name": client.name, "user_shortname": client.name.split()[0], "avatar_url": None},
        }
    )


def profile(client: Client) -> dict[str, Any]:
    return {
        "user_id": client.client_id,
        "user_type": "individual",
        "email": "sample@example.com",
        "user_name": client.name,
        "user_shortname": client.name.split()[0],
        "broker": "ZERODHA",
        "exchanges": ["NSE", "NFO", "BFO", "CDS", "BSE", "MCX", "BCD", "MF"],
        "products": ["CNC", "NRML", "MIS", "BO", "CO"],
        "order_types": ["MARKET", "LIMIT", "SL", "SL-M"],
        "avatar_url": None,
        "meta": {"demat_consent": "consent"},
    }


def session(client: Client, token: Token) -> dict[str, Any]:
    """A granted session. Nothing in it says when it ends."""
    at = datetime.fromtimestamp(token.made_at, UTC).astimezone(IST)
    return profile(client) | {
        "api_key": token.api_key,
        "access_token": token.value,
        "public_token": token.public,
        "enctoken": "",
        "refresh_token": "",
        "silo": "",
        "login_time": at.strftime("%Y-%m-%d %H:%M:%S"),
    }


def margins(client: Client) -> dict[str, Any]:
    """As kept, or with the cash that has been seen as 0 on funded accounts."""
    if not client.cash_is_zero:
        return client.margins
    return {
        name: segment | {"available": segment["available"] | {"cash": 0}} for name, segment in client.margins.items()
    }
