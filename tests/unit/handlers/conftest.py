from __future__ import annotations

import pytest

from tests.unit.handlers.stage import a_stage


@pytest.fixture
async def stage():
    async with a_stage() as made:
        yield made
