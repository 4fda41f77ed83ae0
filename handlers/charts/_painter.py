"""Paints a sheet: JSON on stdin, as `_layout.Sheet` has it, becomes a PNG on stdout.

A program, run by its path and with nothing of ours in reach; `_drawing` runs it. The only file that knows matplotlib.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

DPI = 100
POINTS = 72 / DPI
FAMILY = "DejaVu Sans"
"""matplotlib brings it, and it has the sign of the rupee."""
NOTES = 0.45
"""The most of its line that a note takes from the text before it."""
SPACE = 10
MOST = 200
"""Letters of a text that are tried for their width: no line has room for more."""

Given = dict[str, Any]


def painted(sheet: Given) -> bytes:
    return _Paper(sheet).png()


class _Paper:
    def __init__(self, sheet: Given) -> None:
        self._height = sheet["height"]
        self._figure = Figure((sheet["width"] / DPI, sheet["height"] / DPI), dpi=DPI, facecolor=sheet["ground"])
        self._canvas = FigureCanvasAgg(self._figure)
        self._renderer: RendererAgg = self._canvas.get_renderer()  # type: ignore[no-untyped-call]
        for bar in sheet["bars"]:
            self._bar(bar)
        for text in sheet["texts"]:
            self._text(text)

    def png(self) -> bytes:
        painted = io.BytesIO()
        self._figure.savefig(painted, format="png")
        return painted.getvalue()

    def _bar(self, bar: Given) -> None:
        radius = min(bar["radius"], bar["width"] / 2, bar["height"] / 2)
        corner = bar["x"], self._height - bar["y"] - bar["height"]
        shape = FancyBboxPatch(
            corner,
            bar["width"],
            bar["height"],
            boxstyle=f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0",
            facecolor=bar["colour"],
            linewidth=0,
            transform=IdentityTransform(),
        )
        self._figure.add_artist(shape)

    def _text(self, given: Given) -> None:
        """The text, and its note beside it, in the width they have together."""
        bold, size, width = given["bold"], given["size"], given["width"]
        note = self._cut(given["note"], size, width * NOTES, bold=False)
        left = width - (self._width(note, size, bold=False) + SPACE if note else 0)
        words = given["text"]
        if given["whole"]:
            size = min(size, size * left / (self._width(words, size, bold=bold) or 1))
        else:
            words = self._cut(words, size, left, bold=bold)
        x = given["x"] - (width - left + self._width(words, size, bold=bold) if given["at_right"] else 0)
        self._put(x, given["y"], words, size, given["colour"], bold=bold)
        after = x + self._width(words, size, bold=bold) + SPACE
        self._put(after, given["y"], note, given["size"], given["note_colour"], bold=False)

    def _put(self, x: float, y: float, words: str, size: float, colour: str, *, bold: bool) -> None:
        at = {"x": x, "y": self._height - y, "verticalalignment": "center_baseline"}
        font = _font(size, bold=bold)
        self._figure.add_artist(
            Text(**at, text=words, color=colour, fontproperties=font, parse_math=False, transform=IdentityTransform())
        )

    def _cut(self, words: str, size: float, width: float, *, bold: bool) -> str:
        """From the middle: names of options differ at their ends."""
        left = min(len(words), MOST)
        shown = _shortened(words, left)
        while left and self._width(shown, size, bold=bold) > width:
            left -= 1
            shown = _shortened(words, left)
        return shown

    def _width(self, words: str, size: float, *, bold: bool) -> float:
        font = _font(size, bold=bold)
        measured = self._renderer.get_text_width_height_descent(words, font, ismath=False)  # type: ignore[no-untyped-call]
        return float(measured[0])


def _shortened(words: str, left: int) -> str:
    """With so many of its letters."""
    tail = left // 2
    return words if left == len(words) else f"{words[: left - tail]}…{words[len(words) - tail :]}"


def _font(size: float, *, bold: bool) -> FontProperties:
    return FontProperties(family=FAMILY, size=size * POINTS, weight="bold" if bold else "normal")


if __name__ == "__main__":
    sys.stdout.buffer.write(painted(json.load(sys.stdin.buffer)))
