from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.stand_in import StandIn, stand_in


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as server:
        yield server
