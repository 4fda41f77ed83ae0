"""Moving a store to a server and back: everything arrives, the source stays as it is, and nothing is mixed."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from bot.moving import MoveRefused, copy, move, read, refuse_unfinished
from bot.store import HISTORY_KEPT, AccountNote, HistoryRow, Refused, Store, StoreError, open_place, open_store
from brokers import Secret
from kunji._seal import write_ring
from tests.fakes import MemoryStore
from tests.redis_server import RedisServer, redis_server
from tests.unit.store.samples import KEY, NOW, OTHER_KEY, held, item, row


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config folder with a store that has something of everything."""
    made = tmp_path / "config"
    made.mkdir(mode=0o700)
    with closing(open_store(made, environment={})) as store:
        fill(store)
    return made


def fill(store: Store) -> None:
    for account in ("dhan", "kotak"):
        store.save(account, held(f"token-{account}"))
    store.save("dead", held("token-dead", hours=-1))
    store.update({"dhan": lambda note: replace(note, refused={"print": Refused(1, "PIN refused")})})
    store.update({"never-logged-in": lambda note: replace(note, paused=True)})
    store.update_bot(lambda note: replace(note, locked=True, salt=Secret("salt")))
    store.queue([item(kind=kind) for kind in ("first", "second", "third")])
    store.settle({2: None})
    for minute in range(HISTORY_KEPT + 3):
        store.record(row("gone", minute))
    store.record(row("dhan"))


def now() -> datetime:
    return NOW


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.parent.name != "locks"}


def opened(folder: Path, place: str | None = None) -> Store:
    return open_store(folder, place, environment={}, now=now)


def test_what_was_in_a_folder_is_then_on_the_server_and_the_folder_as_it_was(folder: Path, server: RedisServer) -> None:
    before = files(folder)

    moved = move(folder, None, server.address, now, {})

    assert files(folder) == before
    with closing(opened(folder, server.address)) as store:
        found = read(store)
        assert store.load("dhan") == held("token-dhan")
        assert store.note("never-logged-in") == AccountNote(paused=True)
        assert store.history("gone") == [row("gone", minute) for minute in range(HISTORY_KEPT + 2, 2, -1)]
        assert [waiting.alerts[0].kind for _, waiting in store.queued()] == ["first", "third"]
        refuse_unfinished(store)
    assert found.bot == moved.whole.bot
    assert found.notes == moved.whole.notes
    assert found.tokens["dead"].token.expires_at == moved.whole.tokens["dead"].token.expires_at


def test_there_and_back_again_nothing_is_lost_but_what_is_secret_of_dead_tokens(
    folder: Path, server: RedisServer, tmp_path: Path
) -> None:
    there = move(folder, None, server.address, now, {}).whole

    back = move(folder, server.address, str(tmp_path / "back"), now, {}).whole

    assert back._replace(tokens={}) == there._replace(tokens={})
    assert {name: token for name, token in back.tokens.items() if name != "dead"} == {
        name: token for name, token in there.tokens.items() if name != "dead"
    }
    with closing(opened(folder, str(tmp_path / "back"))) as store:
        assert read(store) == back
        assert [number for number, _ in store.queued()] == sorted(number for number, _ in store.queued())


def test_doing_it_again_changes_nothing(folder: Path, server: RedisServer) -> None:
    first = move(folder, None, server.address, now, {})
    writes = server.client.get("kunji:writes")

    again = move(folder, None, server.address, now, {})

    assert again == first
    assert server.client.get("kunji:writes") == writes


def test_a_target_that_a_command_has_only_looked_at_is_no_hindrance(folder: Path, server: RedisServer) -> None:
    with closing(opened(folder, server.address)) as store:
        store.update_bot(lambda note: replace(note, salt=Secret("another"), config_fingerprints={"a": "b"}))

    move(folder, None, server.address, now, {})

    with closing(opened(folder, server.address)) as store:
        assert store.bot_note().salt == Secret("salt")


