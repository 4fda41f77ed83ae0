"""`python -m tests.benchmarks [name…]`: what the promises of the README measure on this machine.

Every figure stands beside its baseline, measured in the same run. Nothing fails here: a figure that misses its target
is a thing to look into, and depends on what else the machine does.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module

from tests.benchmarks.harness import Figure, heading, row

SUBJECTS = ("reader", "process", "endpoint", "door", "sweep", "lateness", "logins", "chat", "scale")
"""Modules beside this one, each with `figures()`, the quick ones first."""


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(SUBJECTS))
    if unknown:
        print(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(SUBJECTS)}", file=sys.stderr)
        return 2
    began = time.monotonic()
    print(heading())
    for name in names or SUBJECTS:
        measure(name)
    print(f"\n{time.monotonic() - began:.0f} s in all{busy()}")
    return 0


def busy() -> str:
    """A machine that does much else at the same time makes every figure but the ratios worse, and those unsteady."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    return f"; the machine is busy: a load of {load:.1f} on {processors} processors" if load > processors else ""


def measure(name: str) -> None:
    """One subject that cannot be measured is a line like the others."""
    try:
        figures: Callable[[], Iterator[Figure]] = import_module(f"tests.benchmarks.{name}").figures
        for figure in figures():
            print(row(figure), flush=True)
    except Exception as error:
        print(f"{name}: could not be measured: {type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
