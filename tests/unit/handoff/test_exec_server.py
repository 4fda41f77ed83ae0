"""`kunji exec` with a store on a server: the program learns of a new token, and of nothing else the server does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.handoff.exec import Source
from kunji import Reader
from tests.redis_proxy import Cut, cut_to
from tests.redis_server import RedisServer, redis_server
from tests.unit.handoff.programs import Desk, desk
from tests.unit.kunji.written import say_where
from tests.waiting import eventually

RESTART = ("--on-refresh", "restart")
NOTES = "echo $DHAN_ACCESS_TOKEN >> tokens; "
FOR_EVER = "n=0; while [ $n -lt 1500 ]; do sleep 0.02; n=$((n + 1)); done"
"""Longer than any test waits."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def cut(server: RedisServer) -> Iterator[Cut]:
    """Between the programs and the server."""
    with cut_to(server.port) as cut:
        yield cut


@pytest.fixture
def here(tmp_path: Path, server: RedisServer, cut: Cut) -> Iterator[Desk]:
    say_where(tmp_path, server.address)
    with desk(tmp_path) as made:
        say_where(tmp_path, server.at(cut.port))
        made.save("one")
        yield made


def test_a_new_token_restarts_the_program(here: Desk) -> None:
    here.start("dhan", *RESTART, "--", "sh", "-c", NOTES + FOR_EVER)
    here.awaits("tokens", "one")

    here.save("two")

    here.awaits("tokens", "one", "two")


def test_a_new_token_of_any_of_its_accounts_is_a_signal_for_the_program(here: Desk) -> None:
    here.save("one", "kotak")
    noting = "trap 'echo told >> told' HUP; "
    here.start("dhan", "kotak", "--on-refresh", "SIGHUP", "--", "sh", "-c", noting + NOTES + FOR_EVER)
    here.awaits("tokens", "one")

    here.save("two")
    here.save("two", "kotak")

    eventually(lambda: here.noted("told") != [], "it is not told")
    assert here.noted("tokens") == ["one"]


def test_a_program_runs_on_while_the_server_is_away_and_has_the_token_saved_meanwhile(here: Desk, cut: Cut) -> None:
    here.start("dhan", *RESTART, "--", "sh", "-c", NOTES + FOR_EVER)
    here.awaits("tokens", "one")
    eventually(lambda: cut.connections == 2, "the server is not followed")

    cut.cut()
    here.save("two")
    here.save("three")
    assert here.noted("tokens") == ["one"]
    cut.mend()

    here.awaits("tokens", "one", "three")


def test_what_a_program_begins_with_survives_the_server(here: Desk, server: RedisServer) -> None:
    said: list[str] = []
    source = Source([Reader("dhan", config=here.folder, environment={})], said.append)
    values = [source.first(0)]

    server.kill()
    values += [source.newest(), source.newest()]

    assert [one["DHAN_ACCESS_TOKEN"] for one in values] == ["one", "one", "one"]
    assert said == []
