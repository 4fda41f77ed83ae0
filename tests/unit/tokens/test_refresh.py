"""A refresh: one login, kept safely, within its budget."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.budget import HeldBack
from bot.mended import still_true
from bot.store import HeldToken, StoreError
from brokers import (
    BrokerUnreachable,
    CodeRejected,
    Consent,
    ConsentRejected,
    KunjiError,
    LoginRejected,
    NotSupported,
    RateLimited,
    Secret,
    TokenRejected,
    UnexpectedReply,
    WrongClient,
)
from handlers.tokens import Refreshed
from tests.fakes import MemoryStore
from tests.unit.tokens.desk import NAME, TUESDAY_8AM, Bench


def refreshed(bench: Bench, **how: object) -> Refreshed:
    result = bench.service.refresh(NAME, **{"who": "admin", **how})  # type: ignore[arg-type]
    assert isinstance(result, Refreshed)
    return result


def held(bench: Bench) -> HeldToken:
    found = bench.store.load(NAME)
    assert found is not None
    return found


def test_a_login_is_stored_proven_with_what_programs_need() -> None:
    bench = Bench()

    result = refreshed(bench)

    assert (result.proven, result.way) == (True, "login")
    assert held(bench).proven
    assert held(bench).environment["FAKE_ACCESS_TOKEN"] == held(bench).token.value
    assert [row.outcome for row in bench.store.history(NAME)] == ["granted"]


def test_a_token_that_cannot_be_proved_is_kept_unproven() -> None:
    bench = Bench()
    bench.script.profile = [BrokerUnreachable("the broker does not answer")]

    result = refreshed(bench)

    assert not result.proven
    assert not held(bench).proven


def test_what_is_stored_before_the_proof_is_the_new_token() -> None:
    bench = Bench()
    refreshed(bench)
    first = held(bench).token.value
    bench.clock.go(3600)
    seen: list[HeldToken] = []
    bench.script.during_profile = lambda: seen.append(held(bench))

    refreshed(bench, replace=True)

    assert seen[0].token.value != first
    assert not seen[0].proven


@pytest.mark.parametrize("login", ["2000000002", ""])
def test_another_clients_token_is_never_stored(login: str) -> None:
    bench = Bench()
    bench.script.login = [login]

    with pytest.raises(WrongClient):
        bench.service.refresh(NAME, who="admin")

    assert bench.store.load(NAME) is None
    with pytest.raises(HeldBack):
        bench.service.refresh(NAME, who="schedule")


def test_a_profile_of_another_client_brings_the_earlier_token_back() -> None:
    bench = Bench()
    refreshed(bench)
    earlier = held(bench)
    bench.clock.go(3600)
    bench.script.profile = ["2000000002"]

    with pytest.raises(WrongClient):
        bench.service.refresh(NAME, who="admin", replace=True)

    assert held(bench) == earlier


def test_a_token_dead_on_arrival_is_handed_to_nobody() -> None:
    bench = Bench()
    bench.script.profile = [TokenRejected("dead")]

    with pytest.raises(TokenRejected):
        bench.service.refresh(NAME, who="admin")

    assert held(bench).rejected_at is not None


def test_twenty_threads_that_find_no_token_make_one_login() -> None:
    bench = Bench()
    gate = threading.Barrier(20)
    results: list[Refreshed] = []

    def ask() -> None:
        gate.wait()
        results.append(refreshed(bench, who="schedule"))

    bench.clock.go(3600)
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert bench.script.logins == 1
    assert len(results) == 20
    assert sum(not result.already for result in results) == 1


def test_the_schedule_leaves_a_token_alone_that_is_not_due() -> None:
    bench = Bench()
    bench.clock.go(3600)
    refreshed(bench)

    again = refreshed(bench, who="schedule")

    assert again.already
    assert bench.script.logins == 1


def test_a_token_that_outlives_todays_trading_is_replaced_only_when_asked_to() -> None:
    bench = Bench()
    bench.clock.go(3600)
    refreshed(bench)
    bench.clock.go(600)

    assert bench.service.asks_first(NAME) == held(bench).token.expires_at
    assert refreshed(bench).already
    assert not refreshed(bench, replace=True).already
    assert bench.script.logins == 2


def test_force_ends_no_good_token_once_nothing_is_held_back() -> None:
    bench = Bench()
    bench.clock.go(3600)
    bench.script.login = [LoginRejected("the PIN was refused")]
    with pytest.raises(LoginRejected):
        bench.service.refresh(NAME, who="admin")
    assert not refreshed(bench, force=True).already
    bench.clock.go(600)

    again = refreshed(bench, force=True)

    assert again.already
    assert bench.script.logins == 2


def test_a_refused_login_is_not_tried_again_by_anyone_until_a_person_forces_one() -> None:
    bench = Bench()
    bench.script.login = [LoginRejected("the PIN was refused")] * 9

    with pytest.raises(LoginRejected):
        bench.service.refresh(NAME, who="schedule")
    for who in ("schedule", "admin", "program", "command line"):
        bench.restart()
        bench.clock.go(86400)
        with pytest.raises(HeldBack, match="PIN was refused"):
            bench.service.refresh(NAME, who=who)

    assert bench.script.logins == 1
    assert bench.kinds() == ["refused"]
    with pytest.raises(LoginRejected):
        bench.service.refresh(NAME, who="admin", force=True)
    with pytest.raises(HeldBack):
        bench.service.refresh(NAME, who="admin")
    assert bench.script.logins == 2


def test_a_refused_code_gets_one_more_try_and_no_more() -> None:
    bench = Bench()
    bench.script.login = [CodeRejected("the code was refused")] * 9

    with pytest.raises(CodeRejected):
        bench.service.refresh(NAME, who="schedule")
    with pytest.raises(HeldBack):
        bench.service.refresh(NAME, who="schedule")

    assert bench.script.logins == 2
    assert bench.kinds() == ["refused"]


def test_a_refused_code_and_then_a_good_one_is_a_login() -> None:
    bench = Bench()
    bench.script.login = [CodeRejected("the code was refused")]

    assert not refreshed(bench).already

    assert not bench.store.note(NAME).refused
    assert [row.outcome for row in bench.store.history(NAME)] == ["granted", "CodeRejected"]


def test_two_programs_with_different_configs_do_not_forgive_each_others_refusals() -> None:
    bench = Bench()
    bench.script.login = [LoginRejected("the PIN was refused")] * 20

    for number in range(12):
        bench.fingerprint = f"config-{number % 2}"
        bench.restart()
        bench.clock.go(3600)
        with pytest.raises(KunjiError):
            bench.service.refresh(NAME, who="command line")

    assert bench.script.logins == 2


def test_forcing_allows_one_attempt_and_leaves_the_gate_shut() -> None:
    bench = Bench()
    bench.script.login = [LoginRejected("the PIN was refused"), BrokerUnreachable("down")]
    with pytest.raises(LoginRejected):
        bench.service.refresh(NAME, who="schedule")

    with pytest.raises(BrokerUnreachable):
        bench.service.refresh(NAME, who="admin", force=True)

    bench.clock.go(3600)
    with pytest.raises(HeldBack):
        bench.service.refresh(NAME, who="schedule")
    assert bench.service.next_login(NAME) is None


def test_a_pause_outlives_an_automatic_login_that_was_under_way() -> None:
    bench = Bench()
    bench.script.during_login = lambda: bench.service.pause(NAME)

    refreshed(bench, who="schedule")

    assert bench.store.note(NAME).paused


def test_a_broker_that_asks_for_a_day_of_patience_is_asked_again_within_minutes() -> None:
    bench = Bench()
    bench.clock.go(3600)
    bench.script.login = [RateLimited("too often", retry_after=86400)]
    with pytest.raises(RateLimited):
        bench.service.refresh(NAME, who="schedule")

    bench.clock.go(301)

    assert not refreshed(bench, who="schedule").already


def test_a_clock_to_report_and_a_full_disk_lose_no_granted_token() -> None:
    bench = Bench()
    store, drift = bench.store, bench.drift
    assert isinstance(store, MemoryStore)
    now = bench.clock.now() + timedelta(seconds=60)

    def trouble() -> None:
        store.refuses_writes = True
        for host in ("one", "other"):
            drift.measure(host, bench.clock.now(), bench.clock.now(), now)

    bench.script.during_login = trouble
    refreshed(bench)

    assert bench.service.held(NAME) is not None


def test_what_the_disk_refused_never_takes_the_place_of_something_newer() -> None:
    bench = Bench()
    store = bench.store
    assert isinstance(store, MemoryStore)

    def fill_the_disk() -> None:
        store.refuses_writes = True

    bench.script.during_login = fill_the_disk
    refreshed(bench)
    bench.script.during_login = lambda: None
    store.refuses_writes = False
    bench.clock.go(600)
    other = Bench(script=bench.script, clock=bench.clock, store=store)
    newer = refreshed(other, replace=True)

    bench.service.save_unsaved()

    assert held(bench).token.expires_at == newer.expires_at
    assert held(bench).token.value.reveal() == bench.script.live


def test_a_refusal_is_told_before_it_counts() -> None:
    store = MemoryStore()
    bench = Bench(store=store)

    def stop_keeping() -> None:
        store.refuses_writes = True  # as if this process were killed before it has noted what came of it

    bench.script.login, bench.script.during_login = [LoginRejected("the PIN was refused")], stop_keeping

    with pytest.raises(StoreError):
        bench.service.refresh(NAME, who="schedule")

    [refused] = [alert for alert in bench.told if alert.kind == "refused"]
    assert still_true(bench.service, refused)

    store.refuses_writes = False
    bench.script.during_login = lambda: None
    bench.script.login = [BrokerUnreachable("Fake is silent")]
    bench.restart()
    bench.clock.go(600)
    with pytest.raises(BrokerUnreachable):
        bench.service.refresh(NAME, who="schedule")
    assert bench.service.note(NAME).begun_at is None
    assert still_true(bench.service, refused)

    bench.clock.go(600)
    refreshed(bench)
    assert not still_true(bench.service, refused)


def test_a_changed_config_gets_a_new_budget() -> None:
    bench = Bench()
    bench.script.login = [LoginRejected("the PIN was refused")]
    with pytest.raises(LoginRejected):
        bench.service.refresh(NAME, who="schedule")

    bench.fingerprint = "config-2"
    bench.restart()

    assert not refreshed(bench).already


@pytest.mark.parametrize(
    "error",
    [
        BrokerUnreachable("the broker does not answer"),
        RateLimited("asked too often"),
        UnexpectedReply("nonsense"),
    ],
)
def test_silence_and_nonsense_are_waited_out_and_never_count_as_refused(error: KunjiError) -> None:
    bench = Bench()
    bench.clock.go(3600)
    bench.script.login = [error] * 500  # type: ignore[list-item]

    for _ in range(3600):
        bench.clock.go(1)
        with pytest.raises(KunjiError):
            bench.service.refresh(NAME, who="schedule")

    assert not bench.store.note(NAME).refused
    assert 12 <= bench.script.logins <= 30
    assert bench.kinds() == ["unreachable"]


def test_a_broker_that_comes_back_is_told_once() -> None:
    bench = Bench()
    bench.script.login = [BrokerUnreachable("down")] * 2
    for _ in range(2):
        bench.clock.go(601)
        with pytest.raises(BrokerUnreachable):
            bench.service.refresh(NAME, who="admin")

    refreshed(bench)

    assert bench.kinds() == ["unreachable", "reachable"]


def test_the_brokers_gap_between_logins_is_kept() -> None:
    bench = Bench()
    refreshed(bench)
    bench.clock.go(60)

    with pytest.raises(HeldBack, match="60 s") as caught:
        bench.service.refresh(NAME, who="admin", replace=True)

    assert caught.value.until == bench.clock.now() + timedelta(seconds=60)


def test_the_end_of_a_silence_does_not_hide_a_code_that_was_refused() -> None:
    bench = Bench()
    refreshed(bench)
    bench.clock.go(300)
    bench.script.login = [CodeRejected("the code was refused"), BrokerUnreachable("down")]
    with pytest.raises(BrokerUnreachable):
        bench.service.refresh(NAME, who="admin", replace=True)

    assert bench.service.probe(NAME)

    assert bench.store.note(NAME).unreachable_since is None
    assert bench.store.note(NAME).last_failure is not None


class Killed(BaseException):
    """The process is gone: nothing of ours runs any more."""


def cut_off(bench: Bench) -> None:
    """The process is killed in the middle of a login."""
    store = bench.store
    assert isinstance(store, MemoryStore)

    def die() -> None:
        store.refuses_writes = True
        raise Killed

    bench.script.during_login = die
    with pytest.raises(Killed):
        bench.service.refresh(NAME, who="schedule", replace=True)
    bench.script.during_login = lambda: None
    store.refuses_writes = False
    bench.told.clear()
    bench.restart()


def test_after_a_login_was_cut_off_the_gap_is_kept_and_then_one_more_is_made() -> None:
    bench = Bench()
    cut_off(bench)

    with pytest.raises(HeldBack):
        bench.service.refresh(NAME, who="schedule")
    assert bench.script.logins == 1
    bench.clock.go(121)
    assert not refreshed(bench, who="schedule").already
    assert bench.script.logins == 2


def test_a_stored_token_that_survived_a_cut_off_is_kept() -> None:
    bench = Bench()
    bench.clock.go(3 * 3600)
    refreshed(bench)
    bench.clock.go(22 * 3600)
    cut_off(bench)

    assert refreshed(bench, who="schedule").already

    assert bench.script.logins == 2
    assert held(bench).token.value.reveal() == bench.script.live


def test_logins_that_are_cut_off_again_and_again_stop_by_themselves() -> None:
    bench = Bench()
    for _ in range(2):
        cut_off(bench)
        bench.clock.go(3600)

    for _ in range(5):
        bench.clock.go(3600)
        with pytest.raises(HeldBack):
            bench.service.refresh(NAME, who="schedule")

    assert bench.script.logins == 2
    assert [alert.facts["cut_off"] for alert in bench.told if alert.kind == "refused"] == [True]


def test_waiting_for_a_totp_window_can_be_given_up_at_no_cost() -> None:
    bench = Bench()
    login = bench.script.login

    for _ in range(5):
        bench.script.before_login = interrupted
        with pytest.raises(KeyboardInterrupt):
            bench.service.refresh(NAME, who="command line")
        bench.script.before_login = lambda: None
        bench.restart()

    assert login == []
    assert not refreshed(bench, who="schedule").already


def test_what_others_ask_the_broker_while_a_totp_window_is_awaited_begins_no_login() -> None:
    bench = Bench()
    refreshed(bench)
    bench.clock.go(3600)

    def asked_meanwhile() -> None:
        with ThreadPoolExecutor(1) as others:
            assert others.submit(bench.service.probe, NAME).result()
        raise Killed

    bench.script.before_login = asked_meanwhile
    with pytest.raises(Killed):
        bench.service.refresh(NAME, who="admin", replace=True)

    assert bench.service.note(NAME).begun_at is None


def interrupted() -> None:
    raise KeyboardInterrupt


def test_a_cut_off_login_is_followed_by_a_probe_until_one_has_an_answer() -> None:
    bench = Bench()
    bench.clock.go(3 * 3600)
    refreshed(bench)
    bench.clock.go(22 * 3600)
    cut_off(bench)
    bench.script.profile = [BrokerUnreachable("down")]

    with pytest.raises(BrokerUnreachable):
        bench.service.refresh(NAME, who="schedule")
    bench.restart()

    assert refreshed(bench, who="schedule").already
    assert bench.script.logins == 2


def test_a_token_the_disk_will_not_take_is_served_from_memory_and_kept_later() -> None:
    bench = Bench()
    assert isinstance(bench.store, MemoryStore)
    store = bench.store

    def fill_the_disk() -> None:
        store.refuses_writes = True

    bench.script.during_login = fill_the_disk
    result = refreshed(bench)

    assert result.proven
    found = bench.service.held(NAME)
    assert found is not None
    assert bench.service.standings([NAME])[NAME].held == found
    assert "store" in bench.kinds()
    store.refuses_writes = False
    bench.service.save_unsaved()
    assert store.load(NAME) == found


def test_nothing_is_sent_to_a_broker_while_the_store_refuses() -> None:
    bench = Bench()
    assert isinstance(bench.store, MemoryStore)
    bench.store.refuses_writes = True

    with pytest.raises(KunjiError, match="disk is full"):
        bench.service.refresh(NAME, who="schedule")

    assert bench.script.logins == 0


def test_a_renewable_token_is_renewed_rather_than_replaced() -> None:
    bench = Bench()
    bench.script.renewable = True
    refreshed(bench)
    bench.clock.go(3600 * 23)

    result = refreshed(bench)

    assert result.way == "renew"
    assert (bench.script.logins, bench.script.renewals) == (1, 1)


def test_a_dead_token_is_replaced_once_a_day_and_then_the_admin_is_told() -> None:
    bench = Bench()
    bench.clock.go(3600 * 2)
    refreshed(bench)

    bench.clock.go(900)
    bench.script.live = "somebody else's"
    assert not bench.service.probe(NAME)
    refreshed(bench, who="schedule")
    bench.clock.go(900)
    bench.script.live = "somebody else's again"
    assert not bench.service.probe(NAME)

    with pytest.raises(HeldBack, match="another program"):
        bench.service.refresh(NAME, who="schedule")
    assert not bench.service.probe(NAME)
    assert bench.script.logins == 2
    assert [(a.kind, a.facts["replaced"]) for a in bench.told] == [("intruder", True), ("intruder", False)]
    assert not refreshed(bench, who="admin").already


def test_an_ordinary_morning_login_is_not_taken_for_an_intruders() -> None:
    bench = Bench()
    bench.clock.go(2 * 3600)
    refreshed(bench)
    bench.clock.go(8 * 3600)
    bench.script.live = "somebody else's, in the evening"
    assert not bench.service.probe(NAME)

    bench.clock.go(15 * 3600)
    refreshed(bench, who="schedule")
    bench.clock.go(3600)
    bench.script.live = "somebody else's, in the morning"
    assert not bench.service.probe(NAME)

    assert not refreshed(bench, who="schedule").already
    assert [alert.facts["replaced"] for alert in bench.told if alert.kind == "intruder"] == [True]


def test_a_dead_token_that_nothing_replaces_is_told() -> None:
    bench = Bench()
    bench.clock.go(2 * 3600)
    refreshed(bench)
    bench.service.pause(NAME)
    bench.script.live = "somebody else's"

    bench.service.probe(NAME)
    bench.service.probe(NAME)

    assert bench.kinds() == ["dead"]


def test_a_dead_token_that_a_refusal_keeps_from_being_replaced_is_told_with_the_refusal() -> None:
    bench = Bench()
    bench.clock.go(2 * 3600)
    refreshed(bench)
    bench.clock.go(300)
    bench.script.login = [LoginRejected("the PIN was refused")]
    with pytest.raises(LoginRejected):
        bench.service.refresh(NAME, who="admin", replace=True)
    bench.script.live = "somebody else's"

    bench.service.probe(NAME)

    [dead] = bench.told
    assert (dead.kind, dead.facts["held_back"]) == ("dead", "the PIN was refused")


def test_a_replacement_that_is_dead_on_arrival_is_told_and_not_tried_again_today() -> None:
    bench = Bench()
    bench.clock.go(2 * 3600)
    bench.script.profile = [TokenRejected("dead")]

    with pytest.raises(TokenRejected):
        bench.service.refresh(NAME, who="schedule")
    bench.clock.go(600)

    with pytest.raises(HeldBack):
        bench.service.refresh(NAME, who="schedule")
    assert bench.kinds() == ["dead"]
    assert bench.script.logins == 1


def test_a_renewal_that_is_not_allowed_asks_for_no_consent_by_itself() -> None:
    bench = Bench(login="assisted")
    bench.script.renewable = True
    bench.service.answer(NAME, Secret("answer"), who="admin")
    bench.clock.go(24 * 3600 - 300)
    bench.script.login = [NotSupported("this kind of token is not renewed")] * 9

    for _ in range(5):
        bench.clock.go(30)
        with suppress(KunjiError):
            bench.service.refresh(NAME, who="schedule")

    assert bench.script.renewals == 1
    assert not held(bench).token.renewable
    assert bench.service.next_login(NAME) is None


class TestConsent:
    CONSENT = Consent("https://fake.example/login", "the address you land on", TUESDAY_8AM + timedelta(hours=12), True)

    def opened(self) -> Bench:
        bench = Bench(login="assisted")
        bench.script.login = [self.CONSENT]
        assert bench.service.refresh(NAME, who="admin") == self.CONSENT
        return bench

    def test_an_open_one_is_given_again(self) -> None:
        bench = self.opened()

        assert bench.service.refresh(NAME, who="admin") == self.CONSENT

        assert bench.script.logins == 1

    def test_its_answer_becomes_a_token_and_closes_it(self) -> None:
        bench = self.opened()

        result = bench.service.answer(NAME, Secret("answer"), who="admin")

        assert (result.way, result.proven) == ("exchange", True)
        assert bench.store.note(NAME).consent is None

    def test_three_failed_exchanges_close_it(self) -> None:
        bench = self.opened()
        bench.script.login = [ConsentRejected("too old")] * 3

        for left in (True, True, False):
            with pytest.raises(ConsentRejected):
                bench.service.answer(NAME, Secret("answer"), who="admin")
            assert (bench.store.note(NAME).consent is not None) == left

    def test_what_cannot_be_an_answer_asks_no_broker(self) -> None:
        bench = self.opened()

        with pytest.raises(ConsentRejected):
            bench.service.answer(NAME, Secret("good morning"), who="admin")

        assert bench.script.exchanges == 0
        assert bench.store.note(NAME).consent is not None

    def test_a_login_with_the_wrong_client_closes_it_and_the_next_one_counts(self) -> None:
        bench = self.opened()
        bench.script.login = ["2000000002", self.CONSENT]

        with pytest.raises(WrongClient):
            bench.service.answer(NAME, Secret("answer"), who="admin")
        assert bench.service.refresh(NAME, who="admin") == self.CONSENT

        assert bench.service.answer(NAME, Secret("answer"), who="admin").proven

    def test_a_broker_that_is_down_does_not_close_it(self) -> None:
        bench = self.opened()
        bench.script.login = [BrokerUnreachable("down")] * 3

        for _ in range(3):
            with pytest.raises(BrokerUnreachable):
                bench.service.answer(NAME, Secret("answer"), who="admin")

        assert bench.service.consent(NAME) is not None

    def test_it_runs_out(self) -> None:
        bench = self.opened()

        bench.clock.go(12 * 3600 + 1)

        assert bench.service.consent(NAME) is None

    def test_after_a_refused_key_a_forced_one_is_opened_and_answered(self) -> None:
        bench = Bench(login="assisted")
        bench.script.login = [LoginRejected("the key was refused"), self.CONSENT]
        with pytest.raises(LoginRejected):
            bench.service.refresh(NAME, who="admin")
        with pytest.raises(HeldBack):
            bench.service.refresh(NAME, who="admin")

        assert bench.service.refresh(NAME, who="admin", force=True) == self.CONSENT

        assert bench.service.answer(NAME, Secret("answer"), who="admin").proven

    def test_a_forced_one_takes_one_answer_to_the_broker_and_no_more(self) -> None:
        bench = self.opened()
        bench.script.login = [CodeRejected("wrong")] * 2
        for _ in range(2):
            with pytest.raises(CodeRejected):
                bench.service.answer(NAME, Secret("answer"), who="admin")
        with pytest.raises(HeldBack):
            bench.service.answer(NAME, Secret("answer"), who="admin")
        bench.script.login = [self.CONSENT, CodeRejected("wrong")]
        assert bench.service.refresh(NAME, who="admin", force=True) == self.CONSENT

        with pytest.raises(CodeRejected):
            bench.service.answer(NAME, Secret("answer"), who="admin")
        with pytest.raises(HeldBack):
            bench.service.answer(NAME, Secret("answer"), who="admin")

        assert bench.script.exchanges == 3

    def test_a_consent_that_failed_is_not_given_again(self) -> None:
        bench = self.opened()
        bench.script.login = [ConsentRejected("too old"), replace(self.CONSENT, url="https://fake.example/other")]
        with pytest.raises(ConsentRejected):
            bench.service.answer(NAME, Secret("answer"), who="admin")

        second = bench.service.refresh(NAME, who="admin")

        assert isinstance(second, Consent)
        assert second.url == "https://fake.example/other"


def test_a_logout_forgets_the_token_and_pauses_the_account() -> None:
    bench = Bench()
    refreshed(bench)

    result = bench.service.logout(NAME, who="admin")

    assert not result.revoked
    assert result.lives_until is not None
    assert bench.store.load(NAME) is None
    assert bench.service.next_login(NAME) is None
    bench.clock.go(600)
    assert not refreshed(bench).already
    assert not bench.store.note(NAME).paused
