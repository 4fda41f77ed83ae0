"""The arrows between modules that import contracts cannot draw without a list to keep up."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from brokers import BROKERS

ROOT = Path(__file__).parent.parent


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("broker", sorted(BROKERS))
def test_a_broker_imports_no_other_broker(broker: str) -> None:
    others = {f"brokers.{other}" for other in BROKERS if other != broker}
    files = [*(ROOT / "brokers").glob(f"{broker}.py"), *(ROOT / "brokers" / broker).glob("*.py")]

    assert files
    assert all(imported(path) & others == set() for path in files)
