"""Reading a token in a running program."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from kunji import Reader
from tests.benchmarks.harness import Figure, microseconds, p50
from tests.benchmarks.places import folder, held, store_in, write

READS = 20_000
REFRESHES = 8


def figures() -> Iterator[Figure]:
    with folder() as config:
        store = store_in(config)
        store.save("dhan", held())
        reader = Reader("dhan", store=config / ".kunji", environment={})
        clear = config / "clear.json"
        write(clear, {"access_token": held().token.value.reveal()})

        reader.token()
        warm = p50(microseconds(reader.token, READS))
        file = p50(microseconds(lambda: from_file(clear), READS // 10))
        yield Figure("reading a token, p50", warm, "µs", file, "clear JSON file", at_most=8)

        slowest = 0.0
        for number in range(1, REFRESHES + 1):
            store.save("dhan", held(number))
            slowest = max(slowest, seconds_until_seen(reader, f"token-{number:06d}"))
        yield Figure(f"a new token is seen, slowest of {REFRESHES}", slowest, "s", at_most=1)
        store.close()


def from_file(path: Path) -> str:
    return str(json.loads(path.read_text())["access_token"])


def seconds_until_seen(reader: Reader, start: str) -> float:
    begun = time.monotonic()
    while not reader.token().startswith(start):
        time.sleep(0.002)
    return time.monotonic() - begun
