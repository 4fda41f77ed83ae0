"""The brokers to be told nonsense: how to ask each for everything, and what it answers when all is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from brokers._jwt import claims_in
from tests.contract import test_angelone, test_dhan, test_kotak, test_zerodha
from tests.faults.made_up import Good, Subject

WEB = "https://kite.zerodha.com"


def _claim(name: str, *keys: str) -> Callable[[Any], object]:
    """What the token under one of these keys says of itself."""

    def told(body: Any) -> object:
        token = next((body[key] for key in keys if isinstance(body, dict) and isinstance(body.get(key), str)), "")
        claims = claims_in(token.removeprefix("Bearer "))
        return claims.get(name) if isinstance(claims, dict) else None

    return told


def _field(name: str, *path: str) -> Callable[[Any], object]:
    def told(body: Any) -> object:
        for key in (*path, name):
            body = body.get(key) if isinstance(body, dict) else None
        return body

    return told


SUBJECTS = [
    Subject(
        kind=test_dhan.Dhan,
        configs={"auto": test_dhan.AUTO, "assisted": test_dhan.ASSISTED},
        answer=test_dhan.TOKEN_ID,
        held=test_dhan.held(),
        good={
            "/generateAccessToken": Good("generate_access_token_success"),
            "/generate-consent": Good("generate_consent_success"),
            "/consumeApp-consent": Good("consume_app_consent_success"),
            "/RenewToken": Good("renew_token_success"),
            "/profile": Good("profile_success"),
            "/fundlimit": Good("fundlimit_success"),
            "/holdings": Good("holdings_success"),
            "/positions": Good("positions_success"),
            "/orders": Good("orders_success"),
            "/getIP": Good("ip_get_success_extended"),
        },
        named=_field("dhanClientId"),
        secrets=("908172", test_dhan.SECRET, "planted-key", "planted-secret"),
    ),
    Subject(
        kind=test_zerodha.Zerodha,
        configs={"assisted": test_zerodha.ASSISTED, "unofficial": test_zerodha.UNOFFICIAL},
        answer=test_zerodha.REQUEST_TOKEN,
        held=test_zerodha.held(),
        good={
            "/api/login": Good("web_login_success", cookies={"kf_session": "first"}),
            "/api/twofa": Good("web_twofa_success", cookies={"enctoken": "planted-enctoken=="}),
            "/connect/login": Good(
                "", 302, f"{WEB}/connect/finish?api_key={test_zerodha.KEY}&sess_id=Se7sampleConnect"
            ),
            "/connect/finish": Good(
                "", 302, f"{test_zerodha.LANDING}?status=success&request_token={test_zerodha.REQUEST_TOKEN}"
            ),
            "/session/token": Good("session_token_success"),
            "/profile": Good("profile_success"),
            "/margins": Good("margins_success"),
            "/holdings": Good("holdings_success"),
            "/positions": Good("positions_success"),
            "/orders": Good("orders_success"),
        },
        named=_field("user_id", "data"),
        secrets=(test_zerodha.KEY, test_zerodha.API_SECRET, test_zerodha.SECRET, "planted-password", "enctoken"),
    ),
    Subject(
        kind=test_angelone.AngelOne,
        configs={"auto": test_angelone.AUTO, "assisted": test_angelone.TYPED},
        answer="482913",
        held=test_angelone.held(),
        good={
            "/loginByPassword": Good("login_ok"),
            "/generateTokens": Good("generate_tokens_ok"),
            "/logout": Good("logout_ok"),
            "/getProfile": Good("profile_ok"),
            "/getRMS": Good("rms_ok"),
            "/getAllHolding": Good("all_holding_ok"),
            "/getPosition": Good("position_ok"),
            "/getOrderBook": Good("order_book_ok"),
        },
        named=lambda body: _claim("username", "jwtToken")(_field("data")(body)) or _field("clientcode", "data")(body),
        secrets=(test_angelone.KEY, test_angelone.SECRET, "held-feed", "held-refresh"),
    ),
    Subject(
        kind=test_kotak.Kotak,
        configs={"auto": test_kotak.AUTO, "assisted": test_kotak.TYPED},
        answer="482913",
        held=test_kotak.held("https://e21.kotaksecurities.com"),
        good={
            "/tradeApiLogin": Good("login_ok_view"),
            "/tradeApiValidate": Good("validate_ok_trade"),
            "/limits": Good("limits_ok"),
            "/holdings": Good("holdings_ok"),
            "/positions": Good("positions_ok"),
            "/orders": Good("order_book_ok"),
            "/get-client-ip": Good("whatsmyip_ok"),
        },
        named=_field("ucc", "data"),
        secrets=(test_kotak.KEY, test_kotak.SECRET, test_kotak.SID, test_kotak.PAN, "730251", "9000000042"),
    ),
]
WORDS = (test_dhan.CLIENT, "1000000002", "5203", "DH-906", "AB1050", "TokenException", "View", "Trade", "block", "pin")
"""Parsers look for them."""
EACH = pytest.mark.parametrize("subject", SUBJECTS, ids=[subject.name for subject in SUBJECTS])
