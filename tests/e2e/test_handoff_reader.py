"""Programs that read tokens from the store live through a refresh, and through everything else being down."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.house import CLIENT, House, house

DHAN_GAP = 150
"""Seconds; more than Dhan demands between two logins."""

PYTHON = """
import json, sys, time
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from kunji import Reader

dhan = Reader("dhan")
while True:
    live = dhan.live()
    try:
        urlopen(Request(sys.argv[1] + "/profile", headers=dict(live.headers)), timeout=10).read()
        good = True
    except HTTPError:
        good = False
    print(json.dumps([live.value, good]), flush=True)
    time.sleep(0.1)
"""
SHELL = """
set -e
eval "$("$1" -m kunji env dhan --min-left 10m --wait 60s)"
echo "$DHAN_ACCESS_TOKEN"
"$1" -m kunji token dhan
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, at=None) as made:
        made.auto()
        yield made


@contextmanager
def program(home: House, *command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, env=home.variables(), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def calls(process: subprocess.Popen[str]) -> Iterator[tuple[str, bool]]:
    """Each call it makes: with which token, and whether the broker took it."""
    assert process.stdout is not None
    for line in process.stdout:
        token, good = json.loads(line)
        yield token, good


def refreshed(home: House) -> str:
    result = home.run("refresh", "dhan", "--replace")
    assert result.returncode == 0, result.stderr
    token = home.sandbox.dhan.token(CLIENT)
    assert token is not None
    return token


def test_a_python_program_lives_through_a_refresh(home: House) -> None:
    old = refreshed(home)

    with program(home, sys.executable, "-c", PYTHON, home.sandbox.endpoints("dhan")["api"]) as running:
        made = calls(running)
        assert next(made) == (old, True)
        home.sandbox.clock.advance(DHAN_GAP)
        new = refreshed(home)
        first = next(call for call in made if call[0] == new)
        later = [next(made) for _ in range(10)]

    assert new != old
    assert [first, *later] == [(new, True)] * 11


@pytest.mark.long
def test_a_shell_script_waits_for_its_token(home: House) -> None:
    with program(home, "/bin/sh", "-c", SHELL, "strategy", sys.executable) as running:
        token = refreshed(home)
        printed, _ = running.communicate(timeout=60)

    assert printed.split() == [token, token]


@pytest.mark.long
def test_the_last_good_token_is_handed_out_while_all_else_is_down(home: House) -> None:
    token = refreshed(home)
    home.start()
    home.end(signal.SIGKILL)
    home.sandbox.dhan.down()
    home.sandbox.telegram.down()

    answer = json.loads(home.run("token", "dhan", "--json").stdout)

    assert answer["token"] == token
    assert 0 <= answer["age"] < 60


@pytest.mark.long
def test_a_token_that_the_broker_ended_is_handed_to_nobody(home: House) -> None:
    refreshed(home)
    home.start()
    home.sandbox.dhan.change(CLIENT, pin="000000")
    home.sandbox.dhan.kill_token(CLIENT)
    home.says("/account dhan", "no longer")

    asked = home.run("token", "dhan")

    assert (asked.returncode, asked.stdout) == (3, "")
    assert "the broker no longer accepts the token of dhan" in asked.stderr
