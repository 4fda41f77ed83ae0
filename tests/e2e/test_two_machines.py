"""Two machines with one store: one leads, the other stands by, and takes over when the first is gone."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.house import ADMIN, MONDAY
from tests.e2e.machines import TAKEOVER, Machines, machines
from tests.redis_proxy import Cut
from tests.waiting import eventually


def begin(two: Machines) -> None:
    """The first one leads."""
    for one in two.all:
        one.auto()
        one.begin()


def told(two: Machines, text: str) -> int:
    """How many of the bot's messages say so."""
    return sum(text in said for said in two.home.texts())


@pytest.mark.long
def test_when_the_leader_is_killed_the_other_one_takes_over_and_says_so_once(tmp_path: Path) -> None:
    with machines(tmp_path) as two:
        begin(two)
        two.home.says("/status", "stands by")

        two[0].end(signal.SIGKILL)

        two.home.sees("took over from", timeout=TAKEOVER)
        two.home.says("/status", "nobody stands by")
        two[0].begin()
        two.home.says("/status", "stands by")
        assert told(two, "took over") == 1


@pytest.mark.long
def test_a_login_that_falls_due_while_nobody_leads_is_made_once(tmp_path: Path) -> None:
    with machines(tmp_path, at=MONDAY) as two:
        begin(two)
        two[0].end(signal.SIGKILL)

        two.home.at(MONDAY.replace(hour=8, minute=45))

        two.home.sees("refreshed by itself", timeout=TAKEOVER + 5)
        assert two.home.sandbox.dhan.calls("generateAccessToken") == 1
        assert told(two, "refreshed by itself") == 1


@pytest.mark.long
def test_a_leader_that_was_paused_stands_by_when_it_goes_on_and_nothing_is_said_twice(tmp_path: Path) -> None:
    with machines(tmp_path) as two:
        begin(two)
        two[0].pause()
        two.home.sandbox.telegram.say(ADMIN, "/status")
        two.home.sees("nobody stands by", timeout=TAKEOVER + 5)

        two[0].go_on()

        eventually(lambda: bool(two[0].said("standing by;")), "the first stands by")
        two.home.says("/status", "stands by")
        assert [told(two, text) for text in ("took over", "Led by", "Another program")] == [1, 2, 0]
        two[1].end(signal.SIGTERM)
        two.home.says("/status", "nobody stands by", timeout=TAKEOVER)


@pytest.mark.long
@pytest.mark.parametrize("fault", [Cut.cut, Cut.half_open])
def test_a_leader_that_is_cut_off_from_the_store_gives_way(tmp_path: Path, fault: Callable[[Cut], None]) -> None:
    with machines(tmp_path) as two:
        begin(two)
        fault(two[0].way)

        two.home.sees("took over from", timeout=TAKEOVER)
        two.home.says("/status", "nobody stands by")
        two[0].way.mend()
        two[0].way.drop()

        eventually(lambda: "answers again" in two[0].log.read_text(), "the first is back")
        two.home.says("/status", "stands by")
        assert [told(two, text) for text in ("took over", "Another program")] == [1, 0]


@pytest.mark.long
def test_while_the_store_is_down_commands_are_answered_so_and_then_all_goes_on(tmp_path: Path) -> None:
    with machines(tmp_path) as two:
        begin(two)
        two.home.says("/refresh", "new token")
        two.redis.kill()
        eventually(lambda: bool(two[0].said("adrift")), "the first leads no longer")
        two.home.says("/status", "cannot be reached")

        two.redis.start()

        for one in two.all:
            eventually(lambda one=one: bool(one.said("the store answers again")), "both notice")
        two.home.says("/status", "stands by", timeout=TAKEOVER)
        assert two.home.sandbox.dhan.calls("generateAccessToken") == 1
        assert [told(two, text) for text in ("took over", "Another program")] == [0, 0]


@pytest.mark.long
def test_a_store_that_does_not_answer_for_a_while_makes_nobody_log_in_or_tell_twice(tmp_path: Path) -> None:
    with machines(tmp_path, at=MONDAY) as two:
        begin(two)
        two.redis.pause()
        eventually(lambda: bool(two[0].said("adrift")), "the first leads no longer")
        two.home.at(MONDAY.replace(hour=8, minute=45))

        two.redis.go_on()

        two.home.sees("refreshed by itself", timeout=TAKEOVER)
        two.home.says("/status", "stands by", timeout=TAKEOVER)
        assert two.home.sandbox.dhan.calls("generateAccessToken") == 1
        assert [told(two, text) for text in ("refreshed by", "took over", "Another program")] == [1, 0, 0]


@pytest.mark.long
def test_a_leader_that_is_stopped_hands_over_at_once_and_nobody_is_alarmed(tmp_path: Path) -> None:
    with machines(tmp_path) as two:
        begin(two)

        assert two[0].end(signal.SIGTERM) == 0

        two.home.says("/status", "nobody stands by", timeout=6)
        assert told(two, "took over") == 0


@pytest.mark.long
def test_a_monitor_hears_on_each_machine_that_it_is_alive_and_what_it_does(tmp_path: Path) -> None:
    with machines(tmp_path) as two:
        begin(two)

        for one, part in zip(two.all, ("it leads", "it stands by"), strict=True):
            eventually(lambda one=one, part=part: part in one.run("check", "--alive").stdout, part)


@pytest.mark.long
def test_a_machine_that_starts_while_the_store_is_down_waits_for_it(tmp_path: Path) -> None:
    with machines(tmp_path, count=1) as one:
        one.redis.kill()
        one[0].auto()
        one[0].start(wait=False)
        eventually(lambda: bool(one[0].said("cannot be reached; it is tried again")), "it says so")

        one.redis.start()

        one.home.says("/status", "nobody stands by")


@pytest.mark.long
def test_a_machine_that_waits_for_the_store_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with machines(tmp_path, count=1) as one:
        one.redis.kill()
        one[0].auto()
        one[0].start(wait=False)
        eventually(lambda: bool(one[0].said("cannot be reached; it is tried again")), "it says so")

        assert one[0].end(signal.SIGTERM) == 0
