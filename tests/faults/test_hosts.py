"""Several hosts with one store, whatever befalls them: kills, pauses, cuts and a server that dies, at random moments.

`KUNJI_SCHEDULES=1000` plays so many schedules instead of 200.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.faults.fates import Fate
from tests.faults.laws import broken
from tests.faults.stage import Nursery, nursery, played

SCHEDULES = int(os.environ.get("KUNJI_SCHEDULES", "200"))
PIECE = 10
SIDE_BY_SIDE = 3
TRICKY = (51, 77, 152)
"""Seeds in whose schedules several faults hit one login."""


def faults_of(seeds: Iterable[int], folder: Path) -> list[str]:
    with nursery() as hosts, ThreadPoolExecutor(SIDE_BY_SIDE) as stages:
        return [fault for found in stages.map(partial(judged, folder, hosts), seeds) for fault in found]


def judged(folder: Path, hosts: Nursery, seed: int) -> list[str]:
    story = played(Fate.drawn(seed), folder / str(seed), hosts)
    found = broken(story)
    return [*found, story.retold()] if found else []


def test_when_several_faults_hit_one_login_every_token_is_fetched_once_and_every_alert_arrives(tmp_path: Path) -> None:
    found = faults_of(TRICKY, tmp_path)

    assert not found, "\n".join(found)


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, SCHEDULES, PIECE))
def test_whatever_befalls_three_hosts_every_token_is_fetched_once_and_every_alert_arrives(
    tmp_path: Path, first: int
) -> None:
    found = faults_of(range(first, min(first + PIECE, SCHEDULES)), tmp_path)

    assert not found, "\n".join(found)
