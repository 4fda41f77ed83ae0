"""A store that fails, or whose answers are lost, during an attempt: it counts once, and only if it was sent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from bot.budget import CUT_OFF, HeldBack
from bot.store import AccountNote, StoreError
from brokers import BrokerUnreachable, CodeRejected, KunjiError, LoginRejected, WrongClient
from tests.fakes import MemoryStore
from tests.unit.tokens.desk import NAME, TUESDAY_8AM, Bench


class Stumbling(MemoryStore):
    """`loses_answers`: what it is told it does, and says that it failed. `is_away`: nothing can be read or written.
    `changes_again`: as where an answer was lost and another writer came in between."""

    changes_again = False
    loses_answers = False
    is_away = False

    def note(self, account: str) -> AccountNote:
        if self.is_away:
            raise StoreError("the store does not answer")
        return super().note(account)

    def update(
        self, changes: dict[str, Callable[[AccountNote], AccountNote]], *, holding: str | None = None
    ) -> dict[str, AccountNote]:
        if self.is_away:
            raise StoreError("the store does not answer")
        if self.changes_again:
            super().update(changes, holding=holding)
        new = super().update(changes, holding=holding)
        if self.loses_answers:
            self.is_away = True
            raise StoreError("the store does not answer")
        return new

    def comes_back(self) -> None:
        self.is_away = self.loses_answers = self.refuses_writes = False


@pytest.fixture
def store() -> Stumbling:
    return Stumbling()


@pytest.fixture
def bench(store: Stumbling) -> Bench:
    return Bench(store=store)


def strikes(store: Stumbling) -> int:
    return sum(refused.strikes for refused in store.note(NAME).refused.values())


def refused_once(bench: Bench, when: Callable[[], None], error: KunjiError, who: str = "schedule") -> None:
    """The broker refuses, and that cannot be noted."""
    bench.script.login, bench.script.during_login = [error], when  # type: ignore[list-item]
    with pytest.raises(StoreError):
        bench.service.refresh(NAME, who=who)
    bench.script.during_login = lambda: None


def loses_answers(store: Stumbling) -> None:
    store.loses_answers = True


def goes_away(store: Stumbling) -> None:
    store.is_away = True


def fills_up(store: Stumbling) -> None:
    store.refuses_writes = True


FAULTS = [loses_answers, goes_away, fills_up]


# Begun, and never sent.


def begin_in_vain(bench: Bench, store: Stumbling) -> None:
    bench.script.before_login = lambda: loses_answers(store)
    with pytest.raises(StoreError):
        bench.service.refresh(NAME, who="schedule")
    bench.script.before_login = lambda: None
    store.comes_back()


def test_a_login_that_was_never_sent_does_not_count(bench: Bench, store: Stumbling) -> None:
    for _ in range(3):
        begin_in_vain(bench, store)
        bench.clock.go(600)

    bench.service.refresh(NAME, who="schedule")

    assert bench.script.logins == 1
    assert "refused" not in bench.kinds()


def test_what_was_noted_of_a_login_that_was_never_sent_is_taken_back_without_the_next_one(
    bench: Bench, store: Stumbling
) -> None:
    begin_in_vain(bench, store)
    assert store.note(NAME).begun_at is not None

    bench.service.save_unsaved()

    assert store.note(NAME).begun_at is None
    assert strikes(store) == 0


def test_nobody_elses_login_is_taken_back(bench: Bench, store: Stumbling) -> None:
    begin_in_vain(bench, store)
    store.update({NAME: lambda note: replace(note, begun_at=TUESDAY_8AM.replace(year=2025))})

    bench.service.save_unsaved()

    assert store.note(NAME).begun_at is not None


def test_another_host_that_finds_it_first_takes_it_for_one_that_was_cut_off(bench: Bench, store: Stumbling) -> None:
    begin_in_vain(bench, store)
    other = Bench(script=bench.script, clock=bench.clock, store=store)
    bench.clock.go(600)
    bench.script.login = [CodeRejected("the code was refused")]

    with suppress(KunjiError):
        other.service.refresh(NAME, who="schedule")
    bench.service.save_unsaved()

    assert strikes(store) == 2
    assert other.kinds() == ["refused"]


# Refused, and not noted.


@pytest.mark.parametrize("fault", FAULTS)
def test_a_refusal_whose_end_could_not_be_noted_counts_once(
    bench: Bench, store: Stumbling, fault: Callable[[Stumbling], None]
) -> None:
    refused_once(bench, lambda: fault(store), CodeRejected("the code was refused"))

    store.comes_back()
    bench.service.save_unsaved()
    bench.service.save_unsaved()

    assert strikes(store) == 1
    assert store.note(NAME).begun_at is None


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["schedule", "admin"])
def test_a_refused_pin_stops_the_account_and_is_told_once_whatever_the_store_does(
    bench: Bench, store: Stumbling, fault: Callable[[Stumbling], None], who: str
) -> None:
    refused_once(bench, lambda: fault(store), LoginRejected("the PIN was refused"), who)

    store.comes_back()
    bench.clock.go(600)
    for asking in ("schedule", "admin"):
        with pytest.raises(HeldBack, match="PIN was refused"):
            bench.service.refresh(NAME, who=asking)

    assert bench.script.logins == 1
    assert [alert.facts["reason"] for alert in bench.told if alert.kind == "refused"] == ["the PIN was refused"]


def test_a_refusal_that_another_took_for_cut_off_meanwhile_is_not_counted_again(bench: Bench, store: Stumbling) -> None:
    refused_once(bench, lambda: goes_away(store), CodeRejected("the code was refused"))
    store.comes_back()
    other = Bench(script=bench.script, clock=bench.clock, store=store)
    with pytest.raises(HeldBack, match="allows the next login"):
        other.service.refresh(NAME, who="schedule")

    bench.service.save_unsaved()

    assert strikes(store) == 1
    assert store.note(NAME).refused["config-1"].reason == CUT_OFF


def test_a_refusal_counts_once_also_where_the_store_makes_a_change_again(bench: Bench, store: Stumbling) -> None:
    def change_it_again() -> None:
        store.changes_again = True

    bench.script.during_login = change_it_again
    bench.script.login = [CodeRejected("the code was refused"), BrokerUnreachable("the broker does not answer")]

    with pytest.raises(BrokerUnreachable):
        bench.service.refresh(NAME, who="schedule")

    assert [bench.script.logins, strikes(store)] == [2, 1]


def test_a_refusal_that_is_forgotten_with_the_process_counts_once(bench: Bench, store: Stumbling) -> None:
    refused_once(bench, lambda: goes_away(store), CodeRejected("the code was refused"))
    store.comes_back()
    bench.restart()

    with pytest.raises(HeldBack, match="allows the next login"):
        bench.service.refresh(NAME, who="schedule")

    assert strikes(store) == 1


def test_a_probe_that_finds_another_clients_token_ends_no_login_that_is_under_way(
    bench: Bench, store: Stumbling
) -> None:
    bench.service.refresh(NAME, who="admin")
    store.update({NAME: lambda note: replace(note, begun_at=bench.clock.now())})
    bench.script.profile = ["2000000002"]

    with pytest.raises(WrongClient):
        bench.service.probe(NAME)

    assert store.note(NAME).begun_at == bench.clock.now()
    assert strikes(store) == 2


# Granted, and not noted.


@pytest.mark.parametrize("fault", FAULTS)
def test_a_grant_whose_end_could_not_be_noted_is_not_taken_for_one_that_was_cut_off(
    bench: Bench, store: Stumbling, fault: Callable[[Stumbling], None]
) -> None:
    bench.script.during_login = lambda: fault(store)
    bench.service.refresh(NAME, who="admin")

    store.comes_back()
    bench.service.save_unsaved()

    assert store.note(NAME).begun_at is None
    assert store.note(NAME).last_grant is not None
    assert strikes(store) == 0
