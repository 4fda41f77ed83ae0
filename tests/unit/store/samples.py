"""Records to keep, and strategies for any record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bot.store.records import AccountNote, Alert, BotNote, HeldToken, HistoryRow, OutboxItem
from brokers import AccessToken, Secret

NOW = datetime(2026, 1, 5, 3, 15, tzinfo=UTC)
KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))


def held(value: str = "token-one", *, rejected_at: datetime | None = None, hours: float = 20) -> HeldToken:
    token = AccessToken(Secret(value), "1100", NOW, NOW + timedelta(hours=hours), extra={"feed": Secret("feed-token")})
    return HeldToken(
        token,
        proven=True,
        rejected_at=rejected_at,
        environment={"DHAN_ACCESS_TOKEN": Secret(value)},
        headers={"access-token": Secret(value)},
    )


def row(account: str = "dhan", minute: int = 0) -> HistoryRow:
    return HistoryRow(account, NOW + timedelta(minutes=minute), "admin", "login", 1.5, "granted")


def item(chat: int = 7, kind: str = "expired") -> OutboxItem:
    return OutboxItem(chat, (Alert(kind, NOW, "dhan", {"expires_at": NOW.isoformat(), "nth": 2}),), NOW)


_texts = st.text(max_size=20)
_scalars: dict[Any, st.SearchStrategy[Any]] = {
    str: _texts,
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    datetime: st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    date: st.dates(),
    Secret: st.builds(Secret, _texts),
    NoneType: st.none(),
}


def _any(hint: Any) -> st.SearchStrategy[Any]:
    """Whatever a field of this type may hold."""
    if get_origin(hint) is UnionType:
        return st.one_of([_any(member) for member in get_args(hint)])
    if get_origin(hint) is tuple:
        return st.lists(_any(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is Mapping:
        return st.dictionaries(_texts, _any(get_args(hint)[1]), max_size=3)
    return records(hint) if is_dataclass(hint) else _scalars[hint]


def records(kind: Any) -> st.SearchStrategy[Any]:
    """Any record of this type, with every field it has."""
    hints = get_type_hints(kind)
    return st.fixed_dictionaries({field.name: _any(hints[field.name]) for field in fields(kind)}).map(
        lambda values: kind(**values)
    )


helds = records(HeldToken)
notes = records(AccountNote)
bot_notes = records(BotNote)
items = records(OutboxItem)
rows = st.builds(replace, records(HistoryRow), account=st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True))
