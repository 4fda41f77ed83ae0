from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import BrokerUnreachable, RateLimited, Secret, UnexpectedReply
from brokers._jwt import claims_in
from brokers._reply import Reply, maybe, parse, pick, rows
from tests.contract.stand_in import everything_said, jwt

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
KINDS: list[type[Any]] = [str, int, bool, Decimal, Secret, list, dict]


def test_money_is_read_to_the_last_digit() -> None:
    assert pick(parse(b'{"a": {"b": 0.1000000000000000055}}'), "a", "b", of=Decimal) == Decimal("0.1000000000000000055")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"NaN",
        b'{"a": Infinity}',
        b"-Infinity",
        b'{"a": 1, "a": 2}',
        b"\xff",
        b"[" * 200_000,
        b"1" * 5000,
        b"{'a': 1}",
    ],
)
def test_what_is_no_proper_json_is_refused_and_not_quoted(raw: bytes) -> None:
    with pytest.raises(UnexpectedReply) as caught:
        parse(raw)

    assert caught.value.__context__ is None


def test_no_exception_carries_the_reply_along() -> None:
    broken = Reply("Dhan", 200, None, b'{"accessToken": "planted-token", ')

    with pytest.raises(UnexpectedReply) as caught:
        _ = broken.body

    assert "planted-token" not in everything_said(caught.value)
    assert "planted-token" not in repr(Reply("Dhan", 200, None, b"planted-token"))


@given(ANYTHING, st.lists(st.text(max_size=4), max_size=3), st.sampled_from(KINDS))
def test_taking_a_value_gives_that_kind_or_unexpected_reply(body: object, path: list[str], kind: type[Any]) -> None:
    try:
        value = pick(parse(json.dumps(body).encode()), *path, of=kind)
    except UnexpectedReply:
        return
    assert isinstance(value, kind)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, int),
        (True, Decimal),
        (True, str),
        ("1", int),
        (Decimal("1.5"), int),
        (10**15, int),
        (Decimal("1e999999"), Decimal),
        (Decimal("-1e999999"), Decimal),
        ("x" * 20_000, str),
        ("\ud800", str),
        ("", Secret),
        ("two words", Secret),
        ("a\r\nSet-Cookie: b", Secret),
        (1, Secret),
        (None, str),
        ({}, list),
    ],
)
def test_a_value_of_another_kind_is_unexpected(value: object, kind: type[Any]) -> None:
    with pytest.raises(UnexpectedReply, match="no usable a"):
        pick({"a": value}, "a", of=kind)


def test_ids_and_whole_numbers_come_in_two_forms() -> None:
    assert pick({"id": 1000000001}, "id", of=str) == "1000000001"
    assert pick({"n": Decimal("12.0")}, "n", of=int) == 12


def test_absent_and_null_are_nothing_but_nonsense_is_not() -> None:
    assert maybe({"a": None}, "a", of=str) is None
    assert maybe({}, "a", "b", of=str) is None
    assert maybe([], "a", of=str) is None
    with pytest.raises(UnexpectedReply):
        maybe({"a": []}, "a", of=str)


def test_rows_come_from_a_list_alone() -> None:
    assert rows([1]) == [1]
    with pytest.raises(UnexpectedReply, match="another shape"):
        rows({})


@pytest.mark.parametrize(
    ("status", "raw", "error"),
    [
        (429, b"<html>", RateLimited),
        (500, b"", BrokerUnreachable),
        (200, b"  <html>", BrokerUnreachable),
        (404, b"<html>", BrokerUnreachable),
        (404, b"nope", UnexpectedReply),
        (302, b"", UnexpectedReply),
    ],
)
def test_a_reply_that_is_no_data_is_judged_by_its_status(status: int, raw: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        _ = Reply("Dhan", status, None, raw).body


@given(st.text() | st.binary(max_size=30).map(lambda raw: f"eyJhbGci.{raw.hex()}.x"))
def test_whatever_looks_like_a_jwt_is_read_or_is_none(text: str) -> None:
    claims_in(text)


def test_claims_are_read_without_padding() -> None:
    assert claims_in(jwt(a=1, b="xy")) == {"a": 1, "b": "xy"}
