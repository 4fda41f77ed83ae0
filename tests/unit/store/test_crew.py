"""Several processes on one server share the work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from bot.store import Roll
from bot.store.redis._crew import ServerCrew
from bot.store.redis._server import Server
from kunji._redis import parse
from kunji._seal import Ring
from tests.redis_server import RedisServer, redis_server
from tests.unit.store.samples import KEY

LEASE = 60.0
"""So long that no busy machine lets one run out; tests let time pass on the server instead."""
Join = Callable[[str], ServerCrew]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def join(server: RedisServer) -> Iterator[Join]:
    """Begin another process's place, on a machine of that name."""
    server.client.flushall()
    with ExitStack() as opened:

        def one(machine: str) -> ServerCrew:
            reached = Server(parse(server.address), Ring(lambda: KEY), time.time)
            opened.callback(reached.close)
            return ServerCrew(reached, lead=LEASE, claim=LEASE, machine=machine)

        yield one


def time_passes(server: RedisServer, seconds: float) -> None:
    """On the server, as far as anything there runs out."""
    by, client = int(seconds * 1000), server.client
    for key in client.scan_iter():
        if client.type(key) == "zset":
            for member in client.zrange(key, 0, -1):
                client.zincrby(key, -by, member)
        elif (left := client.pttl(key)) > by:
            client.pexpire(key, left - by)
        elif left > 0:
            client.delete(key)


def test_whoever_has_the_server_puts_no_words_into_what_is_shown(join: Join, server: RedisServer) -> None:
    one = join("one")
    one.attend()
    for words in ("\x1b[2J 1 a", "<b>your_PIN</b>:_https://evil.example/ 7 0123456789abcdef", "one", ""):
        server.client.zadd("kunji:present", {words: 9e15})
    server.client.set("kunji:leader", "\x1b[31mred 1 a")

    assert one.attend() == Roll(False, "something unknown", ())


def test_a_machine_of_any_name_is_one_of_the_crew(join: Join) -> None:
    one, two = join("m\u00fcller's mac"), join("two")
    one.attend()

    assert two.attend().leader == "m-ller-s-mac"


def test_the_first_leads_and_the_others_stand_by(join: Join) -> None:
    one, two = join("one"), join("two")

    assert one.attend() == Roll(True, "one", ())
    assert two.attend() == Roll(False, "one", ("one",))
    assert one.attend() == Roll(True, "one", ("two",))


def test_somebody_else_leads_when_the_leader_is_not_heard_of(server: RedisServer, join: Join) -> None:
    one, two = join("one"), join("two")
    one.attend()
    time_passes(server, LEASE * 0.9)
    too_early = two.attend()
    time_passes(server, LEASE * 0.2)

    assert not too_early.leads
    assert two.attend().leads
    assert one.attend() == Roll(False, "two", ("two",))


def test_a_leader_that_is_heard_of_goes_on_leading(server: RedisServer, join: Join) -> None:
    one, two = join("one"), join("two")
    one.attend()
    for _ in range(10):
        time_passes(server, LEASE * 0.8)
        assert one.attend().leads
        assert not two.attend().leads


def test_who_leaves_is_succeeded_at_once(join: Join) -> None:
    one, two = join("one"), join("two")
    one.attend()

    one.leave()

    assert two.attend() == Roll(True, "two", ())


def test_the_lead_can_be_given_up_by_one_that_stays(join: Join) -> None:
    one, two = join("one"), join("two")
    one.attend()

    assert one.attend(lead=False) == Roll(False, None, ())
    assert two.attend().leads


def test_who_looks_is_not_there(join: Join) -> None:
    one, two = join("one"), join("two")
    assert two.look() == Roll(False, None, ())
    one.attend()

    assert two.look() == Roll(False, "one", ("one",))

    assert one.attend() == Roll(True, "one", ())


def test_two_on_one_machine_are_told_apart(join: Join) -> None:
    one, two = join("vps"), join("vps")
    one.attend()

    roll = two.attend()

    assert roll.leader is not None
    assert roll.leader.startswith("vps (")
    assert roll.others == (roll.leader,)


def test_what_is_offered_is_claimed_by_one(join: Join) -> None:
    one, two = join("one"), join("two")
    one.offer(["dhan"])
    one.offer(["kotak", "dhan"])

    assert sorted([*one.claim(1), *two.claim(5)]) == ["dhan", "kotak"]
    assert one.claim(5) == []


def test_what_nobody_finishes_is_claimed_again(server: RedisServer, join: Join) -> None:
    one, two = join("one"), join("two")
    one.offer(["dhan"])
    assert one.claim(1) == ["dhan"]
    assert one.offered() == {"dhan"}

    assert two.claim(1) == []
    time_passes(server, LEASE)
    assert two.claim(1) == ["dhan"]


def test_what_is_offered_and_not_finished_is_known_to_all(join: Join) -> None:
    one, two = join("one"), join("two")
    one.offer(["dhan", "kotak", "zerodha"])
    two.claim(2)

    two.finished("dhan")

    assert one.offered() == {"kotak", "zerodha"}


def test_what_is_finished_is_nobodys_any_more(server: RedisServer, join: Join) -> None:
    one = join("one")
    one.offer(["dhan"])
    one.claim(1)

    one.finished("dhan")

    assert one.offered() == set()
    time_passes(server, LEASE)
    assert one.claim(1) == []


def test_what_is_handed_back_is_there_for_others_at_once(join: Join) -> None:
    one, two = join("one"), join("two")
    one.offer(["dhan"])
    one.claim(1)

    one.hand_back("dhan")

    assert two.claim(1) == ["dhan"]


def test_who_leaves_leaves_its_claims_to_others(join: Join) -> None:
    one, two = join("one"), join("two")
    one.offer(["dhan"])
    one.claim(1)

    one.leave()

    assert two.claim(1) == ["dhan"]
