"""A program gets the live token from a store on a server: the newest at once, the last one while the server is away."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

from bot.store import Store
from kunji import NoLiveToken, Reader, StoreAway, StoreUnreadable
from kunji._redis import in_words, parse
from tests.redis_proxy import Cut, cut_to
from tests.redis_server import RedisServer, redis_server
from tests.unit.kunji.written import NOW, held, say_where, store
from tests.waiting import PATIENCE, eventually

PAGE = Path(__file__).parents[3] / "docs" / "handoff.md"
LATER = NOW + timedelta(minutes=1)
LIFE = "1 ca1ad528ae365a62.s2y1ia5KD1TIAR487Uaa9xRjso2PSojqMRDazewVgIMKWyUMwDferQXc9WiCZPC-oJGbakryGU4ZnOqf"
TOKEN = (
    "1 ca1ad528ae365a62.ppHE-f1sHq2Rj5WFM5i9JjlO3FlYm4ihiqfG97tI_SPuEMBSqKy-ozntDpTYwKKp06aQgBgereWxCUhFciCDYXR9tkAB"
    "iW7eYgCbLBwUiju8awYTzI8DJUQbgnOM0RnogM9rwg0pRQrYYBLj43I6KIu1wTNk5gSQjBAP7MubDbexu-hymoKbQOVfyTCKiJb_TrQ1gYC3utkx"
    "IFiQnVrSL064XiDyCEqDvJF_9k2DhQ5xxlxcBpL4qoE9RT8cAyjp15C-9rhJak_6RyajvN3lcvcWrAzH6T5sAuJmWFsn-0keV6vwbvyl7eMI6bUK"
    "6tpTI6q-9BJygviNp0ZLeYxK9c7otQ"
)


class Clock:
    def __init__(self) -> None:
        self.unix = NOW.timestamp()

    def __call__(self) -> float:
        return self.unix


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis", password="hidden") as server:
        yield server


@pytest.fixture
def cut(server: RedisServer) -> Iterator[Cut]:
    """Between the readers and the server."""
    with cut_to(server.port) as cut:
        yield cut


@pytest.fixture
def bot(tmp_path: Path, server: RedisServer) -> Iterator[Store]:
    say_where(tmp_path, server.address)
    bot = store(tmp_path)
    yield bot
    bot.close()


@pytest.fixture
def read(tmp_path: Path, server: RedisServer, cut: Cut, clock: Clock) -> Callable[..., Reader]:
    """Makes a reader, on the other side of the cut."""

    def read(account: str = "dhan", address: str = server.at(cut.port), **environment: str) -> Reader:
        return Reader(account, address, config=tmp_path, environment=environment, now=clock)

    return read


@pytest.fixture
def followed(read: Callable[..., Reader], bot: Store, cut: Cut) -> Reader:
    """A reader that was given the token `one`, and is connected for the next."""
    bot.save("dhan", held("one"))
    reader = read()
    assert [reader.token(), reader.token()] == ["one", "one"]
    eventually(lambda: cut.connections == 2, "it does not connect")
    return reader


def has_none(reader: Reader) -> bool:
    try:
        reader.token()
    except NoLiveToken:
        return True
    return False


def test_a_store_as_it_was_written_once_is_read(server: RedisServer, read: Callable[..., Reader]) -> None:
    """Programs on other machines may have another version: this changes with the format's number only."""
    server.client.set("kunji:life", LIFE)
    server.client.set("kunji:token:dhan", TOKEN)
    reader = read(KUNJI_KEY="A" * 43 + "=")

    assert reader.token() == "one"
    assert reader.expires_at == NOW + timedelta(hours=8)
    assert reader.environment() == {"DHAN_ACCESS_TOKEN": "one"}


def test_a_server_that_is_full_still_gives_what_it_has(
    server: RedisServer, bot: Store, read: Callable[..., Reader]
) -> None:
    bot.save("dhan", held("one"))
    server.full()

    reader = read()

    assert [reader.token(), reader.token()] == ["one", "one"]


def test_a_live_token_is_given_with_all_a_program_needs(bot: Store, read: Callable[..., Reader]) -> None:
    bot.save("dhan", held("one", extra={"feed_token": "feed"}))

    reader = read()

    assert reader.token() == "one"
    assert reader.headers() == {"access-token": "one"}
    assert reader.environment() == {"DHAN_ACCESS_TOKEN": "one"}
    assert reader.extra() == {"feed_token": "feed"}
    assert reader.expires_at == NOW + timedelta(hours=8)
    assert (reader.broker, reader.client_id) == ("dhan", "1100")


