"""A config folder and a store for a benchmark, with tokens in it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.store import HeldToken, Store, open_store
from brokers import AccessToken, Secret


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kunji-benchmark-") as name:
        yield Path(name)


def write(path: Path, values: dict[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(values))


def store_in(config: Path) -> Store:
    """The store as `kunji run` would make it in this config folder, with its key."""
    return open_store(config, environment={})


def held(number: int = 0, lasts: timedelta = timedelta(hours=20)) -> HeldToken:
    """A live token of the size brokers give them."""
    now = datetime.now(UTC)
    value = Secret(f"token-{number:06d}-" + "x" * 300)
    headers = {"access-token": value, "client-id": Secret("1000000001")}
    return HeldToken(AccessToken(value, "1000000001", now, now + lasts), proven=True, headers=headers)
