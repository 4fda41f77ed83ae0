from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.budget import HeldBack
from bot.life import Standing
from bot.scheduler import AT_ONCE
from bot.store import AccountNote, Refused
from bot.tokens import TokenService
from bot.trading import Hours, ist
from brokers import BrokerUnreachable, LoginRejected
from tests.unit.scheduler.world import World, indian

HOUR = timedelta(hours=1)


def test_a_warning_comes_two_hours_before_expiry() -> None:
    world = World(indian(6), dhan="assisted")
    world.hold("dhan", indian(20))

    world.go_to(indian(20) - 2 * HOUR + timedelta(seconds=2))

    [warning] = world.alerts("warning")
    assert (warning.account, warning.at) == ("dhan", indian(18))
    assert warning.facts["expires_at"] == indian(20).isoformat(timespec="seconds")
    assert not warning.loud, "the asking in the morning comes before anything trades"


def test_what_falls_due_in_one_sweep_is_told_in_one_go_and_remembered_in_one_write() -> None:
    names = [f"account-{number}" for number in range(20)]
    world = World(indian(17), None, **dict.fromkeys(names, "assisted"))
    for name in names:
        world.hold(name, indian(20))
    world.go_to(indian(17, 59, 58))
    world.told.clear()
    before = world.store.writes

    world.go_to(indian(18, 0, 3))

    [together] = world.told
    assert sorted(alert.account or "" for alert in together) == sorted(names)
    assert world.store.writes == before + 1


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("go"), st.integers(1, 4000)),
            st.tuples(st.just("jump"), st.integers(-7000, 7000)),
            st.tuples(st.just("restart"), st.just(0)),
        ),
        max_size=30,
    )
)
def test_a_warning_is_sent_exactly_once_and_in_time_whatever_happens(events: list[tuple[str, int]]) -> None:
    world = World(indian(14), dhan="assisted")
    expires_at = world.hold("dhan", indian(20)).token.expires_at
    looked_in_time = False

    for what, seconds in events:
        if what == "restart":
            world.restart()
        elif what == "jump":
            world.clock.jump(seconds)
        else:
            world.clock.go(seconds)
        world.sweep()
        looked_in_time |= expires_at - 2 * HOUR <= world.clock.now() < expires_at

    warnings = world.alerts("warning")
    assert len(warnings) == looked_in_time
    assert all(expires_at - 2 * HOUR <= warning.at < expires_at for warning in warnings)


def test_a_warning_missed_while_the_bot_was_down_is_sent_late_but_not_after_the_expiry() -> None:
    for minutes_late, warned in ((90, True), (121, False)):
        world = World(indian(17), dhan="assisted")
        world.hold("dhan", indian(20))
        world.clock.go_to(indian(18) + timedelta(minutes=minutes_late))

        world.restart()
        world.sweep()

        assert bool(world.alerts("warning")) is warned
        assert bool(world.alerts("expired")) is not warned


def test_every_token_has_its_own_warning() -> None:
    world = World(indian(17), dhan="assisted")
    world.hold("dhan", indian(20))
    world.go_to(indian(18, 5), step=30)

    world.hold("dhan", indian(22))
    world.go_to(indian(20, 5), step=30)

    assert [warning.at for warning in world.alerts("warning")] == [indian(18), indian(20)]


def test_a_warning_is_silent_where_a_login_comes_by_itself_in_time() -> None:
    world = World(indian(17), dhan="auto")
    world.hold("dhan", indian(20))

    world.go_to(indian(18, 0, 5))

    [warning] = world.alerts("warning")
    assert not warning.loud
    assert warning.facts["next_login"] == indian(8, 45, day=1).isoformat(timespec="seconds")


def test_a_warning_is_loud_where_trading_would_go_on_without_a_token() -> None:
    world = World(indian(6), dhan="auto")
    world.hold("dhan", indian(20))
    world.store.update({"dhan": lambda note: AccountNote(refused={"config-1": Refused(2, "wrong PIN")})})

    world.go_to(indian(18, 0, 5), step=5)

    [warning] = world.alerts("warning")
    assert warning.loud
    assert warning.facts["next_login"] is None


