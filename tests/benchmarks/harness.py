"""Figures, how they are shown, and what it takes to measure a process. Knows nothing of what is measured."""

from __future__ import annotations

import http.client
import math
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

WIDTHS = (58, 14, 30, 8, 26)


@dataclass(frozen=True, slots=True)
class Figure:
    """What was promised and what it measures. `at_most` is in the figure's unit, `ratio_at_most` in baselines."""

    promise: str
    value: float
    unit: str
    baseline: float | None = None
    baseline_is: str = ""
    at_most: float | None = None
    ratio_at_most: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline if self.baseline else None

    @property
    def met(self) -> bool | None:
        """None: nothing is promised, it is only reported."""
        verdicts = []
        if self.at_most is not None:
            verdicts.append(self.value <= self.at_most)
        if self.ratio_at_most is not None and self.ratio is not None:
            verdicts.append(self.ratio <= self.ratio_at_most)
        return all(verdicts) if verdicts else None


def heading() -> str:
    return _aligned("promise", "measured", "baseline", "ratio", "target", "")


def row(figure: Figure) -> str:
    baseline, ratio = figure.baseline_is, ""
    if figure.baseline is not None:
        baseline = f"{number(figure.baseline)} {figure.unit} {figure.baseline_is}"
        ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
    targets = []
    if figure.at_most is not None:
        targets.append(f"≤ {number(figure.at_most)} {figure.unit}")
    if figure.ratio_at_most is not None:
        targets.append(f"≤ {figure.ratio_at_most:g} × baseline")
    verdict = {True: "met", False: "MISSED", None: "reported"}[figure.met]
    return _aligned(
        figure.promise, f"{number(figure.value)} {figure.unit}", baseline, ratio, ", ".join(targets), verdict
    )


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _aligned(*cells: str) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, (*WIDTHS, 0), strict=True)).rstrip()


def p50(values: Sequence[float]) -> float:
    return statistics.median(values)


def p99(values: Sequence[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)]


def microseconds(work: Callable[[], object], times: int) -> list[float]:
    """How long each of so many calls takes."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter_ns()
        work()
        taken.append((time.perf_counter_ns() - begun) / 1000)
    return taken


def process_milliseconds(command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """A whole process, from its start to its end; it has to end well."""
    begun = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=_environment(environment), stdout=subprocess.DEVNULL, check=True, timeout=30)
    return (time.perf_counter() - begun) * 1000


@contextmanager
def running(
    *arguments: str, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """This Python, as a process of its own that is ended with the block."""
    with log.open("wb") if log else open(os.devnull, "wb") as out:
        command = [sys.executable, *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=_environment(environment), stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def resident_mib(process: subprocess.Popen[bytes]) -> float:
    """What it holds in memory now."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024
    except FileNotFoundError:  # not Linux
        asked = subprocess.run(["ps", "-o", "rss=", "-p", str(process.pid)], capture_output=True, text=True, check=True)
        return int(asked.stdout) / 1024


def processor_milliseconds(process: subprocess.Popen[bytes]) -> float:
    """The processor's time it has used so far; not a number where the system does not tell."""
    if sys.platform != "linux":
        return math.nan
    return time.clock_gettime(~process.pid << 3 | 2) * 1000  # how Linux names the clock of another process


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KUNJI_")} | dict(more or {})


@contextmanager
def connected(port: int) -> Iterator[http.client.HTTPConnection]:
    """To what is being started there."""
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    yield connection
    connection.close()
