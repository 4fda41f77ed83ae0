"""What Dhan answers: the sample refusals by name, and the bodies of success.

Pure data and functions. Field names and their spelling are Dhan's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.sandbox.dhan.clients import Client, Token
from bot.sandbox.india import IST


def _trading(kind: str, code: str, message: str) -> dict[str, str]:
    return {"errorType": kind, "errorCode": code, "errorMessage": message}


def _login(message: str) -> dict[str, str]:
    return {"message": message, "status": "error"}


def _data(code: str, message: str) -> dict[str, Any]:
    return {"data": {code: message}, "status": "failed"}


MALFORMED = _trading("Input_Exception", "DH-905", "Missing required fields, bad values for parameters etc.")
UNAUTHENTICATED = _trading(
    "Invalid_Authentication", "DH-901", "Client ID or user generated access token is invalid or expired."
)
NO_SUBSCRIPTION = (
    "User has not subscribed to Data APIs or does not have access to Trading APIs. "
    "Kindly subscribe to Data APIs to be able to fetch Data."
)
ACCOUNT = (
    "Errors related to User's Account. Check if the required segments are activated or other requirements are met."
)
TOO_MANY = "Too many requests on server from single user breaching rate limits. Try throttling API calls."
SERVER = "Server was not able to process API request. This will only occur rarely."
NETWORK = "Network error where the API was unable to communicate with the backend system."

SAMPLES: dict[str, tuple[int, Any]] = {
    "generate_access_token_error_invalid_pin": (200, _login("Invalid Pin")),
    "generate_access_token_error_invalid_totp": (200, _login("Invalid TOTP")),
    "generate_access_token_error_rate_limited": (200, _login("Token can be generated once every 2 minutes.")),
    "generate_access_token_error_login_failed": (200, _login("Login failed. Please retry with valid credentials.")),
    "generate_access_token_error_blocked_inferred": (
        200,
        _login("Your account is blocked. Please contact support."),
    ),
    "generate_access_token_error_missing_param_inferred": (
        400,
        _trading("Input_Exception", "DH-905", "pin is required"),
    ),
    "generate_consent_error_bad_app_inferred": (401, _login("Invalid app credentials")),
    "generate_consent_error_daily_cap_inferred": (429, _login("Maximum number of consents for the day reached")),
    "consume_app_consent_error_token_id_inferred": (400, _login("Invalid or expired tokenId")),
    "renew_token_error_token_type": (
        500,
        _trading("Input_Exception", "DH-905", "Renewal of token not allowed for this token type"),
    ),
    "renew_token_error_wrong_verb": (400, MALFORMED),
    "renew_token_error_expired_inferred": (401, UNAUTHENTICATED),
    "error_dh901_invalid_authentication": (401, UNAUTHENTICATED),
    "error_dh902_invalid_access_inferred": (403, _trading("Invalid_Access", "DH-902", NO_SUBSCRIPTION)),
    "error_dh903_user_account_inferred": (403, _trading("User_Account", "DH-903", ACCOUNT)),
    "error_dh904_rate_limit": (429, _trading("Rate_Limit", "DH-904", TOO_MANY)),
    "error_dh905_input": (400, MALFORMED),
    "error_dh905_invalid_ip": (400, _trading("Input_Exception", "DH-905", "Invalid IP")),
    "error_dh906_invalid_token": (400, _trading("Order_Error", "DH-906", "Invalid Token")),
    "error_dh908_internal_inferred": (500, _trading("Internal_Server_Error", "DH-908", SERVER)),
    "error_dh909_network_inferred": (502, _trading("Network_Error", "DH-909", NETWORK)),
    "error_data_api_806_inferred": (401, _data("806", "Data APIs not Subscribed")),
    "error_data_api_807_inferred": (401, _data("807", "Access token is expired")),
    "error_data_api_808": (401, _data("808", "Authentication Failed - Client ID or Token invalid")),
    "holdings_empty_error_dh1111": (500, _trading("HOLDING_ERROR", "DH-1111", "No holdings available")),
    "holdings_empty_official_sandbox": (200, []),
    "order_by_correlation_unknown": (
        404,
        _trading("Order_Error", "DH-906", "Incorrect request for order and cannot be processed"),
    ),
    "ip_get_error": (200, [{"message": "No IP address found for this client", "status": "ERROR"}]),
    "ip_set_success": (200, {"message": "IP saved successfully", "status": "SUCCESS"}),
}
"""Status and body of every answer that says one thing only, by its name among the sample payloads."""


def missing(parameter: str) -> tuple[int, Any]:
    return 400, _trading("Input_Exception", "DH-905", f"{parameter} is required")


def gateway(status: int, reason: str, path: str, at: float) -> tuple[int, Any]:
    """What the gateway says of a path or verb it does not know."""
    return status, {"timestamp": int(at * 1000), "status": status, "error": reason, "path": path}


def granted(client: Client, token: Token) -> dict[str, Any]:
    """The six fields of every granted token."""
    return {
        "dhanClientId": client.client_id,
        "dhanClientName": client.name,
        "dhanClientUcc": client.ucc,
        "givenPowerOfAttorney": False,
        "accessToken": token.value,
        "expiryTime": token.expiry_time(),
    }


def profile(client: Client, token: Token) -> dict[str, Any]:
    plan = "Active" if client.data_plan else "Deactive"
    return {
        "dhanClientId": client.client_id,
        "tokenValidity": datetime.fromtimestamp(token.ends_at, IST).strftime("%d/%m/%Y %H:%M"),
        "activeSegment": client.active_segment,
        "ddpi": "Active",
        "mtf": "Deactive",
        "dataPlan": plan,
        "dataValidity": "2026-12-05 09:37:52.0",
    }


def addresses(client: Client, extended: bool) -> dict[str, Any]:
    """The registered addresses: as documented, or with what is seen on the wire besides."""
    day = client.ip_set_on.isoformat() if client.ip_set_on else ""
    documented = {
        "modifyDateSecondary": day if client.secondary_ip else "",
        "secondaryIP": client.secondary_ip or "",
        "modifyDatePrimary": day if client.primary_ip else "",
        "primaryIP": client.primary_ip or "",
    }
    if not extended:
        return documented
    matches = client.seen_from in (client.primary_ip, client.secondary_ip)
    return documented | {
        "ip": client.primary_ip or client.secondary_ip or "",
        "ipFlag": "PRIMARY" if client.primary_ip else "SECONDARY",
        "detectedIP": client.seen_from,
        "ipMatchStatus": "MATCH" if matches else "MISMATCH",
        "ordersAllowed": matches,
    }


def locked_until(day: str) -> tuple[int, Any]:
    return 200, {"message": f"IP can be modified only after {day}", "status": "ERROR"}
