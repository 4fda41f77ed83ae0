"""`kunji token NAME` as a whole process, and what `import kunji` adds to one."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.benchmarks.harness import Figure, p50, process_milliseconds
from tests.benchmarks.places import folder, held, store_in

RUNS = 15
AS_THE_SCRIPT = "import sys; from kunji.__main__ import main; sys.exit(main())"
"""What the installed command `kunji` does."""


def figures() -> Iterator[Figure]:
    with folder() as config:
        store = store_in(config)
        store.save("dhan", held())
        store.close()
        token, imported, bare = [], [], []
        for _ in range(RUNS):
            command = [sys.executable, "-c", AS_THE_SCRIPT, "token", "dhan", "--config", str(config)]
            token.append(process_milliseconds(command))
            imported.append(process_milliseconds([sys.executable, "-c", "import kunji"]))
            bare.append(process_milliseconds([sys.executable, "-c", "pass"]))
    yield Figure("kunji token NAME, p50", p50(token), "ms", p50(bare), "python -c pass", at_most=100, ratio_at_most=6)
    yield Figure("import kunji adds, p50", p50(imported) - p50(bare), "ms", p50(bare), "python -c pass", at_most=60)
