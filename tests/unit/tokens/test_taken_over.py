"""A holder that was paused for longer than its lease: what somebody else has begun meanwhile stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.store import AccountNote, HeldToken, Superseded
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
    store.update({NAME: lambda note: replace(note, begun_at=THEIRS)})
    store.is_taken_over = True


def test_whoever_comes_too_late_to_begin_leaves_no_trace(bench: Bench, store: Contested) -> None:
    bench.script.before_login = lambda: take_over(store)

    with pytest.raises(Superseded):
        bench.service.refresh(NAME, who="schedule")

    assert bench.script.logins == 0
    assert store.note(NAME) == AccountNote(begun_at=THEIRS)
    assert bench.told == []


def test_a_refusal_that_comes_too_late_counts_and_ends_nobody_elses_login(bench: Bench, store: Contested) -> None:
    bench.script.during_login = lambda: take_over(store)
    bench.script.login = [LoginRejected("wrong PIN")]

    with pytest.raises(LoginRejected):
        bench.service.refresh(NAME, who="schedule")

    assert store.note(NAME).begun_at == THEIRS
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