def test_a_warning_makes_no_sound_in_quiet_hours_or_on_a_holiday() -> None:
    for world in (
        World(indian(17), Hours(quiet=(Hours().trading_ends, Hours().morning)), dhan="assisted"),
        World(indian(17, day=5), dhan="assisted"),
    ):
        expires_at = world.clock.now() + 3 * HOUR
        world.hold("dhan", expires_at)

        world.go_to(expires_at - HOUR, step=60)

        [warning] = world.alerts("warning")
        assert not warning.loud


def test_a_paused_account_is_warned_about_and_left_alone() -> None:
    world = World(indian(17), dhan="auto")
    world.hold("dhan", indian(20))
    world.tokens.pause("dhan")

    world.go_to(indian(9, day=1), step=30)

    assert [warning.facts["paused"] for warning in world.alerts("warning")] == [True]
    assert len(world.alerts("expired")) == 1
    assert world.scripts["dhan"].logins == 0
    assert world.scheduler.next_login() is None


def test_an_expiry_is_told_once_over_restarts() -> None:
    world = World(indian(19), dhan="assisted")
    world.hold("dhan", indian(20))

    world.go_to(indian(20, 0, 2))
    world.restart()
    world.go_to(indian(20, 10), step=30)

    [expired] = world.alerts("expired")
    assert expired.at == indian(20)


def test_an_expiry_that_a_login_under_way_mends_is_not_told() -> None:
    world = World(indian(8, 40), dhan="auto")
    world.hold("dhan", indian(8, 45, 5))
    world.executor.holds = True

    world.go_to(indian(8, 45, 30))
    world.executor.release()
    world.go_to(indian(8, 46))

    assert world.alerts("expired") == []
    assert world.scripts["dhan"].logins == 1


def test_an_expiry_that_a_login_mends_while_the_store_is_read_is_not_told() -> None:
    world = World(indian(8, 40), dhan="auto")
    world.hold("dhan", indian(8, 45, 3))
    world.executor.holds = True

    class Slow(TokenService):
        def standings(self, names: Sequence[str]) -> dict[str, Standing]:
            found = super().standings(names)
            if self.clock.now() >= indian(8, 45, 3):
                world.executor.release()
            return found

    world.restart(Slow)

    world.go_to(indian(8, 46))

    assert world.alerts("expired") == []
    assert world.scripts["dhan"].logins == 1


def test_an_automatic_login_comes_in_the_morning_of_a_day_that_trades() -> None:
    world = World(indian(5, day=4), dhan="auto")  # Friday
    world.hold("dhan", indian(8, 45, day=4))

    world.go_to(indian(9, 30, day=7), step=20)  # Monday

    granted = [row.at for row in world.store.history("dhan")]
    assert [ist(at).strftime("%a %H:%M") for at in reversed(granted)] == ["Fri 08:45", "Mon 08:45"]


def test_the_next_login_is_known_beforehand() -> None:
    world = World(indian(10), dhan="auto", second="auto")
    world.hold("dhan", indian(8, day=1))
    world.hold("second", indian(9, day=2))

    world.sweep()

    assert world.scheduler.next_login() == (indian(8, 45, day=1), "dhan")
    assert world.scheduler.last_sweep == world.clock.monotonic()


def test_a_morning_that_was_missed_is_made_up_at_start() -> None:
    world = World(indian(11), dhan="auto")

    world.sweep()

    assert world.scripts["dhan"].logins == 1


def test_a_hanging_login_is_started_once_and_disturbs_no_other_account() -> None:
    world = World(indian(8, 44), dhan="auto", other="auto")
    world.executor.holds = True
    world.go_to(indian(8, 50))
    assert len(world.executor.held) == 2
    hanging, working = world.executor.held
    world.executor.held = [hanging]

    working()
    world.go_to(indian(8, 54))

    assert sorted(world.scripts[name].logins for name in ("dhan", "other")) == [0, 1]
    assert world.executor.held == [hanging]


def test_a_broker_that_does_not_answer_is_tried_again_until_it_does() -> None:
    world = World(indian(8, 44), dhan="auto")
    world.scripts["dhan"].login = [BrokerUnreachable("no answer")] * 4

    world.go_to(indian(9, 0))

    assert world.scripts["dhan"].logins == 5
    assert world.tokens.held("dhan") is not None


