"""What every store must do. A store's own test module subclasses `StoreSuite` and says how to open one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.store import HISTORY_KEPT, LockBusy, Store, StoreError
from bot.store.records import AccountNote, BotNote
from tests.unit.store.samples import NOW, held, item, row


class StoreSuite:
    def open(self, place: Path) -> Store:
        """A new store object for the same place, as another process would make it."""
        raise NotImplementedError

    def swap(self, place: Path, kind: str, account: str, other: str) -> None:
        """Put the other's record into the place of the account's, past the store. `kind`: tokens or notes."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = self.open(tmp_path)
        yield store
        store.close()

    @pytest.fixture
    def other(self, store: Store, tmp_path: Path) -> Iterator[Store]:
        other = self.open(tmp_path)
        yield other
        other.close()

    def test_what_is_saved_is_what_anybody_loads(self, store: Store, other: Store) -> None:
        store.save("dhan", held())

        assert store.load("dhan") == held()
        assert other.load("dhan") == held()

    def test_a_new_store_holds_nothing(self, store: Store) -> None:
        assert store.load("dhan") is None
        assert store.accounts() == []
        assert store.note("dhan") == AccountNote()
        assert store.bot_note() == BotNote()
        assert store.queued() == []
        assert store.history("dhan") == []

    def test_a_later_token_takes_the_place_of_the_earlier_one(self, store: Store, other: Store) -> None:
        store.save("dhan", held("one"))
        assert other.load("dhan") == held("one")

        store.save("dhan", held("two"))

        assert other.load("dhan") == held("two")

    def test_a_deleted_token_is_forgotten_and_deleting_it_again_does_nothing(self, store: Store, other: Store) -> None:
        store.save("dhan", held())
        store.save("zerodha", held())

        store.delete("dhan")
        other.delete("dhan")

        assert store.load("dhan") is None
        assert other.accounts() == ["zerodha"]

    def test_accounts_are_sorted(self, store: Store) -> None:
        for account in ("kotak", "dhan-wife", "dhan"):
            store.save(account, held())

        assert store.accounts() == ["dhan", "dhan-wife", "kotak"]

    def test_what_is_taken_and_given_is_a_copy(self, store: Store) -> None:
        given = held()
        store.save("dhan", given)
        _scribble(given.environment)
        _scribble(given.token.extra)

        loaded = store.load("dhan")
        assert loaded is not None
        _scribble(loaded.environment)
        _scribble(loaded.token.extra)

        assert store.load("dhan") == held()

    def test_notes_are_changed_together(self, store: Store, other: Store) -> None:
        other.update({"dhan": lambda note: replace(note, failures=3)})

        after = store.update(
            {
                "dhan": lambda note: replace(note, failures=note.failures + 1),
                "kotak": lambda note: replace(note, retry_at=NOW),
            }
        )

        assert after == {"dhan": AccountNote(failures=4), "kotak": AccountNote(retry_at=NOW)}
        assert other.note("dhan") == after["dhan"]
        assert other.note("kotak") == after["kotak"]

    def test_a_change_that_fails_changes_no_note(self, store: Store) -> None:
        def fail(note: AccountNote) -> AccountNote:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.update({"dhan": lambda note: replace(note, paused=True), "kotak": fail})

        assert store.note("dhan") == AccountNote()

    def test_a_change_that_fails_disturbs_nobody_else(self, store: Store) -> None:
        outcomes: list[str] = []

        def change(number: int) -> None:
            try:
                store.update({"dhan": lambda note: replace(note, failures=note.failures + 1 // (number % 2))})
            except ZeroDivisionError:
                outcomes.append("failed")

        _together(change, 10)

        assert store.note("dhan").failures == 5
        assert outcomes == ["failed"] * 5

    def test_accounts_looked_at_together_are_as_each_is_by_itself(self, store: Store, other: Store) -> None:
        store.save("dhan", held())
        other.update({name: lambda note: replace(note, failures=3) for name in ("dhan", "kotak")})
        store.save("kotak", held())
        other.delete("kotak")

        found = store.tokens_and_notes(["zerodha", "kotak", "dhan"])

        noted = AccountNote(failures=3)
        assert found == {"zerodha": (None, AccountNote()), "kotak": (None, noted), "dhan": (held(), noted)}
        assert store.tokens_and_notes([]) == {}

    def test_of_a_thousand_accounts_none_is_left_out(self, store: Store) -> None:
        names = [f"account-{number}" for number in range(1001)]
        store.update({name: lambda note: replace(note, failures=3) for name in names})
        store.save(names[-1], held())

        found = store.tokens_and_notes(names)

        noted = AccountNote(failures=3)
        assert found == dict.fromkeys(names, (None, noted)) | {names[-1]: (held(), noted)}

    @pytest.mark.parametrize("kind", ["tokens", "notes"])
    def test_an_account_whose_record_is_another_ones_is_left_out_alone(
        self, store: Store, tmp_path: Path, kind: str
    ) -> None:
        for name in ("dhan", "kotak"):
            store.save(name, held(name))
            store.update({name: lambda note: replace(note, failures=3)})

        self.swap(tmp_path, kind, "dhan", "kotak")

        assert store.tokens_and_notes(["dhan", "kotak", "zerodha"]).keys() == {"kotak", "zerodha"}
        with pytest.raises(StoreError, match="the record of dhan cannot be read"):
            _ = store.load("dhan"), store.note("dhan")

    def test_what_is_given_of_many_is_a_copy(self, store: Store) -> None:
        store.save("dhan", held())
        [(loaded, _)] = store.tokens_and_notes(["dhan"]).values()
        assert loaded is not None
        _scribble(loaded.environment)
        _scribble(loaded.token.extra)

        assert store.tokens_and_notes(["dhan"])["dhan"][0] == held()

    def test_the_bots_own_note_is_kept(self, store: Store, other: Store) -> None:
        store.update_bot(lambda note: replace(note, locked=True, supergroups={"-5": -105}))

        assert other.bot_note() == BotNote(locked=True, supergroups={"-5": -105})

    def test_messages_wait_in_the_order_they_came(self, store: Store, other: Store) -> None:
        first, second = store.queue([item(1), item(2)])
        (third,) = other.queue([item(3)])

        assert first < second < third
        assert store.queued() == [(first, item(1)), (second, item(2)), (third, item(3))]

    def test_a_settled_message_is_replaced_or_gone(self, store: Store, other: Store) -> None:
        sent, failed = store.queue([item(1), item(2)])
        tried = replace(item(2), tries=1)

        store.settle({sent: None, failed: tried})

        assert other.queued() == [(failed, tried)]

    def test_settling_what_is_gone_does_not_bring_it_back(self, store: Store, other: Store) -> None:
        (number,) = store.queue([item()])
        other.settle({number: None})

        store.settle({number: replace(item(), tries=1)})

        assert store.queued() == []

    def test_a_message_that_lies_there_is_left_out_where_it_is_to_lie_there_once(
        self, store: Store, other: Store
    ) -> None:
        marked = replace(item(1), mark="one")
        store.queue([marked], once=True)

        other.queue([marked, item(2), item(2)], once=True)

        assert [waiting for _, waiting in store.queued()] == [marked, item(2), item(2)]

    def test_a_message_can_be_queued_anew_under_its_mark(self, store: Store, other: Store) -> None:
        marked = replace(item(), mark="one")
        store.settle(dict.fromkeys(store.queue([marked], once=True)))

        other.queue([marked])

        assert [waiting for _, waiting in store.queued()] == [marked]

    def test_a_messages_number_is_never_given_again(self, store: Store, tmp_path: Path) -> None:
        (number,) = store.queue([item()])
        store.settle({number: None})

        (after_restart,) = self.open(tmp_path).queue([item()])

        assert after_restart > number

    def test_history_gives_the_newest_rows_of_one_account_first(self, store: Store, other: Store) -> None:
        store.record(row("dhan", 1))
        other.record(row("dhan", 2))
        store.record(row("kotak", 3))

        assert store.history("dhan") == [row("dhan", 2), row("dhan", 1)]
        assert other.history("dhan", limit=1) == [row("dhan", 2)]

    def test_history_can_be_written_anew_and_goes_on_from_there(self, store: Store, other: Store) -> None:
        for minute in range(3):
            store.record(row("dhan", minute))

        store.rewrite_history("dhan", [row("dhan", 9), row("dhan", 8)])
        other.record(row("dhan", 10))

        assert store.history("dhan") == [row("dhan", 10), row("dhan", 9), row("dhan", 8)]
        store.rewrite_history("dhan", [])
        assert other.history("dhan") == []

    def test_every_account_of_which_anything_is_kept_is_known(self, store: Store, other: Store) -> None:
        assert store.known() == []

        store.save("token-only", held())
        store.update({"note-only": lambda note: replace(note, paused=True)})
        store.record(row("history-only"))
        store.update_bot(lambda note: replace(note, locked=True))
        store.queue([item()])

        assert other.known() == ["history-only", "note-only", "token-only"]

    def test_history_forgets_the_oldest_rows(self, store: Store) -> None:
        for minute in range(HISTORY_KEPT + 3):
            store.record(row(minute=minute))

        kept = store.history("dhan")
        assert len(kept) == HISTORY_KEPT
        assert (kept[0], kept[-1]) == (row(minute=HISTORY_KEPT + 2), row(minute=3))

    def test_an_account_is_held_by_one_at_a_time(self, store: Store, other: Store) -> None:
        with store.lock("dhan", timeout=1), pytest.raises(LockBusy), other.lock("dhan", timeout=0):
            pass

        with other.lock("dhan", timeout=0):
            pass

    def test_an_account_is_held_by_one_thread_at_a_time(self, store: Store) -> None:
        inside: list[int] = []
        most: list[int] = []

        def hold(number: int) -> None:
            with store.lock("dhan", timeout=20):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

        _together(hold, 8)

        assert most == [1] * 8

    def test_accounts_do_not_wait_for_each_other(self, store: Store) -> None:
        with store.lock("dhan", timeout=0), store.lock("dhan-wife", timeout=0):
            pass

    def test_a_name_that_is_no_name_is_refused(self, store: Store) -> None:
        for name in ("", "../dhan", "a/b", "dhan\n", "x" * 100):
            with pytest.raises(StoreError):
                store.save(name, held())
            with pytest.raises(StoreError):
                store.record(row(name))
            with pytest.raises(StoreError):
                store.lock(name, 0)

    def test_derived_keys_depend_on_the_purpose_and_nothing_else(self, store: Store, other: Store) -> None:
        assert store.derive("buttons") == other.derive("buttons")
        assert store.derive("buttons") != store.derive("fingerprints")
        assert len(store.derive("buttons")) == 32

    def test_changes_by_anyone_are_told_once(self, store: Store, other: Store) -> None:
        store.save("dhan", held("one"))
        assert store.changes(0) == {"dhan"}

        other.save("dhan", held("two"))
        other.save("kotak", held())
        store.delete("kotak")
        store.save("zerodha", held())

        # What was saved and deleted in between may be told, too.
        assert store.changes(0) - {"kotak"} == {"dhan", "zerodha"}
        assert store.changes(0) == set()

    def test_a_deletion_is_a_change(self, store: Store, other: Store) -> None:
        store.save("dhan", held())
        store.changes(0)

        other.delete("dhan")

        assert store.changes(0) == {"dhan"}

    def test_a_store_opened_later_is_told_of_later_changes_only(self, store: Store, tmp_path: Path) -> None:
        store.save("dhan", held())

        assert self.open(tmp_path).changes(0) == set()

    def test_who_waits_for_a_change_is_woken_by_it(self, store: Store, other: Store) -> None:
        found: list[set[str]] = []
        waiting = threading.Thread(target=lambda: found.append(store.changes(30)))
        waiting.start()

        other.save("dhan", held())
        waiting.join(20)

        assert found == [{"dhan"}]

    def test_closing_ends_the_wait_for_changes(self, store: Store) -> None:
        found: list[set[str]] = []
        waiting = threading.Thread(target=lambda: found.append(store.changes(30)))
        waiting.start()

        store.close()
        waiting.join(20)

        assert found == [set()]

    def test_threads_and_store_objects_writing_together_lose_nothing(self, store: Store, other: Store) -> None:
        def write(number: int) -> None:
            for _ in range(5):
                (store, other)[number % 2].update({"dhan": lambda note: replace(note, failures=note.failures + 1)})
                (store, other)[number % 2].queue([item(number)])
            store.save(f"account-{number}", held(str(number)))

        _together(write, 8)

        assert store.note("dhan").failures == 40
        assert len(other.queued()) == 40
        assert [other.load(f"account-{number}") for number in range(8)] == [held(str(n)) for n in range(8)]

    def test_a_store_that_can_be_read_and_written_passes_its_check(self, store: Store) -> None:
        store.save("dhan", held())

        store.check()


def _scribble(mapping: Any) -> None:
    if isinstance(mapping, dict):
        mapping.clear()


def _together(work: Any, threads: int) -> None:
    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
