"""Records become text and come back the same, and nothing else is taken for a record."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.store._codec import Codec, Misfit
from bot.store.records import AccountNote, Alert, BotNote, HeldToken, HistoryRow, OutboxItem
from tests.unit.store import samples
from tests.unit.store.samples import NOW, held

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(record=samples.helds | samples.notes | samples.bot_notes | samples.rows | samples.items)
def test_what_is_written_is_what_is_read(record: Any) -> None:
    codec = Codec(type(record))

    assert codec.decode(codec.encode(record)) == record


@given(record=samples.helds | samples.notes | samples.bot_notes | samples.rows | samples.items)
def test_a_copy_is_the_same(record: Any) -> None:
    assert Codec(type(record)).copy(record) == record


@given(value=_JSON)
def test_any_other_json_is_refused_or_read_as_a_record(value: Any) -> None:
    for record in (HeldToken, AccountNote, BotNote, HistoryRow, OutboxItem):
        try:
            found: object = Codec(record).decode(json.dumps(value))
        except Misfit:
            continue
        assert isinstance(found, record)


@given(record=samples.helds, field=st.sampled_from(["token", "proven", "headers"]), value=_JSON)
def test_a_field_of_another_type_is_refused_or_the_record_is_whole(record: HeldToken, field: str, value: Any) -> None:
    codec = Codec(HeldToken)
    text = json.dumps(json.loads(codec.encode(record)) | {field: value})

    try:
        found = codec.decode(text)
    except Misfit:
        return
    assert codec.decode(codec.encode(found)) == found


def test_a_time_keeps_its_moment_whatever_its_zone() -> None:
    ist = timezone(timedelta(hours=5, minutes=30))
    codec = Codec(HistoryRow)
    row = HistoryRow("dhan", NOW.astimezone(ist), "admin", "login", 1.0, "granted")

    found = codec.decode(codec.encode(row))

    assert found == row
    assert found.at.utcoffset() == timedelta(0)


def test_what_a_later_version_added_is_passed_over() -> None:
    text = json.dumps({"paused": True, "added_later": [1, 2]})

    assert Codec(AccountNote).decode(text) == AccountNote(paused=True)


def test_what_has_its_default_takes_no_room() -> None:
    assert Codec(AccountNote).encode(AccountNote()) == "{}"


@pytest.mark.parametrize("fact", [float("nan"), float("inf"), [1], object()])
def test_what_cannot_be_kept_is_refused(fact: Any) -> None:
    alert = Alert("expired", NOW, facts={"fact": fact})

    with pytest.raises(Misfit):
        Codec(Alert).encode(alert)


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "1e999", "9" * 400])
def test_a_number_that_could_not_be_kept_is_not_read(seconds: str) -> None:
    text = Codec(HistoryRow).encode(samples.row()).replace("1.5", seconds)

    with pytest.raises(Misfit):
        Codec(HistoryRow).decode(text)


def test_a_time_beyond_all_times_is_not_read() -> None:
    text = Codec(HistoryRow).encode(samples.row()).replace(NOW.isoformat(), "0001-01-01T00:00:00+14:00")

    with pytest.raises(Misfit):
        Codec(HistoryRow).decode(text)


def test_no_error_shows_a_secret() -> None:
    text = json.dumps({"token": {"value": ["hunter2"]}, "proven": "hunter2"})

    with pytest.raises(Misfit) as caught:
        Codec(HeldToken).decode(text)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_record_of_another_type_is_refused() -> None:
    with pytest.raises(Misfit):
        Codec(AccountNote).encode(held())  # type: ignore[arg-type]