def test_whoever_asks_once_leaves_no_connection_and_no_thread(
    bot: Store, read: Callable[..., Reader], cut: Cut
) -> None:
    bot.save("dhan", held("one"))
    before, reader = followers(), read()

    assert reader.token() == "one"

    eventually(lambda: cut.connections == 0, "a connection is left")
    assert followers() <= before


def followers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "kunji-subscription"}


def test_a_user_of_the_server_that_may_only_read_is_enough_for_programs(
    server: RedisServer, bot: Store, read: Callable[..., Reader], cut: Cut
) -> None:
    _, name, *rules = next(line for line in PAGE.read_text().splitlines() if line.startswith("user ")).split()
    password = next(rule.removeprefix(">") for rule in rules if rule.startswith(">"))
    server.client.execute_command("ACL", "SETUSER", name, *rules)
    bot.save("dhan", held("one"))
    reader = read(address=f"redis://{name}:{password}@127.0.0.1:{cut.port}")

    assert [reader.token(), reader.token()] == ["one", "one"]
    eventually(lambda: cut.connections == 2, "it does not connect")
    bot.save("dhan", held("two"))

    assert reader.wait_newer(PATIENCE)
    with Redis(port=server.port, username=name, password=password) as program, pytest.raises(NoPermissionError):
        program.set("kunji:token:dhan", "another")


def test_a_new_token_ends_the_wait_for_it(bot: Store, followed: Reader) -> None:
    waiting = threading.Thread(target=followed.wait_newer, args=(3600,), daemon=True)
    waiting.start()

    bot.save("dhan", held("two"))

    waiting.join(PATIENCE)
    assert not waiting.is_alive()
    assert followed.token() == "two"


def test_a_first_token_ends_the_wait_for_it(bot: Store, read: Callable[..., Reader]) -> None:
    reader = read()
    assert not reader.wait(0)
    threading.Timer(0.1, bot.save, ("dhan", held("one"))).start()

    assert reader.wait(PATIENCE)
    assert reader.token() == "one"


def test_the_newest_token_is_given_without_being_waited_for(bot: Store, followed: Reader) -> None:
    bot.save("dhan", held("two"))

    eventually(lambda: followed.token() == "two", "the new token is not seen")


def test_a_rejected_token_is_given_no_longer(bot: Store, followed: Reader) -> None:
    bot.save("dhan", held("one", rejected_at=NOW))

    eventually(lambda: has_none(followed), "the token is still given")
    with pytest.raises(NoLiveToken, match="the broker no longer accepts the token of dhan"):
        followed.token()


def test_a_deleted_token_is_given_no_longer(bot: Store, followed: Reader) -> None:
    bot.delete("dhan")

    eventually(lambda: has_none(followed), "the token is still given")


def test_an_earlier_token_that_is_put_back_is_given(bot: Store, followed: Reader) -> None:
    bot.save("dhan", held("of-somebody-else", issued_at=LATER))
    assert followed.wait_newer(PATIENCE)
    followed.token()

    bot.save("dhan", held("one"))

    assert followed.wait_newer(PATIENCE)
    assert followed.token() == "one"


def test_of_an_expired_token_it_is_told_when_it_expired(
    bot: Store, read: Callable[..., Reader], server: RedisServer, clock: Clock
) -> None:
    bot.save("dhan", held("one"))
    server.client.delete("kunji:token:dhan")  # as the server does it when its time is up
    clock.unix += 8 * 3600

    with pytest.raises(NoLiveToken, match="the token of dhan expired 05 Jan 2026 at 16:45:00 IST"):
        read().token()


def test_a_token_the_server_lost_before_its_time_is_none_but_for_whoever_holds_it(
    bot: Store, read: Callable[..., Reader], server: RedisServer, followed: Reader
) -> None:
    server.client.delete("kunji:token:dhan")
    server.client.publish("kunji:changes", "dhan")

    with pytest.raises(NoLiveToken, match=r"there is no token for dhan in redis://127\.0\.0\.1"):
        read().token()
    assert not followed.wait_newer(0.2)
    assert followed.token() == "one"


AWAY = {
    "cut": lambda _, cut: cut.cut(),
    "half-open": lambda _, cut: cut.half_open(),
    "paused": lambda server, _: server.pause(),
    "killed": lambda server, _: server.kill(),
    "empty": lambda server, cut: (server.client.flushall(), cut.drop()),
    "full": lambda server, _: server.full(),
}


@pytest.mark.parametrize("away", AWAY)
def test_the_token_held_is_given_while_the_server_is_away(
    server: RedisServer, cut: Cut, followed: Reader, clock: Clock, away: str
) -> None:
    AWAY[away](server, cut)
    clock.unix += 8 * 3600 - 1

    assert [followed.token() for _ in range(1000)] == ["one"] * 1000
    assert not followed.wait_newer(0.2)
    assert followed.age == 8 * 3600 - 1


