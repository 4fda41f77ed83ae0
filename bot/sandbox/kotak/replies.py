"""What Kotak Neo answers: the sample refusals by name, and the bodies of success.

Pure data and functions. Field names, their spelling and the shapes of errors are Kotak's; there are six of the latter.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.sandbox.india import IST
from bot.sandbox.kotak.clients import Client, Session


def _told(code: str, message: str) -> dict[str, Any]:
    return {"status": "error", "message": message, "errorCode": code}


def _failure(code: int, message: str) -> dict[str, Any]:
    return {"stCode": code, "errMsg": message, "status": "failure"}


def _listed(code: str, message: str) -> dict[str, Any]:
    return {"error": [{"code": code, "message": message}]}


def _not_ok(code: int, message: str, stat: str = "Not_Ok") -> dict[str, Any]:
    return {"stCode": code, "errMsg": message, "stat": stat}


def _report(code: int, message: str) -> dict[str, Any]:
    return {"stat": "Not_Ok", "emsg": message, "stCode": code}


NO_CREDENTIALS = "Invalid credentials or TOTP."
NO_DATA = _not_ok(5203, "No Data") | {"desc": "data not found"}
NO_SESSION = "invalid session token"

SAMPLES: dict[str, tuple[int, Any]] = {
    "login_err_totp_401": (401, _told("401", NO_CREDENTIALS)),
    "login_err_ucc_200": (200, _failure(429, "Invalid UCC")),
    "login_err_bad_consumer_key_401": (401, _told("401", NO_CREDENTIALS)),
    "login_err_too_many_attempts_inferred": (403, _told("403", NO_CREDENTIALS)),
    "login_err_unprocessable_422": (422, _told("422", "Invalid request parameters")),
    "validate_err_mpin_401": (401, _told("401", "Invalid MPIN.")),
    "validate_err_mpin_200": (200, _failure(401, "Invalid MPIN")),
    "validate_err_missing_header": (400, _listed("10512", "Required header not found.")),
    "dependency_err_424": (424, _failure(424, "Dependency error")),
    "limits_err_session": (403, _report(1003, "Invalid session")),
    "session_err_1003": (403, _report(1003, "Invalid session")),
    "session_err_100022": (403, _not_ok(100022, NO_SESSION)),
    "session_err_100022_gateway": (403, _not_ok(100022, NO_SESSION, "error in neo-login-check-api")),
    "order_err_ip_100008": (403, _not_ok(100008, "unauthorized")),
    "holdings_empty_array": (200, {"data": []}),
    "positions_empty_5203": (200, NO_DATA),
    "order_book_empty_5203": (200, NO_DATA),
    "rate_limited_429": (429, _not_ok(429, "Too many requests")),
    "service_unavailable_503": (503, "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"),
    "gateway_timeout_504": (504, "<html><body><h1>504 Gateway Time-out</h1></body></html>"),
    "unavailable_empty_502": (502, b""),
}
"""Status and body of every answer that says one thing only, by its name among the sample payloads."""


def missing(field: str) -> tuple[int, Any]:
    return 400, _listed("400", f"Missing required field '{field}'")


def nowhere() -> tuple[int, Any]:
    return 404, _listed("404", "Not Found")


def no_holdings(client: Client) -> tuple[int, Any]:
    return 200, _not_ok(5203, f"No holdings found for this client {client.client_id}")


def opened(client: Client, session: Session) -> dict[str, Any]:
    """What both steps of a login answer; the second adds where to go on."""
    return {
        "token": session.token,
        "sid": session.sid,
        "rid": session.rid,
        "isUserPwdExpired": False,
        "ucc": client.client_id,
        "greetingName": client.name,
        "isTrialAccount": False,
        "dataCenter": client.data_center,
        "derivativesRiskDisclosure": "Risk Disclosure on Derivatives (long text shortened)",
        "mfAccess": 1,
        "dataCenterMap": None,
        "dormancyStatus": "A",
        "asbaStatus": "",
        "clientType": "RI",
        "isNRI": False,
        "kId": client.pan,
        "kType": session.kind,
        "status": "success",
        "incRange": 0,
        "incUpdFlag": "",
        "clientGroup": "",
        "kraStatus": "",
        "rcFlag": 0,
    }


def seen_from(client: Client, at: float) -> dict[str, Any]:
    time = datetime.fromtimestamp(at, IST).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return {"data": [{"ip": client.seen_from, "time": time}], "stCode": 1000, "status": "success"}
