"""/account as a picture. `drawn` makes it of what the brokers answered; nobody else knows how.

What is shown (`_facts`) and where it stands (`_layout`) are pure functions. Painting is a program of its own
(`_painter`), run by `_drawing`: so the library for it is never loaded beside tokens. Why: docs/decisions/charts.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from handlers.charts._drawing import ChartError, png, require
from handlers.charts._facts import facts
from handlers.charts._layout import laid_out
from handlers.text.parts import Answer
from handlers.tokens import Portfolio


def drawn(answers: Sequence[Answer[Portfolio]], now: datetime) -> bytes | None:
    """A PNG, or None where there is nothing to show. Takes a second, on a thread. Raises ChartError."""
    found = facts(answers, now)
    return png(laid_out(found)) if found else None


__all__ = ["ChartError", "drawn", "require"]
