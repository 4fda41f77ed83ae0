"""Runs the painter. It is given the sheet, nothing of our environment, and a folder that is thrown away."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from brokers import KunjiError
from handlers.charts._layout import Sheet

log = logging.getLogger(__name__)

PAINTER = Path(__file__).with_name("_painter.py")
LONGEST = 30.0
"""Seconds. Usually it takes one."""


class ChartError(KunjiError):
    """There is no picture, and the text of /account says the same."""


def require() -> None:
    """Raises ChartError where the library for it is not installed."""
    if find_spec("matplotlib") is None:
        raise ChartError(
            "charts are not installed on the bot's machine",
            hint="the extra charts adds them: docs/running.md; /account says the same in words",
        )


def png(sheet: Sheet) -> bytes:
    """Raises ChartError."""
    try:
        with TemporaryDirectory(prefix="kunji-chart-") as folder:
            done = subprocess.run(  # noqa: S603 - our own file, by the Python that runs this
                [sys.executable, "-I", str(PAINTER)],
                input=json.dumps(asdict(sheet)).encode(),
                capture_output=True,
                cwd=folder,
                env=surroundings(folder),
                timeout=LONGEST,
                check=True,
            )
    except (OSError, subprocess.SubprocessError) as error:
        # Not its words: they may hold figures.
        log.warning("the chart was not drawn: %s", type(error).__name__)
        raise ChartError("the chart could not be drawn", hint="/account says the same in words") from None
    return done.stdout


def surroundings(folder: str) -> dict[str, str]:
    """What matplotlib may know: where to put its list of fonts, that its own are enough, and that one thread is."""
    return {
        "HOME": folder,
        "PATH": folder,
        "MPLCONFIGDIR": folder,
        "MPL_IGNORE_SYSTEM_FONTS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
