"""Whatever is done in whatever order, the store holds what a few dictionaries would hold."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.store import Store, open_store
from bot.store.records import AccountNote, HeldToken, HistoryRow, OutboxItem
from bot.store.redis import open_server
from kunji._redis import parse
from tests.redis_server import RedisServer, redis_server
from tests.unit.store import samples
from tests.unit.store.samples import KEY

LONG_AGO = datetime(1980, 1, 1, tzinfo=UTC)
_ACCOUNTS = st.sampled_from(["dhan", "dhan-wife", "kotak"])


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.opened = ExitStack()
        self.store = self._opened()
        self.held: dict[str, HeldToken] = {}
        self.notes: dict[str, AccountNote] = {}
        self.outbox: dict[int, OutboxItem] = {}
        self.rows: list[HistoryRow] = []
        self.highest = 0

    def _opened(self) -> Store:
        return self.opened.enter_context(closing(open_store(Path(self.folder.name), key=KEY, environment={})))

    def teardown(self) -> None:
        self.opened.close()
        self.folder.cleanup()

    @rule()
    def restart(self) -> None:
        self.store = self._opened()

    @rule(account=_ACCOUNTS, held=samples.helds, other=st.booleans())
    def save(self, account: str, held: HeldToken, other: bool) -> None:
        (self._opened() if other else self.store).save(account, held)
        self.held[account] = held

    @rule(account=_ACCOUNTS)
    def delete(self, account: str) -> None:
        self.store.delete(account)
        self.held.pop(account, None)

    @rule(notes=st.dictionaries(_ACCOUNTS, samples.notes), other=st.booleans())
    def update(self, notes: dict[str, AccountNote], other: bool) -> None:
        (self._opened() if other else self.store).update({account: _become(note) for account, note in notes.items()})
        self.notes |= notes

    @rule(items=st.lists(samples.items, max_size=3))
    def queue(self, items: list[OutboxItem]) -> None:
        ids = self.store.queue(items)
        assert ids == sorted(set(ids))
        assert not ids or ids[0] > self.highest
        self.highest = max([self.highest, *ids])
        self.outbox |= dict(zip(ids, items, strict=True))

    @rule(data=st.data(), item=st.none() | samples.items)
    def settle(self, data: st.DataObject, item: OutboxItem | None) -> None:
        if not self.outbox:
            return
        number = data.draw(st.sampled_from(sorted(self.outbox)))
        self.store.settle({number: item})
        if item is None:
            del self.outbox[number]
        else:
            self.outbox[number] = item

    @rule(row=samples.rows)
    def record(self, row: HistoryRow) -> None:
        self.store.record(row)
        self.rows.append(row)

    @invariant()
    def same(self) -> None:
        assert {account: self.store.load(account) for account in self.store.accounts()} == self.held
        assert all(self.store.note(account) == note for account, note in self.notes.items())
        known = sorted({*self.held, *self.notes})
        expected = {account: (self.held.get(account), self.notes.get(account, AccountNote())) for account in known}
        assert self.store.tokens_and_notes(known) == expected
        assert self.store.queued() == sorted(self.outbox.items())
        for account in {row.account for row in self.rows}:
            assert self.store.history(account) == [row for row in reversed(self.rows) if row.account == account]


def _become(note: AccountNote) -> Callable[[AccountNote], AccountNote]:
    return lambda _: note


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


class ModelOnAServer(Model):
    server: RedisServer

    def _opened(self) -> Store:
        # No token that is saved has expired: of those the server keeps no value.
        return self.opened.enter_context(
            closing(open_server(parse(self.server.address), lambda: KEY, now=lambda: LONG_AGO))
        )

    def teardown(self) -> None:
        super().teardown()
        self.server.client.flushall()


class TestModelOnAServer(ModelOnAServer.TestCase):  # type: ignore[misc, name-defined]
    settings = settings(max_examples=15, stateful_step_count=15, deadline=None)

    @pytest.fixture(autouse=True)
    def _server(self, tmp_path: Path) -> Iterator[None]:
        with redis_server(tmp_path) as ModelOnAServer.server:
            yield
