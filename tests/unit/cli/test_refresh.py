"""A token that `kunji refresh` was granted is kept before the command says so, or it says that it is not."""

from __future__ import annotations

import pytest

from bot.cli._tokens import keep
from brokers import KunjiError
from tests.fakes import MemoryStore
from tests.unit.tokens.desk import NAME, Bench


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def granted(store: MemoryStore) -> Bench:
    """A login after which the store took nothing."""
    bench = Bench(store=store)
    bench.script.during_login = lambda: setattr(store, "refuses_writes", True)
    bench.service.refresh(NAME, who="command line")
    assert store.load(NAME) is None
    return bench


def test_what_the_store_did_not_take_at_first_is_kept(granted: Bench, store: MemoryStore) -> None:
    store.refuses_writes = False

    keep(granted.service)

    assert store.load(NAME) is not None


def test_what_the_store_does_not_take_is_no_success(granted: Bench) -> None:
    with pytest.raises(KunjiError, match="could not be kept: the disk is full"):
        keep(granted.service, patience=0)