@pytest.mark.parametrize("away", ["cut", "dropped", pytest.param("half-open", marks=pytest.mark.long)])
def test_what_was_saved_while_a_reader_was_cut_off_is_not_missed(
    bot: Store, cut: Cut, followed: Reader, away: str
) -> None:
    {"cut": cut.cut, "dropped": cut.drop, "half-open": cut.half_open}[away]()
    bot.save("dhan", held("two"))
    cut.mend()

    assert followed.wait_newer(PATIENCE)
    assert followed.token() == "two"


def test_a_server_that_comes_back_empty_is_followed_on(bot: Store, server: RedisServer, followed: Reader) -> None:
    server.kill()
    server.start()
    assert followed.token() == "one"

    bot.save("dhan", held("two"))

    assert followed.wait_newer(PATIENCE)
    assert followed.token() == "two"


def test_a_copy_that_missed_the_last_token_takes_it_from_nobody(
    tmp_path: Path, bot: Store, server: RedisServer, cut: Cut, followed: Reader
) -> None:
    with redis_server(tmp_path / "copy", "--masterauth", "hidden", password="hidden") as copy:
        copy.follow(server)
        copy.promote()
        bot.save("dhan", held("two", issued_at=LATER))
        assert followed.wait_newer(PATIENCE)
        followed.token()
        server.kill()
        cut.point_to(copy.port)
        eventually(lambda: cut.connections == 2, "the copy is not connected to")

        assert not followed.wait_newer(0.5)
        assert followed.token() == "two"

        say_where(tmp_path, copy.address)
        another = store(tmp_path)
        another.save("dhan", held("three", issued_at=LATER + timedelta(minutes=1)))
        another.close()
        assert followed.wait_newer(PATIENCE)
        assert followed.token() == "three"


def test_when_the_token_held_has_expired_nobody_can_tell(server: RedisServer, followed: Reader, clock: Clock) -> None:
    server.kill()
    clock.unix += 8 * 3600

    eventually(lambda: is_away(followed), "the server is not missed")
    with pytest.raises(StoreAway, match=r"the store at redis://127\.0\.0\.1:\d+/0 cannot be reached"):
        followed.wait(0)


def is_away(reader: Reader) -> bool:
    try:
        reader.token()
    except StoreAway:
        return True
    except NoLiveToken:
        return False
    return False


@pytest.mark.parametrize("asked_before", [False, True])
def test_a_server_that_cannot_be_reached_is_told_without_its_password(
    server: RedisServer, read: Callable[..., Reader], asked_before: bool
) -> None:
    server.kill()
    reader = read(address=server.address)
    if asked_before:
        assert is_away(reader)

    with pytest.raises(StoreAway, match=r"the store at redis://127\.0\.0\.1:\d+/0 cannot be reached") as caught:
        reader.token()

    assert "hidden" not in str(caught.value)


def test_a_server_that_never_held_a_store_is_told_as_empty(read: Callable[..., Reader]) -> None:
    with pytest.raises(StoreAway, match="is empty: none was begun there, or it is lost"):
        read().token()


def test_whoever_waits_outlasts_a_server_that_is_away(bot: Store, cut: Cut, read: Callable[..., Reader]) -> None:
    bot.save("dhan", held("one"))
    cut.cut()
    threading.Timer(0.2, cut.mend).start()

    assert read().wait(PATIENCE)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"KUNJI_KEY": "A" * 43 + "="}, "the key does not fit the store at redis://127.0.0.1"),
        ({"KUNJI_KEY_FILE": "/nowhere"}, "there is no key: /nowhere does not exist"),
    ],
)
def test_a_wrong_key_is_told_at_once(bot: Store, read: Callable[..., Reader], wrong: dict[str, str], said: str) -> None:
    bot.save("dhan", held("one"))
    reader = read(**wrong)

    for ask in (reader.token, lambda: reader.wait(60), lambda: reader.wait_newer(60)):
        with pytest.raises(StoreUnreadable, match=said):
            ask()


def test_a_wrong_password_is_told_at_once(server: RedisServer, bot: Store, read: Callable[..., Reader]) -> None:
    reader = read(address=f"redis://:other-word@127.0.0.1:{server.port}")

    for ask in (reader.token, lambda: reader.wait(60)):
        with pytest.raises(StoreUnreadable, match="does not take the user or the password") as caught:
            ask()
        assert "other-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("life", "said"),
    [
        ("2 later", "was written by a newer version of kunji"),
        ("of another program", "is no store"),
        ("9" * 5000 + " long", "is no store"),
        (b"\xff", "is no store"),
    ],
)
def test_what_this_version_cannot_read_is_told(
    server: RedisServer, bot: Store, read: Callable[..., Reader], life: str | bytes, said: str
) -> None:
    bot.save("dhan", held("one"))
    server.client.set("kunji:life", life)

    with pytest.raises(StoreUnreadable, match=said):
        read().token()


