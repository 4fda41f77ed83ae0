"""Kotak Neo's config, as people copy it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from brokers.kotak import Config
from brokers.kotak._credentials import ConsumerKey, MobileNumber, Mpin, Ucc

WRITTEN = {
    "client_id": "zt4k9",
    "consumer_key": "1f6a0c52-9b1d-4f0e-8a77-5c2d9e3b4a60",
    "mobile_number": "90000 00042",
    "mpin": "012345",
}


def read(**changes: object) -> Config:
    return TypeAdapter(Config).validate_python(WRITTEN | changes)


def test_the_config_is_read_from_plain_text_and_prints_no_secret() -> None:
    config = read(totp_secret="jbsw y3dp ehpk 3pxp")

    assert (config.client_id, config.mpin) == ("ZT4K9", Mpin("012345"))
    assert config.totp_secret is not None
    assert not any(value in repr(config) for value in ("012345", "9000000042", "1f6a0c52", "JBSWY3DP"))


@pytest.mark.parametrize(
    "written",
    [
        "9000000042",
        "+919000000042",
        "919000000042",
        "09000000042",
        "+91 90000-00042",
        "(+91) 9000.000.042",
        "9191919191",
    ],
)
def test_a_mobile_number_has_91_before_it_and_nothing_in_between(written: str) -> None:
    found = MobileNumber(written).reveal()

    assert found == ("+919191919191" if written == "9191919191" else "+919000000042")


@given(st.from_regex(r"[6-9][0-9]{9}", fullmatch=True), st.sampled_from(["", "0", "91", "+91", "+91 "]))
def test_a_mobile_number_read_again_is_the_same(number: str, prefix: str) -> None:
    assert MobileNumber(MobileNumber(prefix + number).reveal()) == MobileNumber(number)


@pytest.mark.parametrize("written", ["1f6a-5c2d", "Bearer 1f6a-5c2d", "bearer  1f6a-5c2d", " 1f6a-5c2d\n"])
def test_the_word_bearer_is_taken_off_the_consumer_key(written: str) -> None:
    assert ConsumerKey(written) == ConsumerKey("1f6a-5c2d")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("client_id", "1000000001", "not the longer customer id"),
        ("client_id", "ZT4", "client code"),
        ("client_id", "ZT-K9", "client code"),
        ("mobile_number", "12345", "mobile number"),
        ("mobile_number", "+1 2025550123", "mobile number"),
        ("mobile_number", "５５５５５５５５５５", "mobile number"),
        ("mpin", "12 456", "six digits"),
        ("mpin", "１２３４５６", "six digits"),
        ("mpin", "", "six digits"),
        ("consumer_key", "two words", "one word"),
        ("consumer_key", "Bearer ", "one word"),
        ("consumer_key", "ключ", "one word"),
    ],
)
def test_what_cannot_be_right_is_found_before_a_login_is_refused(field: str, value: str, expected: str) -> None:
    with pytest.raises(ValidationError, match=expected) as caught:
        read(**{field: value})

    told = "".join(fault["msg"] for fault in caught.value.errors(include_input=False, include_context=False))
    assert not value or value not in told


@pytest.mark.parametrize("field", WRITTEN)
def test_a_number_is_no_text(field: str) -> None:
    with pytest.raises(ValidationError, match="string"):
        read(**{field: 123456})


def test_a_client_code_is_text_like_any_other() -> None:
    assert f"{Ucc('zt4k9')}" == "ZT4K9"