def test_a_refused_login_is_not_repeated_by_sweeping() -> None:
    world = World(indian(8, 44), dhan="auto")
    world.scripts["dhan"].login = [LoginRejected("wrong PIN")] * 99

    world.go_to(indian(15), step=5)

    assert world.scripts["dhan"].logins == 1


def test_a_login_that_is_held_back_is_not_asked_for_in_every_sweep() -> None:
    world = World(indian(8, 45), dhan="auto")
    asked: list[float] = []

    class Refusing(TokenService):
        def refresh(self, name: str, *, who: str, replace: bool = False, force: bool = False) -> NoReturn:
            asked.append(self.clock.monotonic())
            raise HeldBack("not now")

    world.restart(Refusing)

    world.go_to(indian(11), step=1)

    assert len(asked) < 20
    assert all(later - earlier >= 5 for earlier, later in pairwise(asked))


def test_an_assisted_account_is_asked_for_every_ten_minutes_until_it_is_done() -> None:
    world = World(indian(8), zerodha="assisted")

    world.go_to(indian(8, 40), step=1)
    world.hold("zerodha", indian(6, day=1))
    world.go_to(indian(10), step=1)

    asked = world.alerts("ask")
    assert [ist(alert.at).strftime("%H:%M") for alert in asked] == ["08:15", "08:25", "08:35"]
    assert [alert.facts["nth"] for alert in asked] == [1, 2, 3]
    assert all(alert.loud for alert in asked)


def test_an_assisted_account_is_not_asked_for_after_trading_has_started() -> None:
    world = World(indian(8), zerodha="assisted")

    world.go_to(indian(11), step=5)

    *earlier, last = world.alerts("ask")
    assert ist(last.at).strftime("%H:%M") == "09:05"
    assert last.facts["last"]
    assert not any(alert.facts["last"] for alert in earlier)


@pytest.mark.parametrize("begins", [indian(8), indian(8, 17), indian(8, 54, 50), indian(8, 56)])
def test_the_proof_is_an_asking_and_makes_the_only_sound_around_its_time(begins: datetime) -> None:
    world = World(begins, zerodha="assisted")
    world.prover.not_ready = {"zerodha"}

    world.go_to(indian(9, 10), step=5)

    moments = [alert.at for alert in world.alerts("ask")]
    assert len(world.alerts("proof")) == 1
    assert all(moment < indian(8, 50) or moment >= indian(9) for moment in moments)
    assert moments[-1] == indian(9, 5)


def test_reminders_are_numbered_by_what_was_said() -> None:
    world = World(indian(8, 37), zerodha="assisted")

    world.go_to(indian(9, 10), step=5)
    world.go_to(indian(8, 30, day=1), step=30)

    assert [alert.facts["nth"] for alert in world.alerts("ask")] == [1, 2, 3, 1, 2]


def test_an_expiry_that_meets_a_refused_login_is_one_message_with_the_refusal() -> None:
    world = World(indian(8, 40), dhan="auto")
    world.hold("dhan", indian(8, 45))
    world.scripts["dhan"].login = [LoginRejected("wrong PIN")]

    world.go_to(indian(8, 50), step=1)

    assert world.alerts("expired") == []
    [refused] = world.alerts("refused")
    assert refused.facts["expires_at"] == indian(8, 45).isoformat(timespec="seconds")


def test_an_expiry_soon_after_a_refusal_was_told_makes_no_second_sound_and_says_what_holds_logins_back() -> None:
    world = World(indian(8, 40), dhan="auto")
    world.hold("dhan", indian(8, 50))
    world.scripts["dhan"].login = [LoginRejected("wrong PIN")]

    world.go_to(indian(8, 51), step=1)

    [expired] = world.alerts("expired")
    assert not expired.loud
    assert expired.facts["held_back"] == "wrong PIN"


def test_an_expiry_long_after_a_refusal_is_loud() -> None:
    world = World(indian(8, 40), dhan="auto")
    world.hold("dhan", indian(9, 30))
    world.scripts["dhan"].login = [LoginRejected("wrong PIN")]

    world.go_to(indian(9, 31), step=1)

    [expired] = world.alerts("expired")
    assert expired.loud


