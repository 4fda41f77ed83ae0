from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

import pytest

from bot.intervals import Intervals, Job


def make_due(intervals: Intervals) -> None:
    for job in intervals.table.jobs:
        job.next_run = datetime.now() - timedelta(seconds=1)  # noqa: DTZ005 - the library's own way to tell time


def test_a_job_that_raises_neither_stops_nor_repeats_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def bad() -> None:
        done.append("bad")
        raise RuntimeError("a fault of ours")

    intervals = Intervals([Job("bad", 60, bad), Job("good", 60, lambda: done.append("good"))])

    make_due(intervals)
    intervals.pump()
    intervals.pump()

    assert sorted(done) == ["bad", "good"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_job_that_goes_on_failing_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("a fault of ours")

    intervals = Intervals([Job("bad", 60, fail)])

    for _ in range(5):
        make_due(intervals)
        intervals.pump()

    assert len([record for record in caplog.records if record.levelno >= logging.INFO]) == 1


def test_jobs_go_on_after_the_time_of_day_went_back() -> None:
    intervals = Intervals([Job("sweep", 1, lambda: None), Job("check", 60, lambda: None)])
    for job in intervals.table.jobs:
        job.next_run = datetime.now() + timedelta(hours=1)  # noqa: DTZ005 - what a clock set back looks like

    intervals.pump()

    ahead = intervals.table.idle_seconds
    assert ahead is not None
    assert ahead <= 1


def test_a_job_that_takes_long_comes_no_less_often() -> None:
    ended: list[datetime] = []

    def work() -> None:
        time.sleep(0.01)
        ended.append(datetime.now())  # noqa: DTZ005 - as above

    intervals = Intervals([Job("sweep", 1, work)])
    make_due(intervals)

    intervals.pump()

    [job] = intervals.table.jobs
    assert job.next_run is not None
    assert job.next_run < ended[0] + timedelta(seconds=1)
