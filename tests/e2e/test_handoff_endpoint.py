"""The local endpoint of a real `kunji run`: programs in several languages live through a refresh by waiting for it."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from brokers import IST
from tests.e2e.house import ADMIN, CLIENT, House, house
from tests.e2e.programs import Program
from tests.waiting import PATIENCE, eventually

# Each program: where the endpoint is (the path of a socket, or host:port), where to call the broker, and where to write
# "<status> <token>" for every call. Its key, if it has one, is in the environment. Between two calls it waits a little
# for a newer token than the one it has.
PYTHON = """
import http.client, json, os, socket, sys, urllib.error, urllib.request
place, url, calls = sys.argv[1:]
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(place)
kunji = Connection("localhost") if place.startswith("/") else http.client.HTTPConnection(place)
key = os.environ.get("READER_KEY")
headers = {"Authorization": f"Bearer {key}"} if key else {}
def ask(query):
    kunji.request("GET", f"/v1/tokens/dhan?{query}", headers=headers)
    reply = kunji.getresponse()
    return reply.status, reply.headers.get("ETag", "").strip('"'), reply.read()
status, mark, body = ask("wait=10")
while True:
    if status == 200:
        known = json.loads(body)
    try:
        called = urllib.request.urlopen(urllib.request.Request(url, headers=known["headers"])).status
    except urllib.error.HTTPError as error:
        called = error.code
    with open(calls, "a") as file:
        print(called, known["token"], file=file)
    status, mark, body = ask(f"newer_than={mark}&wait=0.2")
