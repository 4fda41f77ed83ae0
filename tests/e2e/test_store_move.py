"""A bot's store is moved to a server: what a person types, reads and then relies on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.store import open_store
from tests.e2e.house import CLIENT, House, house
from tests.redis_server import RedisServer, redis_server

PASSWORD = "hunter2-hunter2"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, at=None) as made:
        made.auto()
        yield made


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis", password=PASSWORD) as running:
        yield running


@pytest.mark.long
def test_after_the_move_every_command_finds_on_the_server_what_was_in_the_folder(
    home: House, server: RedisServer
) -> None:
    assert home.run("refresh", "dhan").returncode == 0
    token = home.token("dhan")
    address = home.folder / "redis.address"
    address.touch(mode=0o600)
    address.write_text(server.address)

    moved = home.run("store", "move", "--to", "file:redis.address")

    assert moved.returncode == 0, moved.stderr
    assert "copied from" in moved.stdout
    assert "1 token, 1 account's note, 1 row of history, 1 waiting message" in moved.stdout
    assert 'write "store": "file:redis.address" into bot_config.json' in moved.stdout
    assert moved.stderr == ""
    home.bot_wide(store="file:redis.address")
    (home.folder / ".kunji" / "tokens.json").unlink()
    assert home.run("token", "dhan").stdout.strip() == token
    assert home.run("status").stdout.splitlines()[-1] == "no bot runs"
    check = home.run("check")
    assert check.returncode == 0, check.stdout
    key = home.run("key", "reader", "add", "strategy1", "--accounts", "dhan")
    assert key.returncode == 0, key.stderr
    assert "strategy1" in home.run("key", "reader", "list").stdout
    assert home.run("unlock").stdout.strip() == "it was not locked"
    assert home.sandbox.dhan.attempts(CLIENT)["granted"] == 1
    said = "".join(result.stdout + result.stderr for result in (moved, check, key))
    assert PASSWORD not in said


@pytest.mark.long
def test_a_password_that_was_typed_is_minded_and_not_repeated(home: House, server: RedisServer) -> None:
    assert home.run("refresh", "dhan").returncode == 0

    moved = home.run("store", "move", "--to", server.address)

    assert moved.returncode == 0, moved.stderr
    assert "can read the password in a command line" in moved.stderr
    assert f"redis://:PASSWORD@127.0.0.1:{server.port}/0" in moved.stdout
    assert PASSWORD not in moved.stdout + moved.stderr


@pytest.mark.long
def test_nobody_works_with_a_copy_that_is_not_finished(home: House, server: RedisServer) -> None:
    store = open_store(home.folder, server.address, environment={})
    store.update_bot(lambda note: replace(note, moving_from="elsewhere:/.kunji"))
    store.close()
    home.bot_wide(store=server.address)

    for words in (["run"], ["status"], ["refresh", "dhan"]):
        result = home.run(*words)
        assert result.returncode == 1
        assert "a copy that is not finished" in result.stderr
    assert json.loads((home.folder / "bot_config.json").read_text())["store"] == server.address


@pytest.mark.long
def test_a_bot_that_runs_with_the_server_is_moved_away_from_only_when_it_has_ended(
    home: House, server: RedisServer, tmp_path: Path
) -> None:
    home.bot_wide(store=server.address)
    assert home.run("refresh", "dhan").returncode == 0
    home.start()
    back = str(tmp_path / "back")

    refused = home.run("store", "move", "--to", back)
    home.end()
    moved = home.run("store", "move", "--to", back)

    assert refused.returncode == 1
    assert "runs with the store at redis://" in refused.stderr
    assert moved.returncode == 0, moved.stderr
    home.bot_wide(store=back)
    home.start()
    home.says("/status dhan", "fresh")
    assert home.sandbox.dhan.attempts(CLIENT)["granted"] == 1