@pytest.mark.parametrize("reason", ["holiday", "paused", "token lasts"])
def test_an_assisted_account_is_not_asked_for_without_need(reason: str) -> None:
    world = World(indian(8, day=21 if reason == "holiday" else 0), zerodha="assisted")  # 26 January
    if reason == "paused":
        world.tokens.pause("zerodha")
    if reason == "token lasts":
        world.hold("zerodha", indian(16))

    world.go_to(world.clock.now() + 2 * HOUR, step=10)

    assert world.alerts("ask") == []


def test_a_restart_does_not_ask_again_at_once() -> None:
    world = World(indian(8), zerodha="assisted")
    world.go_to(indian(8, 16))

    world.restart()
    world.go_to(indian(8, 24))

    assert len(world.alerts("ask")) == 1


def test_live_tokens_are_probed_every_quarter_of_an_hour_while_there_is_trading() -> None:
    world = World(indian(8), dhan="auto")
    world.hold("dhan", indian(23))
    probes = []
    world.scripts["dhan"].during_profile = lambda: probes.append(world.clock.now())

    world.go_to(indian(20), step=5)

    assert len(probes) in {25, 26}
    assert all(indian(9, 15) <= at <= indian(15, 31) for at in probes)
    assert all(
        abs(later - earlier - timedelta(minutes=15)) < timedelta(seconds=10) for earlier, later in pairwise(probes)
    )


def test_probes_are_spread_and_a_restart_does_not_bring_them_all_at_once() -> None:
    names = [f"account-{number}" for number in range(100)]
    world = World(indian(11), None, **dict.fromkeys(names, "auto"))
    for name in names:
        world.hold(name, indian(23))
    world.executor.holds = True

    world.sweep()
    at_start = len(world.executor.held)
    world.go_to(indian(11, 15), step=5)

    assert at_start < 20
    assert len(world.executor.held) == 100


def test_a_token_found_dead_is_replaced_once() -> None:
    world = World(indian(10), dhan="auto")
    world.hold("dhan", indian(23))
    world.scripts["dhan"].live = "made by another program"

    world.go_to(indian(11), step=5)
    world.scripts["dhan"].live = "made by another program again"
    world.go_to(indian(15), step=5)

    assert world.scripts["dhan"].logins == 1
    assert [alert.facts["replaced"] for alert in world.alerts("intruder")] == [True, False]


def test_the_accounts_are_proved_once_before_the_market_opens() -> None:
    world = World(indian(8, 50), dhan="auto", paused="auto")
    world.tokens.pause("paused")

    world.go_to(indian(8, 55, 2))
    world.restart()
    world.go_to(indian(12), step=5)

    assert world.prover.asked == [["dhan", "paused"]]
    assert len(world.alerts("proof")) == 2


def test_what_was_not_ready_is_proved_again_until_it_is_and_told_once() -> None:
    world = World(indian(8, 50), good="auto", bad="auto")
    world.prover.not_ready = {"bad"}
    world.go_to(indian(8, 58))
    told_before = len(world.alerts("proof"))

    world.prover.not_ready = set()
    world.go_to(indian(9, 30))

    assert told_before == 2
    assert world.prover.asked[0] == ["bad", "good"] or world.prover.asked[0] == ["good", "bad"]
    assert all(names == ["bad"] for names in world.prover.asked[1:])
    assert [alert.account for alert in world.alerts("proof")[2:]] == ["bad"]


def test_what_is_never_ready_is_not_proved_again_once_the_market_is_open() -> None:
    world = World(indian(8, 50), bad="auto")
    world.prover.not_ready = {"bad"}

    world.go_to(indian(9, 16))
    asked = len(world.prover.asked)
    world.go_to(indian(11), step=5)

    assert asked > 2
    assert len(world.prover.asked) == asked
    assert len(world.alerts("proof")) == 1


