"""Records ↔ JSON text. Knows dataclasses of text, numbers, booleans, times, secrets, and tuples or mappings of these;
knows no record by name.

A field that has its default is left out, so a default may only change together with the format's version. A key that is
not known is passed over: a later version may have added it. Anything else that does not fit is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Generic, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from brokers import Secret

T = TypeVar("T")
_SCALARS = (str, int, float, bool, NoneType)


class Misfit(Exception):
    """The text does not hold such a record, or the record something that cannot be kept."""


class Codec(Generic[T]):
    """For records of one type."""

    def __init__(self, record: type[T]) -> None:
        self._form = _form(record)

    def encode(self, record: T) -> str:
        """Raises Misfit."""
        try:
            return json.dumps(self._form.encode(record), separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError, AttributeError) as error:
            raise Misfit(f"cannot be kept ({type(error).__name__})") from None

    def decode(self, text: str) -> T:
        """Raises Misfit."""
        try:
            record: T = self._form.decode(json.loads(text, parse_float=_finite, parse_constant=_finite))
        except (TypeError, ValueError, KeyError, ArithmeticError, RecursionError) as error:
            raise Misfit(f"is not what was expected ({type(error).__name__})") from None
        return record

    def copy(self, record: T) -> T:
        """One that shares nothing that can be changed."""
        if self._form.copy is None:
            return record
        copied: T = self._form.copy(record)
        return copied


class _Form(NamedTuple):
    """How values of one type are written, read and copied."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    copy: Callable[[Any], Any] | None = None
    """None where nothing in it can be changed."""


def _form(hint: Any) -> _Form:
    if get_origin(hint) in {Union, UnionType}:
        return _union(get_args(hint))
    if get_origin(hint) is tuple:
        item, _ = get_args(hint)
        return _tuple(_form(item))
    if get_origin(hint) is Mapping:
        return _mapping(_form(get_args(hint)[1]))
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint)
    return _PLAIN[hint]


def _exactly(*types: type) -> Callable[[Any], Any]:
    def same(value: Any) -> Any:
        if isinstance(value, str):
            value = str(value)  # a text that was checked on its way in may be of a class of its own
        if type(value) not in types:
            raise TypeError("another type was expected")
        return value

    return same


def _finite(text: str) -> float:
    """JSON knows no others, but Python reads them."""
    number = float(text)
    if not isfinite(number):
        raise ValueError("not a number that can be kept")
    return number


def _number(value: Any) -> float:
    return float(_exactly(int, float)(value))


def _moment_text(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).isoformat()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)


_PLAIN: dict[Any, _Form] = {
    str: _Form(_exactly(str), _exactly(str)),
    int: _Form(_exactly(int), _exactly(int)),
    bool: _Form(_exactly(bool), _exactly(bool)),
    float: _Form(_number, _number),
    datetime: _Form(_moment_text, _moment),
    date: _Form(date.isoformat, date.fromisoformat),
    Secret: _Form(Secret.reveal, Secret),
}


def _union(members: tuple[Any, ...]) -> _Form:
    if all(member in _SCALARS for member in members):
        return _Form(_exactly(*members), _exactly(*members))
    [member] = [member for member in members if member is not NoneType]
    form = _form(member)

    def or_none(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda value: None if value is None else function(value)

    return _Form(or_none(form.encode), or_none(form.decode), form.copy and or_none(form.copy))


def _tuple(item: _Form) -> _Form:
    def encode(values: Any) -> list[Any]:
        return [item.encode(value) for value in values]

    def decode(values: Any) -> tuple[Any, ...]:
        return tuple(item.decode(value) for value in _exactly(list)(values))

    copy = item.copy
    return _Form(encode, decode, copy and (lambda values: tuple(copy(value) for value in values)))


def _mapping(item: _Form) -> _Form:
    name = _exactly(str)

    def encode(values: Any) -> dict[str, Any]:
        return {name(key): item.encode(value) for key, value in values.items()}

    def decode(values: Any) -> dict[str, Any]:
        return {key: item.decode(value) for key, value in _exactly(dict)(values).items()}

    return _Form(encode, decode, dict)


@cache
def _dataclass(record: type[Any]) -> _Form:
    hints = get_type_hints(record)
    parts = [(field.name, _form(hints[field.name]), _default(field)) for field in fields(record)]
    changing = [(name, form.copy) for name, form, _ in parts if form.copy]

    def encode(value: Any) -> dict[str, Any]:
        if type(value) is not record:
            raise TypeError("another record was expected")
        found = [(name, form, default, getattr(value, name)) for name, form, default in parts]
        return {name: form.encode(part) for name, form, default, part in found if part != default}

    def decode(values: Any) -> Any:
        given = _exactly(dict)(values)
        return record(
            **{name: form.decode(given[name]) for name, form, default in parts if _wanted(name, given, default)}
        )

    def copy(value: Any) -> Any:
        return replace(value, **{name: copied(getattr(value, name)) for name, copied in changing})

    return _Form(encode, decode, copy if changing else None)


def _wanted(name: str, given: dict[str, Any], default: object) -> bool:
    return name in given or default is MISSING


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
