"""A holder that was paused for longer than its lease: what somebody else has begun meanwhile stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot import budget
from bot.store import AccountNote, HeldToken, Refused, Superseded
from brokers import BrokerUnreachable, LoginRejected
from tests.fakes import MemoryStore
from tests.unit.tokens.desk import NAME, TUESDAY_8AM, Bench

THEIRS = TUESDAY_8AM + timedelta(seconds=70)


class Contested(MemoryStore):
    """A store in which somebody else can take the account from whoever holds its lock."""

    is_taken_over = False

    def save(self, account: str, held: HeldToken) -> None:
        self._check()
        super().save(account, held)

    def update(
        self, changes: dict[str, Callable[[AccountNote], AccountNote]], *, holding: str | None = None
    ) -> dict[str, AccountNote]:
        if holding is not None:
            self._check()
        return super().update(changes)

    def _check(self) -> None:
        if self.is_taken_over:
            raise Superseded("another process took this account over")


@pytest.fixture
def store() -> Contested:
    return Contested()


@pytest.fixture
def bench(store: Contested) -> Bench:
    return Bench(store=store)


def take_over(store: Contested) -> None:
    """And begin a login."""
    store.update({NAME: lambda note: budget.begun(budget.settled(note, "config-1"), THEIRS)})
    store.is_taken_over = True


def test_whoever_comes_too_late_to_begin_leaves_no_trace(bench: Bench, store: Contested) -> None:
    bench.script.before_login = lambda: take_over(store)

    with pytest.raises(Superseded):
        bench.service.refresh(NAME, who="schedule")

    assert bench.script.logins == 0
    assert store.note(NAME) == AccountNote(begun_at=THEIRS)
    assert bench.told == []


def test_a_refusal_that_comes_too_late_counts_as_cut_off_and_ends_nobody_elses_login(
    bench: Bench, store: Contested
) -> None:
    bench.script.during_login = lambda: take_over(store)
    bench.script.login = [LoginRejected("wrong PIN")]

    with pytest.raises(LoginRejected):
        bench.service.refresh(NAME, who="schedule")

    assert store.note(NAME).begun_at == THEIRS
    assert store.note(NAME).refused == {"config-1": Refused(1, budget.CUT_OFF)}
    assert bench.told == []


def test_a_refusal_heard_before_anybody_took_it_for_cut_off_ends_what_was_begun(bench: Bench, store: Contested) -> None:
    def lose_the_account() -> None:
        store.is_taken_over = True

    bench.script.during_login = lose_the_account
    bench.script.login = [LoginRejected("wrong PIN")]

    with pytest.raises(LoginRejected):
        bench.service.refresh(NAME, who="schedule")

    assert store.note(NAME).begun_at is None
    assert store.note(NAME).refused == {"config-1": Refused(2, "wrong PIN")}
    assert bench.kinds() == ["refused"]


def test_a_grant_that_comes_too_late_ends_nobody_elses_login(bench: Bench, store: Contested) -> None:
    bench.script.during_login = lambda: take_over(store)
    bench.script.profile = [BrokerUnreachable("the broker does not answer")]

    bench.service.refresh(NAME, who="admin")

    assert store.note(NAME).begun_at == THEIRS
    assert store.load(NAME) is None


def test_whoever_comes_too_late_takes_nobody_elses_login_for_one_that_was_cut_off(
    bench: Bench, store: Contested
) -> None:
    take_over(store)

    with pytest.raises(Superseded):
        bench.service.refresh(NAME, who="schedule")

    assert store.note(NAME) == AccountNote(begun_at=THEIRS)
    assert bench.script.logins == 0
