"""Where everything stands: a chart's facts become texts and bars on a sheet, in pixels from the upper left corner.

The sheet has a ground of its own, so it reads the same in a dark and in a light chat. It is as large as Telegram shows
pictures, and nothing on it is smaller than can be read on a phone. A gain stands right of its axis and a loss left of
it, in colours that everybody can tell apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from handlers.charts._facts import Cash, Facts, Row

WIDTH, MARGIN = 1080, 48
INNER = WIDTH - 2 * MARGIN
RIGHT = WIDTH - MARGIN
NAMES, AMOUNTS = 390, 310
"""Widths of the left and the right column; bars stand between them."""
BARS_FROM, BARS = MARGIN + NAMES + 20, INNER - NAMES - AMOUNTS - 40
CASH_BAR, HALF, SLIT = 460, 500, 4
ROW, CASH_ROW, HEADING, GAP = 46, 80, 58, 20
BAR, LEAST = 26, 3
"""Height of a bar, and the least width of one that is not nothing."""
TITLE, FIGURE, TEXT, SMALL = 46, 40, 32, 28

GROUND, LINE, AXIS, TRACK = "#16201d", "#2b3833", "#5d6d65", "#25312d"
BRIGHT, QUIET = "#eef1ec", "#a9b8b0"
HELD, GAIN, LOSS, USED = "#7fcbb3", "#74b3ff", "#ffb05c", "#d3b4ff"


@dataclass(frozen=True, slots=True)
class Text:
    x: float
    y: float
    """The middle of the line."""
    text: str
    width: float
    """For the text and its note. What is longer is cut."""
    size: int = TEXT
    colour: str = BRIGHT
    bold: bool = False
    at_right: bool = False
    """It ends at `x`."""
    note: str = ""
    """Follows the text."""
    note_colour: str = QUIET
    whole: bool = False
    """Is made smaller instead of being cut: half an amount is a wrong one."""


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    colour: str
    radius: float = 5


@dataclass(frozen=True, slots=True)
class Sheet:
    width: int
    height: int
    ground: str
    texts: tuple[Text, ...]
    bars: tuple[Bar, ...]


Part = Text | Bar
Parts = list[Part]


def laid_out(facts: Facts) -> Sheet:
    parts, y = _top(facts)
    for title, rows, height in (
        ("Holdings by account" if facts.by_account else "Holdings", _held(facts.held), ROW),
        ("P&L by holding", _gains(facts.gains), ROW),
        ("Cash", [_cash(one) for one in facts.cash], CASH_ROW),
    ):
        if rows:
            parts += _below(y, _heading(title))
            for number, row in enumerate(rows):
                parts += _below(y + HEADING + number * height, row)
            y += HEADING + len(rows) * height + GAP
    texts = tuple(part for part in parts if isinstance(part, Text))
    bars = tuple(part for part in parts if isinstance(part, Bar))
    return Sheet(WIDTH, round(y + MARGIN - GAP), GROUND, texts, bars)


def _below(y: float, parts: Iterable[Part]) -> Parts:
    return [replace(part, y=part.y + y) for part in parts]


def _top(facts: Facts) -> tuple[Parts, float]:
    """Whose it is, when, and the totals; and where it ends."""
    third = INNER / 3
    parts: Parts = [
        Text(MARGIN, 64, facts.title, 0.58 * INNER, TITLE, bold=True, whole=True),
        Text(RIGHT, 66, facts.at, 0.4 * INNER, SMALL, QUIET, at_right=True, whole=True),
    ]
    for number, row in enumerate(facts.headline):
        x = MARGIN + number * third
        parts.append(Text(x, 132, row.name, third - 24, SMALL, QUIET))
        parts.append(Text(x, 178, row.amount, third - 24, FIGURE, bold=True, whole=True))
    if not facts.without:
        return parts, 226
    return [*parts, Text(MARGIN, 228, facts.without, INNER, SMALL, QUIET)], 266


def _heading(title: str) -> Parts:
    return [Bar(MARGIN, 0, INNER, 2, LINE, radius=0), Text(MARGIN, 34, title, INNER, TEXT, bold=True)]


def _held(rows: Sequence[Row]) -> list[Parts]:
    longest = max((abs(row.length or 0) for row in rows), default=0) or 1
    return [[*_named(row), *_bar(BARS_FROM, abs(row.length or 0) / longest * BARS, HELD)] for row in rows]


def _gains(rows: Sequence[Row]) -> list[Parts]:
    """Around an axis that stands where the largest gain and the largest loss leave it."""
    gain = max((row.length or 0 for row in rows), default=0)
    loss = -min((row.length or 0 for row in rows), default=0)
    gain, loss = max(gain, 0), max(loss, 0)
    pixels = BARS / (gain + loss) if gain + loss else 0
    axis = BARS_FROM + loss * pixels
    return [
        [*_named(row), Bar(axis - 1, 0, 2, ROW, AXIS, radius=0), *_from(axis, (row.length or 0) * pixels)]
        for row in rows
    ]


def _from(axis: float, length: float) -> Parts:
    if length < 0:
        return _bar(axis - max(-length, LEAST), -length, LOSS)
    return _bar(axis, length, GAIN)


def _bar(x: float, length: float, colour: str) -> Parts:
    return [Bar(x, (ROW - BAR) / 2, max(length, LEAST), BAR, colour)] if length else []


def _named(row: Row) -> Parts:
    return [
        Text(MARGIN, ROW / 2, row.name, NAMES, note=row.note),
        Text(RIGHT, ROW / 2, row.amount, AMOUNTS, at_right=True, whole=True),
    ]


def _cash(one: Cash) -> Parts:
    used = CASH_BAR * (one.share_used or 0)
    available = CASH_BAR - used - (SLIT if used else 0)
    parts: Parts = [
        Text(MARGIN, 20, one.name, CASH_BAR),
        Text(RIGHT, 20, one.available, HALF, at_right=True, note="available", note_colour=HELD, whole=True),
        Text(RIGHT, 58, one.used, HALF, SMALL, at_right=True, note="used", note_colour=USED, whole=True),
    ]
    if one.share_used is None:
        return [*parts, Bar(MARGIN, 46, CASH_BAR, BAR, TRACK)]
    if used:
        parts.append(Bar(MARGIN, 46, max(used, LEAST), BAR, USED))
    if available > 0:
        parts.append(Bar(MARGIN + CASH_BAR - available, 46, max(available, LEAST), BAR, HELD))
    return parts