@pytest.mark.parametrize("what", ["a token", "a note", "history", "a message"])
def test_a_target_that_holds_anything_else_is_left_alone(folder: Path, server: RedisServer, what: str) -> None:
    with closing(opened(folder, server.address)) as store:
        {
            "a token": lambda: store.save("zerodha", held()),
            "a note": lambda: store.update({"dhan": lambda note: replace(note, paused=True)}),
            "history": lambda: store.record(row()),
            "a message": lambda: store.queue([item()]),
        }[what]()
        before = read(store)

        with pytest.raises(MoveRefused, match="holds something already"):
            move(folder, None, server.address, now, {})

        assert read(store) == before


def test_an_unfinished_copy_is_gone_on_with_from_the_same_store_only(
    folder: Path, server: RedisServer, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with closing(open_store(other, key=KEY, environment={})) as store:
        store.save("dhan", held())
    with closing(open_place(server.address, lambda: KEY, now)) as store:
        store.update_bot(lambda note: replace(note, moving_from="elsewhere:/.kunji"))
        store.save("left-over", held())

    with pytest.raises(MoveRefused, match="copy of another store"):
        move(other, None, server.address, now, {"KUNJI_KEY": write_ring(KEY)})


def test_an_unfinished_copy_is_worked_with_by_nobody_and_moved_nowhere(
    folder: Path, server: RedisServer, tmp_path: Path
) -> None:
    with closing(opened(folder, server.address)) as store:
        store.update_bot(lambda note: replace(note, moving_from="elsewhere:/.kunji"))
        with pytest.raises(StoreError, match="a copy that is not finished"):
            refuse_unfinished(store)

    with pytest.raises(StoreError, match="a copy that is not finished"):
        move(folder, server.address, str(tmp_path / "back"), now, {})


def test_what_was_deleted_between_two_tries_does_not_stay_in_the_copy(folder: Path, server: RedisServer) -> None:
    move(folder, None, server.address, now, {})
    with closing(opened(folder, server.address)) as store:
        store.update_bot(lambda note: replace(note, moving_from=_name_of(folder)))
        store.save("deleted-since", held())
        store.queue([item()])

    move(folder, None, server.address, now, {})

    with closing(opened(folder)) as here, closing(opened(folder, server.address)) as there:
        assert there.accounts() == here.accounts()
        assert read(there).outbox == read(here).outbox


def test_a_bot_that_runs_with_either_store_is_in_the_way(folder: Path, server: RedisServer) -> None:
    with closing(opened(folder)) as store, store.lock("_run", 0.0), pytest.raises(MoveRefused, match="runs with"):
        move(folder, None, server.address, now, {})
    with closing(opened(folder, server.address)) as store:
        crew = store.crew()
        assert crew is not None
        crew.attend()

        with pytest.raises(MoveRefused, match=r"kunji on \S+ \(\d+\) runs with the store at redis://"):
            move(folder, None, server.address, now, {})

        crew.leave()
    move(folder, None, server.address, now, {})


def test_a_damaged_record_is_named_and_nothing_of_the_rest_is_taken_for_all(folder: Path, server: RedisServer) -> None:
    path = folder / ".kunji" / "history" / "dhan.json"
    path.write_bytes(path.read_bytes().replace(b'"sealed":"', b'"sealed":"A', 1))

    with pytest.raises(StoreError, match=r"dhan\.json is damaged"):
        move(folder, None, server.address, now, {})

    with closing(opened(folder, server.address)) as store:
        assert read(store).tokens == {}


def test_where_there_is_no_store_nothing_is_moved_and_nothing_begun(tmp_path: Path, server: RedisServer) -> None:
    with pytest.raises(MoveRefused, match="there is no store at"):
        move(tmp_path, None, server.address, now, {"KUNJI_KEY": write_ring(KEY)})
    with pytest.raises(MoveRefused, match="there is no store at"):
        move(tmp_path, server.address, str(tmp_path / "back"), now, {"KUNJI_KEY": write_ring(KEY)})

    assert server.client.keys() == []
    assert not (tmp_path / "back").exists()


def test_a_store_is_not_moved_to_where_it_is(folder: Path) -> None:
    with pytest.raises(MoveRefused, match="where the store lies already"):
        move(folder, None, str(folder / ".kunji" / ".." / ".kunji"), now, {})


def test_the_key_goes_to_where_it_is_looked_for_then(tmp_path: Path, server: RedisServer) -> None:
    folder, elsewhere = tmp_path, str(tmp_path / "elsewhere")
    with closing(open_store(folder, elsewhere, environment={})) as store:
        fill(store)

    move(folder, elsewhere, server.address, now, {})

    key = folder / ".kunji" / "kunji.key"
    assert key.read_bytes() == (tmp_path / "elsewhere" / "kunji.key").read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600


def test_another_key_that_lies_there_is_in_the_way(tmp_path: Path, server: RedisServer) -> None:
    folder, elsewhere = tmp_path, str(tmp_path / "elsewhere")
    for place in (elsewhere, None):
        with closing(open_store(folder, place, environment={})) as store:
            store.save("dhan", held())

    with pytest.raises(MoveRefused, match="is another key than that of"):
        move(folder, elsewhere, server.address, now, {})

    assert server.client.keys() == []


def test_a_server_that_is_sealed_with_another_key_is_left_alone(folder: Path, server: RedisServer) -> None:
    with closing(open_place(server.address, lambda: OTHER_KEY, now)):
        before = server.client.get("kunji:life")

    with pytest.raises(StoreError, match="the key does not fit"):
        move(folder, None, server.address, now, {})

    assert server.client.get("kunji:life") == before
    assert server.client.get("kunji:kept") is None


def test_nothing_on_the_server_says_a_secret(folder: Path, server: RedisServer) -> None:
    move(folder, None, server.address, now, {})

    raw = " ".join(str(server.client.dump(key)) for key in server.client.scan_iter())

    assert "token-dhan" not in raw
    assert "PIN refused" not in raw
    assert str(folder) not in raw


def test_what_changes_in_the_source_meanwhile_is_told_and_comes_along_the_next_time(
    folder: Path, server: RedisServer
) -> None:
    with closing(opened(folder)) as store:

        def a_login_ends() -> datetime:
            store.save("zerodha", held())
            return NOW

        with pytest.raises(StoreError, match="the token of zerodha"):
            move(folder, None, server.address, a_login_ends, {})

    assert "zerodha" in move(folder, None, server.address, now, {}).whole.tokens


class Forgetful(MemoryStore):
    """Says it has kept what it has not."""

    def rewrite_history(self, account: str, rows: Sequence[HistoryRow]) -> None:
        """Nothing."""


def test_a_copy_that_is_not_what_it_should_be_is_told_by_what_is_missing(folder: Path) -> None:
    with (
        closing(opened(folder)) as store,
        pytest.raises(StoreError, match="the history of dhan, the history of gone"),
    ):
        copy(store, Forgetful(), now)


@pytest.mark.long
@pytest.mark.parametrize("back", [False, True])
def test_killed_at_any_moment_the_same_command_brings_it_to_its_end(
    folder: Path, server: RedisServer, tmp_path: Path, back: bool
) -> None:
    if back:
        move(folder, None, server.address, now, {})
    for number in range(60):
        source, target = (server.address, str(tmp_path / f"back-{number}")) if back else (None, _emptied(server))
        _kill_while_moving(folder, source, target, after=timedelta(milliseconds=1.5 * number))

        moved = move(folder, source, target, now, {})

        with closing(opened(folder, target)) as store:
            assert read(store)._replace(tokens={}) == moved.whole._replace(tokens={})
            assert store.accounts() == ["dead", "dhan", "kotak"]
            refuse_unfinished(store)


def _emptied(server: RedisServer) -> str:
    server.client.flushall()
    return server.address


def _kill_while_moving(folder: Path, source: str | None, target: str, after: timedelta) -> None:
    child = os.fork()
    if child == 0:
        move(folder, source, target, now, {})
        os._exit(0)
    Event().wait(after.total_seconds())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _name_of(folder: Path) -> str:
    return f"{socket.gethostname()}:{(folder / '.kunji').resolve()}"
