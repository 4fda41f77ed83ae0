"""A program gets the live token, the newest one, or a sentence."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from kunji import LiveToken, NoLiveToken, Reader, StoreUnreadable, UnknownAccount
from tests.unit.kunji.written import NOW, held, store


class Clock:
    def __init__(self) -> None:
        self.unix = NOW.timestamp()

    def __call__(self) -> float:
        return self.unix


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reader(tmp_path: Path, clock: Clock) -> Reader:
    return Reader("dhan", config=tmp_path, environment={}, now=clock)


def test_a_live_token_is_given_with_all_a_program_needs(tmp_path: Path, reader: Reader) -> None:
    store(tmp_path).save("dhan", held("one"))

    assert reader.token() == "one"
    assert reader.headers() == {"access-token": "one"}
    assert reader.environment() == {"DHAN_ACCESS_TOKEN": "one"}
    assert reader.expires_at == NOW + timedelta(hours=8)
    assert reader.issued_at == NOW
    assert (reader.broker, reader.client_id) == ("dhan", "1100")


def test_what_the_login_gave_besides_is_given_too(tmp_path: Path, reader: Reader) -> None:
    store(tmp_path).save("dhan", held("one", extra={"feed_token": "feed"}))

    assert reader.extra() == {"feed_token": "feed"}


def test_answers_about_one_token_can_be_had_together(tmp_path: Path, reader: Reader) -> None:
    store(tmp_path).save("dhan", held("one", extra={"sid": "s"}))

    live = reader.live()

    assert live == LiveToken(
        account="dhan",
        broker="dhan",
        client_id="1100",
        issued_at=NOW,
        expires_at=NOW + timedelta(hours=8),
        proven=False,
        value="one",
        extra={"sid": "s"},
        headers={"access-token": "one"},
        environment={"DHAN_ACCESS_TOKEN": "one"},
    )
    with pytest.raises(TypeError):
        live.extra["sid"] = "t"  # type: ignore[index]


def test_the_last_good_token_is_given_with_its_age_while_nobody_writes(
    tmp_path: Path, reader: Reader, clock: Clock
) -> None:
    bot = store(tmp_path)
    bot.save("dhan", held("one"))
    clock.unix += 5 * 3600

    assert (reader.token(), reader.age) == ("one", 5 * 3600)

    bot.save("dhan", held("one", rejected_at=NOW + timedelta(hours=5)))

    assert not reader.wait(0)
    with pytest.raises(NoLiveToken, match="no longer accepts the token of dhan, since 05 Jan 2026 at 13:45:00 IST"):
        reader.token()


def test_a_token_with_less_left_than_asked_for_counts_as_none(tmp_path: Path, clock: Clock) -> None:
    store(tmp_path).save("dhan", held("one"))
    reader = Reader("dhan", config=tmp_path, min_left=600, environment={}, now=clock)
    clock.unix += 8 * 3600 - 601
    assert reader.token() == "one"

    clock.unix += 1

    for ask in (reader.token, reader.headers, lambda: reader.age, lambda: reader.client_id):
        with pytest.raises(
            NoLiveToken, match="is good until 05 Jan 2026 at 16:45:00 IST only, less than what was asked"
        ):
            ask()
    assert not reader.wait(0)
    assert not reader.wait_newer(0)


def test_waiting_ends_when_there_is_a_live_token(tmp_path: Path, reader: Reader) -> None:
    bot = store(tmp_path)
    assert not reader.wait(0)
    threading.Timer(0.1, bot.save, ("dhan", held("one"))).start()

    assert reader.wait(20)
    assert reader.token() == "one"
    assert reader.wait(0)


def test_an_account_that_does_not_exist_is_told_with_those_that_do(tmp_path: Path) -> None:
    for name in ("dhan_config.json", "kotak_config.json", "bot_config.json"):
        (tmp_path / name).write_text("{}")
    reader = Reader("dhna", config=tmp_path, environment={})

    for ask in (reader.token, lambda: reader.wait(60), lambda: reader.wait_newer(60)):
        with pytest.raises(UnknownAccount, match=r"there is no account dhna in .*, only dhan, kotak"):
            ask()


def test_an_account_without_a_token_is_not_taken_for_an_unknown_one(tmp_path: Path) -> None:
    store(tmp_path).save("kotak", held("one"))
    (tmp_path / "dhan_config.json").write_text("{}")

    for reader in (
        Reader("dhan", config=tmp_path, environment={}),
        Reader("gone", tmp_path / ".kunji", environment={}),
    ):
        with pytest.raises(NoLiveToken, match="there is no token for") as caught:
            reader.token()
        assert not isinstance(caught.value, UnknownAccount)


def test_a_replaced_token_is_noticed(tmp_path: Path, reader: Reader) -> None:
    bot = store(tmp_path)
    bot.save("dhan", held("one"))
    assert reader.token() == "one"

    bot.save("dhan", held("two"))

    assert reader.wait_newer(10)
    assert reader.token() == "two"


def test_waiting_ends_when_there_is_a_token_newer_than_the_last_one_given(tmp_path: Path, reader: Reader) -> None:
    bot = store(tmp_path)
    bot.save("dhan", held("one"))
    assert reader.wait_newer(0)
    reader.token()
    assert not reader.wait_newer(0)
    threading.Timer(0.1, bot.save, ("dhan", held("two"))).start()

    assert reader.wait_newer(20)


def test_a_thread_that_says_which_token_it_knows_misses_none_that_another_was_given(
    tmp_path: Path, reader: Reader
) -> None:
    bot = store(tmp_path)
    bot.save("dhan", held("one"))
    mine = reader.token()
    bot.save("dhan", held("two"))
    assert reader.wait_newer(0)
    reader.token()  # the other thread's

    assert reader.wait_newer(0, mine)


def test_waiting_does_not_end_for_a_dead_token(tmp_path: Path, reader: Reader) -> None:
    store(tmp_path).save("dhan", held("one", rejected_at=NOW))

    assert not reader.wait_newer(0)


def test_an_expired_token_is_given_to_nobody(tmp_path: Path, reader: Reader, clock: Clock) -> None:
    store(tmp_path).save("dhan", held("one"))
    clock.unix += 8 * 3600 - 1
    assert reader.token() == "one"

    clock.unix += 1

    for ask in (reader.token, reader.headers, reader.environment, lambda: reader.expires_at):
        with pytest.raises(NoLiveToken, match="the token of dhan expired 05 Jan 2026 at 16:45:00 IST; for a new one"):
            ask()


def test_a_rejected_token_is_given_to_nobody(tmp_path: Path, reader: Reader) -> None:
    store(tmp_path).save("dhan", held("one", rejected_at=NOW))

    with pytest.raises(NoLiveToken, match="the broker no longer accepts the token of dhan"):
        reader.token()


def test_a_token_is_given_as_soon_as_it_is_there(tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "dhan_config.json").write_text("{}")
    with pytest.raises(NoLiveToken, match="there is no token for dhan"):
        reader.token()
    bot = store(tmp_path)
    with pytest.raises(NoLiveToken, match="there is no token for dhan"):
        reader.token()
    bot.save("dhan", held("one", rejected_at=NOW))
    with pytest.raises(NoLiveToken):
        reader.token()
    bot.save("dhan", held("two"))

    assert reader.token() == "two"


def test_a_deleted_token_is_given_no_longer(tmp_path: Path, reader: Reader) -> None:
    bot = store(tmp_path)
    bot.save("dhan", held("one"))
    reader.token()

    bot.delete("dhan")

    assert not reader.wait_newer(0)
    with pytest.raises(NoLiveToken):
        reader.token()


def test_an_account_gets_its_own_token(tmp_path: Path, reader: Reader) -> None:
    bot = store(tmp_path)
    bot.save("dhan", held("one"))
    bot.save("dhan-wife", held("two"))

    assert Reader("dhan-wife", config=tmp_path, environment={}, now=Clock()).token() == "two"
    assert reader.token() == "one"


def test_the_store_may_be_named(tmp_path: Path, clock: Clock) -> None:
    store(tmp_path).save("dhan", held("one"))

    assert Reader("dhan", tmp_path / ".kunji", environment={}, now=clock).token() == "one"
    assert Reader("dhan", environment={"KUNJI_STORE": str(tmp_path / ".kunji")}, now=clock).token() == "one"
    assert Reader("dhan", environment={"KUNJI_CONFIG": str(tmp_path)}, now=clock).token() == "one"


def test_reading_makes_no_key_and_no_file(tmp_path: Path, reader: Reader) -> None:
    with pytest.raises(NoLiveToken):
        reader.token()

    assert list(tmp_path.iterdir()) == []


def test_a_lost_key_is_told(tmp_path: Path, reader: Reader) -> None:
    store(tmp_path).save("dhan", held("one"))
    (tmp_path / ".kunji" / "kunji.key").unlink()

    with pytest.raises(StoreUnreadable, match="there is no key"):
        reader.token()


def test_a_wrong_key_is_told(tmp_path: Path, clock: Clock) -> None:
    store(tmp_path).save("dhan", held("one"))

    with pytest.raises(StoreUnreadable, match="the key does not fit"):
        Reader("dhan", config=tmp_path, environment={"KUNJI_KEY": "A" * 43 + "="}, now=clock).token()


def test_a_damaged_file_is_refused(tmp_path: Path, reader: Reader) -> None:
    store(tmp_path).save("dhan", held("one"))
    tokens = tmp_path / ".kunji" / "tokens.json"
    whole = tokens.read_bytes()

    for place in range(len(whole)):
        tokens.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        os.utime(tokens, ns=(place, place))
        with pytest.raises(StoreUnreadable):
            reader.token()


def test_many_threads_may_ask(tmp_path: Path, reader: Reader) -> None:
    bot = store(tmp_path)
    bot.save("dhan", held("0"))
    found: list[str] = []

    def ask() -> None:
        found.extend(reader.token() for _ in range(2000))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for number in range(1, 6):
        bot.save("dhan", held(str(number)))
    for thread in threads:
        thread.join(60)

    assert len(found) == 16000
    assert set(found) <= set("012345")


def test_a_reader_does_not_print_what_it_holds(tmp_path: Path, reader: Reader) -> None:
    store(tmp_path).save("dhan", held("hidden-token"))
    reader.token()

    assert repr(reader) == "Reader('dhan')"
    assert "hidden" not in repr(reader.live())
