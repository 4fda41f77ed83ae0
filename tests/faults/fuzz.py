"""Input nobody meant, made by chance out of good input: texts, JSON, bytes. The same seed makes the same."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from random import Random
from typing import Any, TypeVar

E = TypeVar("E", bound=Exception)

TIMES = int(os.environ.get("KUNJI_FUZZ", "1"))
"""So many times the usual number of cases in a long run."""
IN_ONE = 10_000 * TIMES
"""Cases in one long test."""

SIGNS = "\0\t\n \u00a0\u200b\u202e\u2066\ufeff\ud800\udfff\u0663\uff11\u0131aZ09+-.%&=?#:/\\\"'<>{}[]~$"
"""Blanks, marks that turn the reading round, halves of pairs, digits that are not ASCII, and what parsers look for."""
MOMENTS = (
    *("9999-12-31T23:59:59", "0001-01-01T00:00:00", "2026-11-20T09:15:00+14:00", "2026-11-20 09:15:00", "0001-01-01"),
    *("31-Dec-9999 23:59:59", "01-Jan-0001 00:00:00", "30-Feb-2026 24:60:61", "20-Nov-26 9:15", "-", "0"),
)
TEXTS = (
    *("", " ", "null", "true", "-", "--", "0", "-0", "- 5", "1e99", "1e-99", "9" * 40, "9" * 400, "3.5", "NaN"),
    *("Infinity", "\u0661\u0662", "\uff11\uff12\uff13", "\ud800", "\u202egnp.exe", "\0", "x" * 20_000, "error"),
    *("success", *MOMENTS, "https://example.com/", "http://127.0.0.1:1", "<html>", "a" * 64),
)
NUMBERS = (0, 1, -1, 7, 0.5, 100, 424, 429, 5203, 10**15 - 1, 10**15, -(10**15), 10**400, 1_763_600_000, 4 * 10**9)
AS_WRITTEN = (
    *("NaN", "Infinity", "-Infinity", "-0", "-0.0", "1e99", "1e-99", "1e-999999", "-1e-999999", "9.99e14", "1e999999"),
    *("1e9999999999999999999", "9" * 5000, "0." + "3" * 60, "01", "0x1", "{}{}", '{"a": 1, "a": 2}', "[" * 100_000),
    *("[" * depth + "1" + "]" * depth for depth in (20, 300, 480, 900)),
)
"""What `json.dumps` does not write; numbers first."""
_TIME = re.compile("[0-9]:[0-9]")
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?", re.ASCII)
_MARK = 0xE000
_AS_WRITTEN = re.compile(r'"(?:\\u(e0[0-9a-f]{2})|([\ue000-\ue0ff]))"')
"""A text of one such sign, which nobody uses, stands for one of these."""


class Chance:
    """Makes odd things. `words` turn up among the odd values, as parsers look for them."""

    def __init__(self, seed: str, words: Sequence[object] = ()) -> None:
        self.dice = Random(seed)
        self.words = (*words, None, True, False, *TEXTS, *NUMBERS)

    def once_in(self, times: int) -> bool:
        return self.dice.randrange(times) == 0

    def one_of(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.dice.random() * len(choices))]

    def word(self) -> Any:
        """One of its own each time, as what it is put into may be changed further."""
        return deepcopy(self.one_of(self.words))

    def value(self, depth: int = 2) -> Any:
        """Any JSON."""
        kind = self.dice.randrange(12) if depth else self.dice.randrange(8)
        if kind < 6:
            return self.word()
        if kind == 6:
            return self.mark()
        if kind == 7:
            return self.text("")
        inner = [self.value(depth - 1) for _ in range(self.dice.randrange(3))]
        if kind < 10:
            return inner
        return {str(self.one_of(self.words))[:20]: value for value in inner}

    def mark(self, first: int = len(AS_WRITTEN)) -> str:
        """Stands for a value that `json.dumps` does not write: one of the first so many."""
        return chr(_MARK + self.dice.randrange(first))

    def text(self, good: str) -> str:
        """A text like this one."""
        for _ in range(self.dice.randrange(4) if good else 3):
            good = self.one_of(_TEXT_CHANGES)(self, good, self.dice.randrange(len(good) + 1))
        return good

    def spoilt(self, good: Any) -> Any:
        """Changed in one place. What is given is changed, too."""
        holder = [good]
        place = self.one_of(list(_containers(holder)))
        if place:
            key = self.one_of(list(place)) if isinstance(place, dict) else self.dice.randrange(len(place))
            self.one_of(_CHANGES)(self, place, key)
        elif isinstance(place, dict):
            place[str(self.one_of(self.words))] = self.value()
        else:
            place.append(self.value())
        return holder[0] if holder else None

    def written(self, value: Any) -> bytes:
        """As JSON, and now and then as something that is none."""
        text = json.dumps(value, ensure_ascii=not self.once_in(4))
        text = _AS_WRITTEN.sub(_unmarked, text)
        if self.once_in(40):
            text = self.one_of(("<html>", "\ufeff", "  ", "\0", ")]}',\n", "[" * 900)) + text
        if self.once_in(40):
            return text.encode(self.one_of(("utf-16", "utf-32", "cp1252", "utf-7")), "replace")
        raw = text.encode("utf-8", "surrogatepass")
        return self.torn(raw) if self.once_in(10) else raw

    def torn(self, data: bytes) -> bytes:
        """With bytes changed, cut out, put in or doubled; never the same."""
        torn = data
        while torn == data:
            at, to = sorted((self.dice.randrange(len(data) + 1), self.dice.randrange(len(data) + 1)))
            torn = self.one_of(_TEARS)(self, data, at, to)
        return torn


def _unmarked(found: re.Match[str]) -> str:
    return AS_WRITTEN[(int(found[1], 16) if found[1] else ord(found[2])) - _MARK]


def _containers(value: Any) -> Iterator[Any]:
    """Every object and list in it, itself first."""
    places = [value]
    while places:
        place = places.pop()
        yield place
        inner = place.values() if isinstance(place, dict) else place
        places.extend(one for one in inner if isinstance(one, dict | list))


def _drop(chance: Chance, place: Any, key: Any) -> None:
    del place[key]


def _replace(chance: Chance, place: Any, key: Any) -> None:
    place[key] = chance.value()


def _empty(chance: Chance, place: Any, key: Any) -> None:
    place[key] = chance.one_of((None, "", [], {}, [[]], [None], [{}], {"data": None}))


def _wrap(chance: Chance, place: Any, key: Any) -> None:
    place[key] = chance.one_of(([place[key]], [place[key]] * 3, {"data": place[key]}, {"": [place[key]]}))


def _double(chance: Chance, place: Any, key: Any) -> None:
    if isinstance(place, dict):
        place[chance.one_of(list(place))] = place[key]
    else:
        place.append(place[key])


def _turn(chance: Chance, place: Any, key: Any) -> None:
    """A number into text, text into a number, an object into the list of its values, and back."""
    value = place[key]
    if isinstance(value, str):
        place[key] = int(value) if len(value) < 19 and value.isascii() and value.isdecimal() else chance.text(value)
    elif isinstance(value, dict):
        place[key] = list(value.values())
    elif isinstance(value, list):
        place[key] = {str(number): item for number, item in enumerate(value)}
    else:
        place[key] = str(value)


def _odd_kin(chance: Chance, place: Any, key: Any) -> None:
    """A time becomes an odd time, and a number an odd number."""
    times = [name for name, value in _items(place) if isinstance(value, str) and _TIME.search(value)]
    if times and chance.once_in(4):
        place[chance.one_of(times)] = chance.one_of(MOMENTS)
        return
    numbers = [name for name, value in _items(place) if _is_number(value)]
    place[chance.one_of(numbers or [key])] = chance.one_of((chance.mark(12), chance.one_of(NUMBERS)))


def _alike(chance: Chance, place: Any, key: Any) -> None:
    """Every number, also one written as text, becomes the same odd one: what is computed from several is odd, too."""
    odd = chance.one_of((chance.mark(12), chance.one_of(NUMBERS), chance.one_of(TEXTS)))
    share = chance.one_of((1, 2, 4))
    for name, value in list(_items(place)):
        if _is_number(value) and chance.once_in(share):
            place[name] = odd


def _items(place: Any) -> Iterable[tuple[Any, Any]]:
    return place.items() if isinstance(place, dict) else enumerate(place)


def _is_number(value: object) -> bool:
    return not isinstance(value, bool | dict | list) and _NUMBER.fullmatch(str(value)) is not None


_CHANGES: tuple[Callable[[Chance, Any, Any], None], ...] = (
    *(_drop, _replace, _replace, _replace, _empty, _wrap, _double),
    *(_drop, _replace, _replace, _turn, _turn, _odd_kin, _odd_kin),
    *(_drop, _replace, _replace, _turn, _empty, _odd_kin, _alike),
)

_TEXT_CHANGES: tuple[Callable[[Chance, str, int], str], ...] = (
    lambda chance, text, at: text[:at] + chance.one_of(SIGNS) + text[at:],
    lambda chance, text, at: text[:at] + chance.one_of(SIGNS) + text[at + 1 :],
    lambda chance, text, at: text[:at] + str(chance.one_of(chance.words)) + text[at:],
    lambda chance, text, at: text[:at],
    lambda chance, text, at: text[at:],
    lambda chance, text, at: text[:at] + text[at + chance.dice.randrange(9) :],
    lambda chance, text, at: text[:at] + text,
    lambda chance, text, at: text[:at] + "".join(f"%{byte:02x}" for byte in text[at:].encode(errors="replace")),
    lambda chance, text, at: text[:at] + text[at:].swapcase(),
    lambda chance, text, at: text[:at] + "".join(chr(0xFF10 + int(c)) if c in "0123456789" else c for c in text[at:]),
    lambda chance, text, at: text[:at] + "&" + text[:at].rpartition("&")[2] + text[at:],
    lambda chance, text, at: (text * 200)[: chance.one_of((500, 4001, 9000))],
    lambda chance, text, at: str(chance.one_of(chance.words)),
)
_TEARS: tuple[Callable[[Chance, bytes, int, int], bytes], ...] = (
    lambda chance, data, at, to: data[:at] + bytes([chance.dice.randrange(256)]) + data[at + 1 :],
    lambda chance, data, at, to: (
        data[:at] + bytes([data[at] ^ 1 << chance.dice.randrange(8)]) + data[at + 1 :] if at < len(data) else b""
    ),
    lambda chance, data, at, to: data[:at] + chance.dice.randbytes(3) + data[at:],
    lambda chance, data, at, to: data[:at] + data[to:],
    lambda chance, data, at, to: data[:at],
    lambda chance, data, at, to: data[:to] + data[at:],
    lambda chance, data, at, to: data[:at] + bytes(to - at) + data[to:],
    lambda chance, data, at, to: data[:at] + b"\xff\xfe" + data[at:],
    lambda chance, data, at, to: chance.dice.randbytes(chance.dice.randrange(60)),
)


@contextmanager
def told(seed: str, *case: object) -> Iterator[None]:
    """Says which case it was that something went wrong with."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"seed {seed!r}: {case!r}"[:4000])
        raise


def refusal(kind: type[E], call: Callable[[], object]) -> E | None:
    """The error of that kind that came of it, if one did."""
    try:
        call()
    except kind as error:
        return error
    return None
