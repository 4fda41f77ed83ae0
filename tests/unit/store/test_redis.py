"""The store on a server does what every store does, against a real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from redis.exceptions import ResponseError

from bot.store import LEASE, AccountNote, LockBusy, Store, StoreAway, StoreError, Superseded
from bot.store.redis import open_server
from bot.store.redis._server import Server, Waits
from bot.store.redis._tokens import OUTLIVES
from brokers import Secret
from kunji._errors import StoreAway as Away
from kunji._redis import in_words, parse
from kunji._seal import FORMAT, Ring, new_key
from tests.certificates import certificate
from tests.fakes import FakeClock
from tests.redis_proxy import cut_to
from tests.redis_server import RedisServer, free_port, redis_server
from tests.unit.store.samples import KEY, NOW, held, item, row
from tests.unit.store.suite import StoreSuite
from tests.waiting import eventually

T = TypeVar("T")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


_opened: list[Store] = []


@pytest.fixture(autouse=True)
def _empty(server: RedisServer) -> Iterator[None]:
    server.roomy()
    server.client.flushall()
    yield
    while _opened:
        _opened.pop().close()


class TestRedisStore(StoreSuite):
    @pytest.fixture(autouse=True)
    def _server(self, server: RedisServer) -> None:
        self.address, self.client = server.address, server.client

    def open(self, place: Path) -> Store:
        return opened(self.address)

    def swap(self, place: Path, kind: str, account: str, other: str) -> None:
        if kind == "tokens":
            self.client.set(f"kunji:token:{account}", str(self.client.get(f"kunji:token:{other}")))
        else:
            self.client.hset("kunji:notes", account, str(self.client.hget("kunji:notes", other)))

    def test_a_message_that_was_sent_is_not_queued_again_where_it_is_to_lie_there_once(
        self, store: Store, other: Store
    ) -> None:
        marked = replace(item(), mark="one")
        store.settle(dict.fromkeys(store.queue([marked], once=True)))

        other.queue([marked], once=True)

        assert store.queued() == []

    def test_a_thousand_accounts_are_a_few_questions(self, store: Store, server: RedisServer) -> None:
        names = [f"account-{number}" for number in range(1000)]
        before = commands(server)

        store.tokens_and_notes(names)

        assert commands(server) - before < 20

    def test_a_token_that_has_expired_is_known_among_many_as_it_is_by_itself(self, server: RedisServer) -> None:
        clock = FakeClock(NOW)
        store = opened(self.address, now=clock.now)
        for name in ("dhan", "kotak"):
            store.save(name, held(hours=1 if name == "dhan" else 20))
            server.client.delete(f"kunji:token:{name}")  # as the server does it when the time is up
        clock.go(3600)

        found = store.tokens_and_notes(["dhan", "kotak"])

        assert found == {name: (store.load(name), AccountNote()) for name in ("dhan", "kotak")}
        assert [held is not None for held, _ in found.values()] == [True, False]

    @pytest.mark.parametrize("damage", ["", "no number", "7", "7 ", "-1 x", "\u00b2 x"])
    def test_a_record_that_is_none_is_refused_and_keeps_no_other_from_being_looked_at(
        self, store: Store, server: RedisServer, damage: str
    ) -> None:
        store.save("kotak", held())
        server.client.set("kunji:token:dhan", damage)
        server.client.hset("kunji:notes", "zerodha", damage)

        found = store.tokens_and_notes(["dhan", "kotak", "zerodha"])

        assert found == {"kotak": (held(), AccountNote())}
        with pytest.raises(StoreError, match="the record of dhan cannot be read"):
            store.load("dhan")
        with pytest.raises(StoreError, match="the record of zerodha cannot be read"):
            store.note("zerodha")

    def test_a_token_is_gone_from_the_server_when_it_has_expired_and_what_is_known_of_it_stays(
        self, server: RedisServer, tmp_path: Path
    ) -> None:
        clock = FakeClock(NOW)
        store = opened(self.address, now=clock.now)
        held_now = held()
        store.save("dhan", held_now)
        left = (held_now.token.expires_at - NOW).total_seconds()
        assert left < server.client.pttl("kunji:token:dhan") / 1000 <= left + OUTLIVES

        server.client.delete("kunji:token:dhan")  # as the server does it when the time is up
        clock.go(left)

        remains = store.load("dhan")
        assert remains is not None
        assert (remains.token.expires_at, remains.broker) == (held_now.token.expires_at, held_now.broker)
        assert (remains.token.value.reveal(), remains.environment, remains.headers) == ("", {}, {})
        assert store.accounts() == ["dhan"]

    def test_a_token_that_is_gone_before_its_time_is_none(self, store: Store, server: RedisServer) -> None:
        store.save("dhan", held())

        server.client.delete("kunji:token:dhan")

        assert store.load("dhan") is None

    def test_the_server_never_holds_anything_in_clear(self, store: Store, server: RedisServer) -> None:
        secret = held("in-clear-nowhere")
        store.save("dhan", secret)
        store.update({"dhan": lambda note: replace(note, last_failure="in-clear-nowhere")})
        store.update_bot(lambda note: replace(note, salt=Secret("in-clear-nowhere")))
        store.queue([replace(item(), parked="in-clear-nowhere")])
        store.record(replace(row("dhan"), outcome="in-clear-nowhere"))

        lying = everything(server)

        assert "in-clear-nowhere" not in lying
        assert secret.token.client_id not in lying

    def test_another_key_is_told_at_once_and_changes_nothing(self, store: Store, server: RedisServer) -> None:
        store.save("dhan", held())
        before = everything(server)

        with pytest.raises(StoreError, match="the key does not fit"):
            opened(self.address, key=new_key)

        assert everything(server) == before

    def test_a_store_of_a_newer_version_is_left_alone(self, store: Store, server: RedisServer) -> None:
        server.client.set("kunji:life", f"{FORMAT + 1} whatever")
        before = everything(server)

        with pytest.raises(StoreError, match="newer version"):
            self.open(Path())

        assert everything(server) == before

    def test_records_cannot_be_swapped(self, store: Store, server: RedisServer) -> None:
        store.save("dhan", held("one"))
        store.save("kotak", held("two"))

        server.client.set("kunji:token:dhan", str(server.client.get("kunji:token:kotak")))

        with pytest.raises(StoreError, match="cannot be read"):
            store.load("dhan")

    def test_what_is_known_of_a_dead_token_cannot_stand_for_the_token(self, store: Store, server: RedisServer) -> None:
        store.save("dhan", held())

        server.client.set("kunji:token:dhan", str(server.client.hget("kunji:kept", "dhan")))

        with pytest.raises(StoreError, match="cannot be read"):
            store.load("dhan")

    def test_who_lost_the_lock_while_paused_saves_nothing_over_a_newer_token(
        self, store: Store, other: Store, server: RedisServer
    ) -> None:
        with store.lock("dhan", timeout=0):
            server.client.delete("kunji:lock:dhan")  # as the server does it when the lease is over
            with other.lock("dhan", timeout=0):
                other.save("dhan", held("newer"))

            with pytest.raises(Superseded):
                store.save("dhan", held("older"))
            with pytest.raises(Superseded):
                store.delete("dhan")
            with pytest.raises(Superseded):
                store.update({"dhan": lambda note: replace(note, begun_at=NOW)}, holding="dhan")

        assert store.load("dhan") == held("newer")
        assert store.note("dhan") == AccountNote()

    def test_a_lease_that_ended_unnoticed_still_counts_if_nobody_took_the_lock(
        self, store: Store, server: RedisServer
    ) -> None:
        with store.lock("dhan", timeout=0):
            server.client.delete("kunji:lock:dhan")

            store.save("dhan", held())

        assert store.load("dhan") == held()

    def test_who_could_not_save_a_token_keeps_the_lock_until_it_is_saved(
        self, store: Store, other: Store, server: RedisServer
    ) -> None:
        with store.lock("dhan", timeout=0):
            server.full()
            with pytest.raises(StoreAway):
                store.save("dhan", held())
        with pytest.raises(StoreAway), store.lock("dhan", timeout=0):
            pass
        server.roomy()

        with pytest.raises(LockBusy), other.lock("dhan", timeout=0):
            pass
        with store.lock("dhan", timeout=0):
            store.save("dhan", held())

        with other.lock("dhan", timeout=0):
            assert other.load("dhan") == held()

    def test_an_outage_longer_than_a_lease_takes_no_lock_from_whoever_waits_for_its_end(
        self, server: RedisServer
    ) -> None:
        waits = Waits(answer=0.2, refused=0.01)
        store, other = (opened(self.address, lease=0.3, waits=waits) for _ in range(2))
        with store.lock("dhan", timeout=0):
            server.pause()
            for silent in (lambda: store.save("dhan", held()), other.check):
                with pytest.raises(StoreAway):
                    silent()
        time.sleep(0.3)  # a lease

        server.go_on()
        with pytest.raises(LockBusy):
            again_when_back(lambda: other.lock("dhan", timeout=0).__enter__())

        with again_when_back(lambda: store.lock("dhan", timeout=0)):
            store.save("dhan", held())
        assert other.load("dhan") == held()

    def test_who_has_nothing_left_to_save_lets_go_of_the_lock(
        self, store: Store, other: Store, server: RedisServer
    ) -> None:
        with store.lock("dhan", timeout=0):
            server.full()
            with pytest.raises(StoreAway):
                store.save("dhan", held())
            server.roomy()
            store.delete("dhan")

        with other.lock("dhan", timeout=0):
            pass

    def test_a_lock_is_renewed_for_as_long_as_it_is_held(self, server: RedisServer) -> None:
        store = opened(self.address, lease=0.3)
        with store.lock("dhan", timeout=0):
            owner, renewed = server.client.get("kunji:lock:dhan"), 0
            for _ in range(3):
                eventually(lambda: server.client.pttl("kunji:lock:dhan") < 220)
                eventually(lambda: server.client.pttl("kunji:lock:dhan") > 220)
                renewed += 1

            assert (server.client.get("kunji:lock:dhan"), renewed) == (owner, 3)
        assert server.client.get("kunji:lock:dhan") is None

    def test_what_was_written_without_an_answer_counts_once(self, server: RedisServer) -> None:
        with cut_to(server.port) as cut:
            store = opened(server.at(cut.port))
            store.record(
                row("kotak")
            )  # the server has to know the script, or its answer is awaited before anything is done
            cut.half_open(answers_only=True)
            writing = threading.Thread(target=store.record, args=(row("dhan"),))
            writing.start()
            eventually(lambda: server.client.llen("kunji:history:dhan") == 1)

            cut.mend()
            cut.drop()
            writing.join(20)

            assert store.history("dhan") == [row("dhan")]


class TestALoss:
    """The server comes back without what it had, or without the last of it."""

    def test_an_empty_server_is_given_back_what_was_seen(self, server: RedisServer) -> None:
        store = opened(server.address)
        store.save("dhan", held())
        store.update({"dhan": lambda note: replace(note, failures=2, windows=(1, 2))})
        store.update_bot(lambda note: replace(note, locked=True))

        server.kill()
        server.start()
        again_when_back(store.check)

        assert opened(server.address).load("dhan") == held()
        assert opened(server.address).note("dhan") == AccountNote(failures=2, windows=(1, 2))
        assert opened(server.address).bot_note().locked
        assert opened(server.address).accounts() == ["dhan"]

    def test_an_emptied_server_is_noticed_by_the_next_write(self, server: RedisServer) -> None:
        store = opened(server.address)
        store.save("dhan", held())

        server.client.flushall()
        store.update({"kotak": lambda note: replace(note, paused=True)})

        assert store.load("dhan") == held()
        assert store.note("kotak").paused

    def test_what_was_deleted_stays_deleted(self, server: RedisServer) -> None:
        store, other = opened(server.address), opened(server.address)
        store.save("dhan", held())
        assert other.load("dhan") == held()
        store.delete("dhan")

        server.kill()
        server.start()
        again_when_back(other.check)
        again_when_back(store.check)

        assert store.load("dhan") is None
        assert other.load("dhan") is None

    def test_what_another_process_deleted_stays_deleted_once_that_was_seen(self, server: RedisServer) -> None:
        store, command = opened(server.address), opened(server.address)
        store.save("dhan", held())
        command.delete("dhan")
        assert store.load("dhan") is None

        server.kill()
        server.start()
        again_when_back(store.check)

        assert store.load("dhan") is None
        assert store.accounts() == []

    def test_of_what_several_have_seen_the_newest_is_put_back(self, server: RedisServer) -> None:
        store, other = opened(server.address), opened(server.address)
        store.save("dhan", held("one"))
        assert other.load("dhan") == held("one")
        store.save("dhan", held("two"))

        server.kill()
        server.start()
        again_when_back(store.check)
        again_when_back(other.check)

        assert other.load("dhan") == held("two")

    def test_nobody_logs_in_while_others_may_have_more_to_put_back(self, server: RedisServer) -> None:
        store = opened(server.address)
        store.save("dhan", held())

        server.kill()
        server.start()
        again_when_back(store.check)

        with pytest.raises(LockBusy), store.lock("dhan", timeout=0):
            pass
        server.client.delete("kunji:settling")
        with store.lock("dhan", timeout=0):
            pass

    def test_a_copy_that_lacks_the_last_writes_is_given_them(self, tmp_path: Path, server: RedisServer) -> None:
        with redis_server(tmp_path) as copy, cut_to(server.port) as cut:
            store = opened(server.at(cut.port))
            store.save("dhan", held("one"))
            copy.follow(server)
            copy.promote()
            store.save("dhan", held("two"))
            store.update({"dhan": lambda note: replace(note, begun_at=NOW)})

            cut.point_to(copy.port)
            again_when_back(store.check)

            assert store.load("dhan") == held("two")
            assert opened(copy.address).load("dhan") == held("two")
            assert opened(copy.address).note("dhan").begun_at == NOW

    def test_what_somebody_began_on_the_empty_server_is_not_overwritten(self, server: RedisServer) -> None:
        store = opened(server.address)
        store.save("dhan", held("old"))
        store.save("kotak", held("only-here"))
        server.client.flushall()
        newcomer = opened(server.address)
        newcomer.save("dhan", held("new"))

        store.check()

        assert store.load("dhan") == held("new")
        assert newcomer.load("kotak") == held("only-here")

    def test_a_messages_number_is_never_given_again(self, server: RedisServer) -> None:
        store = opened(server.address)
        (lost,) = store.queue([item()])

        server.kill()
        server.start()
        (queued,) = again_when_back(lambda: store.queue([item()]))

        assert queued > lost

    def test_a_store_sealed_anew_has_lost_nothing(self, server: RedisServer) -> None:
        ring = KEY
        store = opened(server.address, key=lambda: ring)
        store.save("dhan", held())
        other = opened(server.address, key=lambda: ring)
        other.delete("dhan")

        ring = new_key() + KEY
        opened(server.address, key=lambda: ring).reseal()
        store.check()

        assert store.load("dhan") is None
        assert store.accounts() == []

    def test_whoever_watches_hears_of_what_was_put_back(self, server: RedisServer) -> None:
        store, other = opened(server.address), opened(server.address)
        store.save("dhan", held())
        assert other.changes(0) == {"dhan"}

        server.kill()
        server.start()
        again_when_back(store.check)

        assert again_when_back(lambda: other.changes(0)) == {"dhan"}


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("ERR Error running script (call to f_0): @user_script:3: -OOM command not allowed", "is full"),
        ("ERR Error running script (call to f_0): @user_script:3: -READONLY You can't write", "is a copy now"),
        ("NOREPLICAS Not enough good replicas to write.", "too few copies"),
    ],
)
def test_what_goes_wrong_in_a_script_of_an_older_server_is_understood(said: str, says: str) -> None:
    found = in_words(ResponseError(said), parse("redis://10.0.0.7"))

    assert isinstance(found, Away)
    assert says in str(found)


class TestAwayFor:
    """The server does not answer, or takes nothing."""

    def test_it_says_so_in_a_sentence_without_the_password(self, tmp_path: Path) -> None:
        with redis_server(tmp_path, password="hidden-word") as server:
            store = opened(server.address)
            with pytest.raises(StoreError, match="user or the password") as wrong:
                opened(f"redis://:other-word@127.0.0.1:{server.port}")
            server.kill()
            with pytest.raises(StoreAway, match="cannot be reached") as away:
                store.load("dhan")
            with pytest.raises(StoreAway):
                store.tokens_and_notes(["dhan", "kotak"])
            server.start()

        assert "word" not in str(wrong.value).replace("password", "") + str(away.value)

    def test_with_tls_the_server_must_be_the_one_whose_certificate_is_trusted(self, tmp_path: Path) -> None:
        tls, port = certificate(tmp_path), free_port()
        files = ("--tls-cert-file", str(tls.certificate), "--tls-key-file", str(tls.key))
        trust = ("--tls-ca-cert-file", str(tls.certificate), "--tls-auth-clients", "no")
        with redis_server(tmp_path, "--tls-port", str(port), *files, *trust, password="hidden-word"):
            address = f"rediss://:hidden-word@localhost:{port}"
            opened(f"{address}?ca={tls.certificate}").save("dhan", held())

            assert opened(f"{address}?ca={tls.certificate}").load("dhan") == held()
            with pytest.raises(StoreError, match="not to be trusted"):
                opened(address)
            with pytest.raises(StoreError, match="not to be trusted"):
                opened(f"rediss://:hidden-word@127.0.0.1:{port}?ca={tls.certificate}")
            with pytest.raises(StoreError, match=r"ca=.*missing\.pem, and that file cannot be read") as refused:
                opened(f"{address}?ca={tmp_path}/missing.pem")
            assert not isinstance(refused.value, StoreAway)
            with pytest.raises(StoreAway, match="cannot be reached"):
                opened(f"redis://:hidden-word@localhost:{port}")

    def test_a_server_with_too_few_copies_is_waited_for(self, server: RedisServer) -> None:
        store = opened(server.address)
        server.client.config_set("min-replicas-to-write", "1")
        try:
            with pytest.raises(StoreAway, match="too few copies"):
                store.save("dhan", held())
        finally:
            server.client.config_set("min-replicas-to-write", "0")
        store.save("dhan", held())

    @pytest.mark.long
    def test_nobody_waits_long_for_one_that_is_silent(self, server: RedisServer) -> None:
        store = opened(server.address)
        server.client.config_resetstat()
        server.pause()
        try:
            with pytest.raises(StoreAway, match="does not answer"):
                store.load("dhan")
            for _ in range(50):
                with pytest.raises(StoreAway):
                    store.load("dhan")
        finally:
            server.go_on()
        again_when_back(store.check)

        asked = server.client.info("commandstats")["cmdstat_zmscore"]["calls"]
        assert asked < 10

    def test_one_that_is_full_keeps_what_it_has(self, server: RedisServer) -> None:
        store = opened(server.address)
        store.save("dhan", held("one"))
        server.full()
        try:
            for write in (
                lambda: store.save("dhan", held("two")),
                lambda: store.update({"dhan": lambda note: replace(note, paused=True)}),
                lambda: store.queue([item()]),
            ):
                with pytest.raises(StoreAway, match="full"):
                    write()
            assert store.load("dhan") == held("one")
        finally:
            server.roomy()
        store.save("dhan", held("two"))

    def test_a_copy_takes_no_writes_and_says_so(self, tmp_path: Path, server: RedisServer) -> None:
        with redis_server(tmp_path) as copy:
            store = opened(server.address)
            store.save("dhan", held())
            copy.follow(server)

            with pytest.raises(StoreAway, match="is a copy now"):
                opened(copy.address).save("dhan", held("two"))

    def test_one_that_became_a_copy_is_left_without_harm_to_who_still_waits_for_its_answer(
        self, tmp_path: Path, server: RedisServer
    ) -> None:
        opened(server.address)
        answers: list[object] = []
        with redis_server(tmp_path) as copy:
            copy.follow(server)
            reached = Server(parse(copy.address), Ring(lambda: KEY), time.time)

            def wait_for_it() -> None:
                answers.append(reached.ask(lambda client: client.xread({"nothing": "$"}, block=500)))

            waiting = threading.Thread(target=wait_for_it)
            waiting.start()
            eventually(lambda: copy.client.info("clients")["blocked_clients"] == 1)
            with pytest.raises(StoreAway, match="is a copy now"):
                reached.numbers(1)

            waiting.join(20)
            reached.close()
        assert answers == [[]]

    @pytest.mark.long
    def test_a_write_counts_only_when_the_copies_have_it(self, tmp_path: Path, server: RedisServer) -> None:
        store = opened(f"{server.address}?replicas=1")
        with pytest.raises(StoreAway, match="only 0 copies"):
            store.save("dhan", held())

        with redis_server(tmp_path) as copy:
            copy.follow(server)
            store.save("dhan", held("two"))

            assert opened(copy.address).load("dhan") == held("two")

    def test_what_is_refused_is_told_apart_also_where_copies_are_waited_for(
        self, tmp_path: Path, server: RedisServer
    ) -> None:
        with redis_server(tmp_path) as copy:
            copy.follow(server)
            store, other = (opened(f"{server.address}?replicas=1") for _ in range(2))
            with store.lock("dhan", timeout=0):
                server.client.delete("kunji:lock:dhan")  # as the server does it when the lease is over
                with other.lock("dhan", timeout=0):
                    other.save("dhan", held("newer"))
                with pytest.raises(Superseded):
                    store.save("dhan", held("older"))

            server.client.flushall()
            other.update({"kotak": lambda note: replace(note, paused=True)})

            assert other.load("dhan") == held("newer")


def opened(
    address: str,
    *,
    key: Callable[[], bytes] = lambda: KEY,
    now: Callable[[], datetime] = lambda: NOW,
    lease: float = LEASE,
    waits: Waits = Waits(),  # noqa: B008 - a value
) -> Store:
    """Closed at the test's end."""
    _opened.append(open_server(parse(address), key, now=now, lease=lease, waits=waits))
    return _opened[-1]


def commands(server: RedisServer) -> int:
    """How many it was asked so far."""
    return int(cast(Mapping[str, Any], server.client.info("stats"))["total_commands_processed"])


def everything(server: RedisServer) -> str:
    """All that lies on it, as text."""
    found = []
    for key in sorted(server.client.keys("*")):
        match server.client.type(key):
            case "string":
                found.append((key, server.client.get(key)))
            case "hash":
                found.append((key, sorted(server.client.hgetall(key).items())))
            case "list":
                found.append((key, server.client.lrange(key, 0, -1)))
            case "zset":
                found.append((key, server.client.zrange(key, 0, -1, withscores=True)))
    return repr(found)


def again_when_back(ask: Callable[[], T]) -> T:
    until = time.monotonic() + 20
    while True:
        try:
            return ask()
        except StoreAway:
            assert time.monotonic() < until
            time.sleep(0.05)
