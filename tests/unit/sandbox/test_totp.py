"""Codes and tokens made here are what the standards and the brokers say."""

from __future__ import annotations

import base64
import json

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.jwt import make_jwt
from bot.sandbox.totp import code_in, window_at, window_of

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("unix", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_rfc(unix: int, code: str) -> None:
    assert code_in(RFC_SECRET, window_at(unix)) == code


@given(st.binary(min_size=16, max_size=40), st.integers(0, 4_000_000_000))
def test_codes_are_those_of_the_usual_library(key: bytes, unix: int) -> None:
    secret = base64.b32encode(key).decode().rstrip("=")

    assert code_in(secret, window_at(unix)) == pyotp.TOTP(secret).at(unix)


def test_a_grouped_secret_in_lower_case_is_the_same_secret() -> None:
    grouped = "-".join(RFC_SECRET.lower()[i : i + 4] for i in range(0, len(RFC_SECRET), 4))

    assert code_in(grouped, 7) == code_in(RFC_SECRET, 7)


@pytest.mark.parametrize(("away", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_good_for_the_windows_beside_its_own(away: int, accepted: bool) -> None:
    now = 1_794_796_512.0
    code = code_in(RFC_SECRET, window_at(now) + away)

    assert (window_of(RFC_SECRET, code, now, 1) is not None) is accepted


def test_a_token_carries_its_claims_and_no_two_are_alike() -> None:
    claims = {"iss": "dhan", "exp": 1794882912}

    one, other = make_jwt(claims), make_jwt(claims)

    body = one.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) == claims
    assert one.startswith("eyJ")
    assert one != other