@pytest.mark.parametrize("place", [3, 40, 100])
def test_a_damaged_record_is_refused(server: RedisServer, bot: Store, read: Callable[..., Reader], place: int) -> None:
    bot.save("dhan", held("one"))
    whole = str(server.client.get("kunji:token:dhan"))
    other = "A" if whole[place] != "A" else "B"
    server.client.set("kunji:token:dhan", whole[:place] + other + whole[place + 1 :])

    with pytest.raises(StoreUnreadable):
        read().token()


@pytest.mark.parametrize("number", ["", "abc", "-1", "\N{SUPERSCRIPT TWO}", "1.15e+18", "9" * 5000, b"\xff"])
def test_a_record_that_somebody_gave_another_number_is_refused_in_words(
    server: RedisServer, bot: Store, read: Callable[..., Reader], number: str | bytes
) -> None:
    bot.save("dhan", held("one"))
    _, _, sealed = str(server.client.get("kunji:token:dhan")).partition(" ")
    given = number if isinstance(number, bytes) else number.encode()
    server.client.set("kunji:token:dhan", given + f" {sealed}".encode())

    with pytest.raises(StoreUnreadable, match="is not what was expected"):
        read().token()


def test_what_a_server_says_makes_no_terminal_do_anything() -> None:
    said = in_words(ResponseError("\x1b]0;gone\x07 and more"), parse("redis://host"))

    assert str(said) == "the store at redis://host:6379/0 answers with an error: one that is not known"


def test_a_record_in_the_place_of_another_is_refused(
    server: RedisServer, bot: Store, read: Callable[..., Reader]
) -> None:
    bot.save("dhan", held("one"))
    server.client.copy("kunji:token:dhan", "kunji:token:kotak")

    with pytest.raises(StoreUnreadable, match="damaged, or belongs in another place"):
        read("kotak").token()


def test_many_readers_share_two_connections_and_one_thread(bot: Store, read: Callable[..., Reader], cut: Cut) -> None:
    before = followers()
    names = [f"dhan-{number}" for number in range(20)]
    for name in names:
        bot.save(name, held(name))
    readers = [read(name) for name in names]

    for _ in range(2):
        assert [reader.token() for reader in readers] == names

    eventually(lambda: cut.connections == 2, "they do not share")
    assert len(followers() - before) == 1


@pytest.mark.parametrize("away", [False, True])
def test_with_the_last_reader_the_thread_and_its_connections_are_gone(
    bot: Store, read: Callable[..., Reader], cut: Cut, away: bool
) -> None:
    before, readers = followers(), [read(), read()]
    if away:
        cut.cut()
    for reader in readers * 2:
        assert is_away(reader) is away
    del reader

    readers.clear()
    gc.collect()  # a failure in the library leaves a circle of frames behind, which hold the reader

    eventually(lambda: followers() <= before, "the thread goes on")
    eventually(lambda: cut.connections == 0, "a connection is left")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, RedisServer, Cut]]:
    folder = tmp_path_factory.mktemp("property")
    with redis_server(folder / "redis") as server, cut_to(server.port) as cut:
        say_where(folder, server.address)
        yield folder, server, cut


@settings(max_examples=30)
@given(steps=st.lists(st.sampled_from(["save", "save", "delete", "drop", "cut", "mend", "look"]), max_size=15))
def test_whatever_happens_the_reader_ends_with_what_was_done_last(
    shared: tuple[Path, RedisServer, Cut], steps: list[str]
) -> None:
    folder, server, cut = shared
    cut.mend()
    bot = store(folder)
    bot.save("dhan", held("first"))
    reader = Reader("dhan", server.at(cut.port), config=folder, environment={}, now=Clock())
    last: str | None = "first"

    for number, step in enumerate(steps):
        if step == "save":
            last = f"token-{number}"
            bot.save("dhan", held(last))
        elif step == "delete":
            last = None
            bot.delete("dhan")
        elif step == "look":
            given_by(reader)
        else:
            {"drop": cut.drop, "cut": cut.cut, "mend": cut.mend}[step]()
    cut.mend()

    eventually(lambda: given_by(reader) == last, f"it does not end with {last}")
    bot.close()


def given_by(reader: Reader) -> str | None:
    try:
        return reader.token()
    except NoLiveToken:
        return None
    except StoreAway:
        return "nobody can tell"