"""
SHELL = r"""
place=$1 url=$2 calls=$3
kunji() {
    case $place in /*) set -- --unix-socket "$place" "http://localhost$1" ;; *) set -- "http://$place$1" ;; esac
    printf '%s\n' "${READER_KEY:+Authorization: Bearer $READER_KEY}" | curl -s -D "$calls.head" -H @- "$@"
}
again="wait=10"
while :; do
    body=$(kunji "/v1/tokens/dhan?$again")
    mark=$(sed -n 's/^etag: "\(.*\)".*/\1/p' "$calls.head")
    if [ -n "$body" ]; then token=$(printf '%s' "$body" | sed 's/.*"token":"\([^"]*\)".*/\1/'); fi
    status=$(printf 'access-token: %s\n' "$token" | curl -s -o /dev/null -w '%{http_code}' -H @- "$url")
    echo "$status $token" >> "$calls"
    again="newer_than=$mark&wait=0.2"
done
"""
NODE = """
const fs = require("fs"), http = require("http");
const [place, url, calls] = process.argv.slice(2), key = process.env.READER_KEY;
const [host, port] = place.split(":");
const where = place.startsWith("/") ? { socketPath: place } : { host, port };
const get = (...what) => new Promise((done) => http.get(...what, (reply) => {
  let body = "";
  reply.on("data", (part) => { body += part; });
  reply.on("end", () => done({ status: reply.statusCode, mark: reply.headers.etag, body }));
}));
const ask = (query) => get({ ...where, path: "/v1/tokens/dhan?" + query,
  headers: key ? { authorization: "Bearer " + key } : {} });
(async () => {
  let answer = await ask("wait=10"), known;
  for (;;) {
    if (answer.status === 200) known = JSON.parse(answer.body);
    const called = await get(url, { headers: known.headers });
    fs.appendFileSync(calls, called.status + " " + known.token + "\\n");
    answer = await ask("wait=0.2&newer_than=" + encodeURIComponent(answer.mark));
  }
})();
"""
PROGRAMS = {"python": (sys.executable, PYTHON), "shell": ("sh", SHELL), "node": ("node", NODE)}
NEEDS = {"python": sys.executable, "shell": "curl", "node": "node"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, at=None) as made:
        made.sandbox.dhan.rules(pace=False)
        made.auto()
        yield made


def place_of(home: House) -> str:
    """Where the log says that programs may ask."""
    eventually(lambda: "programs may ask at" in home.log.read_text(), "the endpoint is not opened")
    return re.findall(r"programs may ask at (?:unix:)?(\S+)", home.log.read_text())[-1]


def started(home: House, language: str, key: str, stack: ExitStack) -> Program:
    runner, text = PROGRAMS[language]
    script, calls = home.folder.parent / f"{language}-program", home.folder.parent / f"{language}.calls"
    script.write_text(text)
    command = [runner, str(script), place_of(home), f"{home.sandbox.endpoints('dhan')['api']}/profile", str(calls)]
    process = subprocess.Popen(command, env={"PATH": os.environ["PATH"], "READER_KEY": key})
    stack.callback(process.wait, PATIENCE)
    stack.callback(process.kill)
    return Program(process, calls)


def ask(home: House, method: str, path: str, **headers: str) -> tuple[int, Any]:
    place = place_of(home)
    connection = http.client.HTTPConnection(place if ":" in place else "localhost", timeout=PATIENCE)
    if ":" not in place:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(place)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read() or b"null")
    finally:
        connection.close()


@pytest.mark.parametrize(
    "listen", ["unix:kunji.sock", pytest.param("127.0.0.1:0", marks=pytest.mark.long)], ids=["socket", "port"]
)
@pytest.mark.parametrize(
    "spoken", [["python", "shell"], pytest.param(["node"], marks=pytest.mark.long)], ids=["python and shell", "node"]
)
def test_programs_live_through_a_refresh(home: House, listen: str, spoken: list[str]) -> None:
    if missing := [NEEDS[language] for language in spoken if shutil.which(NEEDS[language]) is None]:
        pytest.skip(f"there is no {missing[0]} here")
    home.bot_wide(private_listen=listen)
    home.run("refresh", "dhan")
    key = ""
    if not listen.startswith("unix"):
        key = home.run("key", "reader", "add", "strategy1", "--accounts", "dhan").stdout.strip()
    home.start()
    with ExitStack() as stack:
        old = home.sandbox.dhan.token(CLIENT) or ""
        programs = {language: started(home, language, key, stack) for language in spoken}
        for language, program in programs.items():
            eventually(lambda program=program: program.has_called(old), f"{language}: does not begin")

        home.sandbox.clock.advance(150)
        refreshed = home.run("refresh", "dhan", "--replace")

        new = home.sandbox.dhan.token(CLIENT) or ""
        assert (refreshed.returncode, new == old) == (0, False), refreshed.stderr
        for language, program in programs.items():
            eventually(
                lambda program=program: program.has_called(new, 5), f"{language}: does not learn of the new token"
            )
            made = program.made()
            after = made[[token for _, token in made].index(new) :]
            assert {token for _, token in after} == {new}, f"{language}: goes back to the old token"
            assert {status for status, _ in after} == {"200"}, f"{language}: calls fail after the switch"
            assert program.process.poll() is None


@pytest.mark.long
def test_the_socket_is_the_owners_alone_and_the_last_good_token_is_served_while_everything_else_is_down(
    home: House,
) -> None:
    home.bot_wide(private_listen="unix:kunji.sock")
    home.run("refresh", "dhan")
    home.sandbox.telegram.down()
    home.sandbox.dhan.down()
    home.start(wait=False)

    status, answer = ask(home, "GET", "/v1/tokens/dhan")

    assert (status, answer["token"]) == (200, home.sandbox.dhan.token(CLIENT))
    assert answer["age"] >= 0
    assert stat.S_IMODE((home.folder / "kunji.sock").stat().st_mode) == 0o600
    home.end()
    assert stat.S_IMODE((home.folder / ".kunji" / "audit.log").stat().st_mode) == 0o600
    assert not (home.folder / "kunji.sock").exists()


@pytest.mark.long
def test_a_bot_that_was_killed_opens_its_socket_again(home: House) -> None:
    home.bot_wide(private_listen="unix:kunji.sock")
    home.run("refresh", "dhan")
    home.start()
    home.end(signal.SIGKILL)
    assert (home.folder / "kunji.sock").exists()

    home.start()

    assert ask(home, "GET", "/v1/tokens/dhan")[0] == 200


@pytest.mark.long
def test_a_dead_token_is_replaced_for_the_program_that_says_so(home: House) -> None:
    home.at(datetime.now(IST).replace(hour=12))
    home.bot_wide(private_listen="unix:kunji.sock")
    home.run("refresh", "dhan")
    home.start()
    [row] = ask(home, "GET", "/v1/accounts")[1]["accounts"]
    home.sandbox.clock.advance(150)
    home.sandbox.dhan.kill_token(CLIENT)

    status, answer = ask(home, "POST", "/v1/tokens/dhan/rejected", If_Match=row["etag"])

    assert (status, answer["alive"]) == (200, False)
    assert answer["token"] == home.sandbox.dhan.token(CLIENT)
    assert "program" in home.says("/history", "program", chat=ADMIN).text
    home.sees("another program or person")


@pytest.mark.long
def test_keys_are_shown_once_never_made_twice_listed_and_taken_away_while_the_bot_runs(home: House) -> None:
    home.bot_wide(private_listen="127.0.0.1:0")
    home.run("refresh", "dhan")
    home.start()

    added = home.run("key", "reader", "add", "strategy1", "--accounts", "dhan")
    key = added.stdout.strip()
    again = home.run("key", "reader", "add", "strategy1", "--accounts", "all")
    unknown = home.run("key", "reader", "add", "strategy2", "--accounts", "dhan,zerodha")
    given = ask(home, "GET", "/v1/tokens/dhan", Authorization=f"Bearer {key}")
    listed = home.run("key", "reader", "list").stdout
    removed = home.run("key", "reader", "remove", "strategy1")
    refused = ask(home, "GET", "/v1/tokens/dhan", Authorization=f"Bearer {key}")

    assert re.fullmatch(r"kr_[A-Za-z0-9_-]{43}\n", added.stdout)
    assert (given[0], refused[0]) == (200, 401)
    assert "strategy1" in listed
    assert "dhan" in listed
    assert (removed.returncode, again.returncode, unknown.returncode) == (0, 1, 2)
    assert "strategy1 has a key already" in again.stderr
    assert "there is no account zerodha" in unknown.stderr
    assert again.stdout + unknown.stdout == ""
    assert "no program has a key" in home.run("key", "reader", "list").stdout
    assert key not in listed + added.stderr + home.log.read_text()


@pytest.mark.long
def test_a_place_that_is_taken_is_one_sentence_and_the_bot_does_not_start(home: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        home.bot_wide(private_listen=f"127.0.0.1:{taken.getsockname()[1]}")

        result = home.run("run")

    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("kunji: there is no listening at 127.0.0.1:")
    assert "Traceback" not in result.stderr


@pytest.mark.long
def test_a_certificate_that_is_none_is_one_sentence_and_the_bot_does_not_start(home: House) -> None:
    home.bot_wide(private_listen="0.0.0.0:0", private_tls={"certificate": "chain.pem", "key": "key.pem"})

    result = home.run("run")

    assert result.returncode == 1
    assert "cannot be read: no such file" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
