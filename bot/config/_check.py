"""Holds values against a dataclass, by pydantic, and puts its complaints into our words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from bot.config._faults import Complain

T = TypeVar("T")


def checked(form: type[T], values: Mapping[str, object], complain: Complain) -> T | None:
    """The dataclass made from these values, or None after complaining about each that does not fit."""
    adapter: TypeAdapter[T] = _adapter(cast("Any", form))
    try:
        return adapter.validate_python(dict(values))
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_context=False, include_url=False)
    for found in wrong:
        key = str(found["loc"][0]) if found["loc"] else ""
        complain(key, _in_our_words(found["type"], found["msg"], values.get(key)))
    return None


def checked_with_defaults(form: type[T], values: Mapping[str, object], complain: Complain) -> T:
    """As `checked`, for a dataclass whose fields all have defaults: what does not fit is complained about and left
    out, so that the rest can be judged too."""
    bad: set[str] = set()

    def note(key: str, expected: str) -> None:
        bad.add(key)
        complain(key, expected)

    made = checked(form, values, note)
    if made is not None:
        return made
    return checked_with_defaults(form, {key: value for key, value in values.items() if key not in bad}, complain)


def known_only(
    values: Mapping[str, object], known: Iterable[str], elsewhere: Mapping[str, str], complain: Complain
) -> dict[str, object]:
    """The values with a known key; a complaint about each other one. `elsewhere`: keys that belong into another file,
    and what to say about them."""
    known = list(known)
    for key in values:
        if key not in known:
            complain(key, elsewhere.get(key) or f"unknown key{nearest(key, known)}")
    return {key: value for key, value in values.items() if key in known}


def nearest(word: str, known: Iterable[str]) -> str:
    """A question to put behind "unknown …", or nothing."""
    close = get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def numbers_as_text(form: type[Any], values: Mapping[str, object]) -> dict[str, object]:
    """Ids may be written as numbers: where the dataclass wants plain text, a whole number becomes that."""
    hints = get_type_hints(form)

    def plain(key: str) -> bool:
        kinds = (hints.get(key), *get_args(hints.get(key)))
        return any(isinstance(kind, type) and issubclass(kind, str) for kind in kinds)

    return {
        key: str(value) if plain(key) and isinstance(value, int) and not isinstance(value, bool) else value
        for key, value in values.items()
    }


@cache
def _adapter(form: Any) -> TypeAdapter[Any]:
    return TypeAdapter(form)


def _in_our_words(kind: str, message: str, value: object) -> str:
    if kind == "missing":
        return "is missing; docs/brokers.md says where to find it"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return "expected text: write it in quotes, a number loses its leading zeros"
    if kind == "string_type":
        return "expected text in quotes"
    return "expected a value of another kind; docs/brokers.md describes it"
