"""A refresh: one login, kept safely, within its budget."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.budget import HeldBack
from bot.store import HeldToken
from brokers import (
    BrokerUnreachable,
    CodeRejected,
    Consent,
    ConsentRejected,
    KunjiError,
    LoginRejected,
    RateLimited,
    Secret,
    TokenRejected,
    UnexpectedReply,
    WrongClient,
)
from handlers.tokens import Refreshed
from tests.fakes import MemoryStore
from tests.unit.tokens.desk import NAME, Bench


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

    assert bench.store.note(NAME).strikes == 0
    assert [row.outcome for row in bench.store.history(NAME)] == ["granted", "CodeRejected"]


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

    assert bench.store.note(NAME).strikes == 0
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


def cut_off(bench: Bench) -> None:
    """The process dies in the middle of a login."""

    def die() -> None:
        raise KeyboardInterrupt

    bench.script.during_login = die
    with pytest.raises(KeyboardInterrupt):
        bench.service.refresh(NAME, who="schedule", replace=True)
    bench.script.during_login = lambda: None
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


class TestConsent:
    CONSENT = Consent("https://fake.example/login", "the address you land on", asks_totp=True)

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
