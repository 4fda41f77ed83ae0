"""Jobs at short intervals: the only file that knows `schedule`.

Its own jobs wait for a time of day: when that goes back they stand still, and when one raises it is repeated on every
look. Neither happens here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import schedule

log = logging.getLogger(__name__)

SLACK = 2.0
"""A job that waits so many seconds beyond its interval waits for a time that went back."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something short that is done again and again."""

    name: str
    every: int
    """Seconds."""
    work: Callable[[], None]


class Intervals:
    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._failing: set[str] = set()
        self.rebuild()

    def rebuild(self) -> None:
        """Count every interval from now."""
        self.table = schedule.Scheduler()
        for job in self._jobs:
            self.table.every(job.every).seconds.do(self._run, job)

    def pump(self) -> None:
        """Do what is due."""
        ahead = self.table.idle_seconds
        if ahead is not None and ahead > min(job.every for job in self._jobs) + SLACK:
            self.rebuild()  # also the machine's own zone sets the time back, when its summer ends
        now, due = datetime.now(), [job for job in self.table.jobs if job.should_run]  # noqa: DTZ005 - the library's way
        self.table.run_pending()
        for one in due:
            # The library counts from a job's end: what takes long would come too seldom.
            one.next_run = now + timedelta(seconds=one.interval)

    def _run(self, job: Job) -> None:
        try:
            job.work()
        except Exception as error:
            if job.name not in self._failing:
                log.exception("the job %r failed; it goes on", job.name)
            else:
                log.debug("the job %r fails still: %s", job.name, type(error).__name__)
            self._failing.add(job.name)
        else:
            self._failing.discard(job.name)