@pytest.mark.parametrize(
    ("start", "proved"), [(indian(10, 10), True), (indian(10, 20), False), (indian(9, day=21), False)]
)
def test_a_missed_proof_is_made_up_in_the_first_hour_of_trading(start: datetime, *, proved: bool) -> None:
    world = World(start, dhan="assisted")

    world.go_to(world.clock.now() + timedelta(seconds=3))

    assert bool(world.prover.asked) is proved


def test_the_proof_waits_for_logins_under_way_but_not_for_ever() -> None:
    world = World(indian(9), dhan="auto")
    world.executor.holds = True

    world.go_to(indian(9, 1))
    assert len(world.executor.held) == 1
    world.go_to(indian(9, 3))

    assert len(world.executor.held) == 2


def test_a_proof_that_fails_is_tried_again() -> None:
    world = World(indian(8, 54), dhan="assisted")
    world.prover.fails = 2

    world.go_to(indian(9), step=5)

    assert len(world.prover.asked) == 3
    assert len(world.alerts("proof")) == 1


def test_a_full_disk_does_not_repeat_what_was_told() -> None:
    world = World(indian(8, 47), dhan="assisted")
    world.hold("dhan", indian(10))
    world.store.refuses_writes = True

    world.go_to(indian(8, 58))

    assert len(world.alerts("warning")) == 1
    assert len(world.alerts("ask")) == 1
    assert len(world.alerts("proof")) == 1


def test_what_could_not_be_told_is_told_in_a_later_sweep() -> None:
    world = World(indian(17), dhan="assisted")
    world.hold("dhan", indian(20))
    world.sweep()
    world.tell_fails = True
    world.clock.go_to(indian(18))
    with pytest.raises(RuntimeError):
        world.scheduler.sweep()

    world.tell_fails = False
    world.go_to(indian(18, 0, 2))

    assert len(world.alerts("warning")) == 1


def test_what_the_disk_did_not_take_is_written_when_it_takes_it_again_and_not_told_after_a_restart() -> None:
    world = World(indian(16), dhan="assisted")
    world.hold("dhan", indian(20))
    world.store.refuses_writes = True
    world.go_to(indian(18, 30))

    world.store.refuses_writes = False
    world.go_to(indian(18, 32))
    written = world.store.writes
    world.go_to(indian(19, 30))

    assert world.store.writes == written, "once is enough"
    world.restart()
    world.go_to(indian(19, 59))
    assert len(world.alerts("warning")) == 1


def test_a_later_warning_stands_over_one_that_the_disk_did_not_take() -> None:
    world = World(indian(17), dhan="assisted")
    world.hold("dhan", indian(20))
    world.store.refuses_writes = True
    world.go_to(indian(18, 0, 30))
    world.store.refuses_writes = False
    world.hold("dhan", indian(20, 1))

    world.go_to(indian(18, 5))
    world.restart()
    world.go_to(indian(18, 30))

    assert len(world.alerts("warning")) == 2
    assert world.store.note("dhan").warned_for == indian(20, 1)


def test_one_account_that_cannot_be_looked_at_disturbs_no_other() -> None:
    class Faulty(TokenService):
        def standing(self, name: str) -> Standing:
            if name == "bad":
                raise RuntimeError("a fault of ours")
            return super().standing(name)

        def standings(self, names: Sequence[str]) -> dict[str, Standing]:
            return {name: self.standing(name) for name in names}

    world = World(indian(17), bad="assisted", good="assisted")
    world.hold("good", indian(20))
    world.hold("bad", indian(20))
    world.restart(Faulty)

    world.go_to(indian(18, 0, 5))

    assert [warning.account for warning in world.alerts("warning")] == ["good"]


def test_an_account_whose_record_is_damaged_disturbs_no_other_and_is_looked_at_until_it_is_mended() -> None:
    world = World(indian(17), bad="assisted", good="assisted")
    world.hold("good", indian(20))
    world.hold("bad", indian(20))
    world.store.damaged = {"bad"}

    world.go_to(indian(18, 0, 5))
    assert [warning.account for warning in world.alerts("warning")] == ["good"]
    world.store.damaged = set()
    world.go_to(indian(18, 2))

    assert [warning.account for warning in world.alerts("warning")] == ["good", "bad"]


def test_a_store_that_does_not_answer_is_said_once_for_all_and_asked_again_in_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = [f"account-{number}" for number in range(9)]
    world = World(indian(18, 30), None, **dict.fromkeys(names, "assisted"))
    for name in names:
        world.hold(name, indian(20))
    world.store.is_away = True

    world.go_to(indian(18, 30, 30))
    said = [record.message for record in caplog.records if "cannot be looked at" in record.message]
    world.store.is_away = False
    world.go_to(indian(18, 31, 30))

    first = "account-0, account-1, account-2, account-3, account-4 and 4 others"
    assert said == [f"{first}: cannot be looked at: the store does not answer"]
    assert len(world.alerts("warning")) == 9


class Thousands:
    """More accounts than are looked at together, each due; and what was done whenever the store was asked."""

    def __init__(self, login: str) -> None:
        names = [f"account-{number:04}" for number in range(AT_ONCE + 1)]
        self.world = world = World(indian(8, 48), None, **dict.fromkeys(names, login))
        self.first, self.last = names[0], names[-1]
        self.asked: list[tuple[int, int]] = []
        """Of how many it was asked, and how often the first had been logged in then."""
        self.on_last: Callable[[], object] = lambda: None
        thousands = self

        class Watched(TokenService):
            def standing(self, name: str) -> Standing:
                thousands.asked.append((1, world.scripts[thousands.first].logins))
                return super().standing(name)

            def standings(self, names: Sequence[str]) -> dict[str, Standing]:
                thousands.asked.append((len(names), world.scripts[thousands.first].logins))
                if thousands.last in names:
                    thousands.on_last()
                return super().standings(names)

        world.restart(Watched)


def test_thousands_of_accounts_are_a_few_questions_to_the_store() -> None:
    thousands = Thousands("assisted")

    thousands.world.scheduler.sweep()

    assert [many for many, _ in thousands.asked] == [AT_ONCE, 1]


def test_the_first_of_thousands_does_not_wait_until_the_last_was_looked_at() -> None:
    thousands = Thousands("auto")

    thousands.world.scheduler.sweep()

    assert thousands.asked == [(AT_ONCE, 0), (1, 1)]
    assert thousands.world.scripts[thousands.last].logins == 1


def test_what_cannot_be_told_of_the_first_thousands_keeps_no_other_waiting() -> None:
    thousands = Thousands("assisted")
    world = thousands.world
    world.tell_fails = True

    def mend() -> None:
        world.tell_fails = False

    thousands.on_last = mend
    with pytest.raises(RuntimeError):
        world.scheduler.sweep()
    assert [alert.account for alert in world.alerts("ask")] == [thousands.last]
    world.scheduler.sweep()

    assert len(world.alerts("ask")) == AT_ONCE + 1


def test_a_clock_set_forward_over_a_due_time_is_noticed_in_the_next_sweep() -> None:
    world = World(indian(10), dhan="assisted")
    world.hold("dhan", indian(20))
    world.sweep()

    world.clock.jump(8.5 * 3600)
    world.sweep()

    assert len(world.alerts("warning")) == 1


def test_a_clock_set_back_loses_nothing() -> None:
    world = World(indian(16), dhan="assisted")
    world.hold("dhan", indian(20))
    world.sweep()
    world.clock.jump(-5 * 3600)
    world.sweep()

    world.go_to(indian(18, 0, 1), step=30)

    assert [warning.at for warning in world.alerts("warning")] == [indian(18)]


def test_an_account_nobody_knows_is_not_looked_at() -> None:
    world = World(indian(12), dhan="assisted")

    world.scheduler.touched("gone")
    world.sweep()

    assert world.told == []


async def test_it_notices_by_itself_what_others_saved_and_stops_when_cancelled() -> None:
    world = World(indian(17), dhan="assisted")
    swept, loop = asyncio.Event(), asyncio.get_running_loop()
    world.on_tell = lambda: loop.call_soon_threadsafe(swept.set)
    running = asyncio.create_task(world.scheduler.run())

    world.store.save("dhan", world.hold("dhan", indian(18)))
    async with asyncio.timeout(10):
        await swept.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(world.alerts("warning")) == 1
