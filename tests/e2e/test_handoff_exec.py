"""Programs in several languages that call the broker all the time and live through a refresh, by every way the token is
handed to them."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.house import CLIENT, PIN, House, house
from tests.e2e.programs import Program
from tests.waiting import PATIENCE, eventually

WAYS = ("restart", "SIGHUP", "hook", "file")

# Each program: what to do, where to call, where to write "<status> <token>" for every call, and where it finds the
# token: `environment`, `command` (again after SIGHUP), or a file in the form of `.env` (before every call).
PYTHON = """
import os, signal, subprocess, sys, time, urllib.error, urllib.request
url, calls, source = sys.argv[1:4]
def found():
    if source == "environment":
        return os.environ["DHAN_ACCESS_TOKEN"]
    if source == "command":
        return subprocess.run(sys.argv[4:], capture_output=True, text=True, check=True).stdout.strip()
    [line] = [line for line in open(source) if line.startswith("DHAN_ACCESS_TOKEN=")]
    return line.strip().partition("=")[2]
def again(*_):
    global token
    token = found()
token = found()
signal.signal(signal.SIGHUP, again)
open(calls + ".pid", "w").write(str(os.getpid()))
while True:
    if source not in ("environment", "command"):
        token = found()
    used = token
    try:
        status = urllib.request.urlopen(urllib.request.Request(url, headers={"access-token": used})).status
    except urllib.error.HTTPError as error:
        status = error.code
    with open(calls, "a") as file:
        print(status, used, file=file)
    time.sleep(0.1)
"""
SHELL = r"""
url=$1 calls=$2 source=$3
shift 3
found() {
    case $source in
        environment) token=$DHAN_ACCESS_TOKEN ;;
        command) token=$("$@") ;;
        *) token=$(sed -n 's/^DHAN_ACCESS_TOKEN=//p' "$source") ;;
    esac
}
trap 'again=1' HUP
found "$@"
echo $$ > "$calls.pid"
while :; do
    if [ -n "$again" ] || [ -f "$source" ]; then again=; found "$@"; fi
    status=$(printf 'header = "access-token: %s"\n' "$token" | curl -s -o /dev/null -w '%{http_code}' --config - "$url")
    echo "$status $token" >> "$calls"
    sleep 0.2
done
"""
NODE = """
const fs = require("fs"), http = require("http"), { execFileSync } = require("child_process");
const [url, calls, source, ...command] = process.argv.slice(2);
function found() {
  if (source === "environment") return process.env.DHAN_ACCESS_TOKEN;
  if (source === "command") return execFileSync(command[0], command.slice(1)).toString().trim();
  return /^DHAN_ACCESS_TOKEN=(.*)$/m.exec(fs.readFileSync(source, "utf8"))[1];
}
let token = found();
process.on("SIGHUP", () => { token = found(); });
fs.writeFileSync(calls + ".pid", String(process.pid));
function call() {
  if (source !== "environment" && source !== "command") token = found();
  const used = token;
  http.get(url, { headers: { "access-token": used } }, (reply) => {
    reply.resume();
    reply.on("end", () => {
      fs.appendFileSync(calls, reply.statusCode + " " + used + "\\n");
      setTimeout(call, 100);
    });
  });
}
call();
"""
PROGRAMS = {"python": (sys.executable, PYTHON), "shell": ("sh", SHELL), "node": ("node", NODE)}


def needs(language: str, *commands: str) -> object:
    missing = [command for command in commands if shutil.which(command) is None]
    absent = pytest.mark.skipif(bool(missing), reason=f"there is no {missing} here")
    return pytest.param(language, marks=[absent, pytest.mark.long] if commands else [])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, at=None) as made:
        made.sandbox.dhan.rules(pace=False)
        yield made


def started(home: House, language: str, way: str, stack: ExitStack) -> Program:
    runner, text = PROGRAMS[language]
    script, calls = home.folder.parent / f"{language}-program", home.folder.parent / f"{way}.calls"
    script.write_text(text)
    source = {"restart": "environment", "file": str(home.folder / "dhan.env")}.get(way, "command")
    program = [runner, str(script), f"{home.sandbox.endpoints('dhan')['api']}/profile", str(calls), source]
    program += home.command("token", "dhan", "--config", str(home.folder))
    options = ["--on-refresh", way] if way in ("restart", "SIGHUP") else []
    command = home.command("exec", "dhan", *options, "--", *program)
    process = subprocess.Popen(command, env=home.variables(), stderr=subprocess.DEVNULL)
    stack.callback(process.wait, PATIENCE)
    stack.callback(process.terminate)
    return Program(process, calls)


@pytest.mark.parametrize("language", [needs("python"), needs("shell", "curl"), needs("node", "node")])
def test_a_program_lives_through_a_refresh_by_every_way(home: House, language: str) -> None:
    pid = home.folder.parent / "hook.calls.pid"
    home.auto(on_refresh=["sh", "-c", f"test ! -f {pid} || kill -HUP $(cat {pid})"], write_to="dhan.env")
    home.run("refresh", "dhan")
    home.start()
    eventually((home.folder / "dhan.env").exists, "the file is not written")
    with ExitStack() as stack:
        old = home.sandbox.dhan.token(CLIENT) or ""
        programs = {way: started(home, language, way, stack) for way in WAYS}
        for way, program in programs.items():
            eventually(lambda program=program: program.has_called(old), f"{way}: does not begin")

        home.sandbox.clock.advance(150)
        refreshed = home.run("refresh", "dhan", "--replace")

        new = home.sandbox.dhan.token(CLIENT) or ""
        assert (refreshed.returncode, new == old) == (0, False), refreshed.stderr
        for way, program in programs.items():
            eventually(lambda program=program: program.has_called(new, 5), f"{way}: does not learn of the new token")
        seen = "".join(_command_lines())
        for way, program in programs.items():
            made = program.made()
            after = made[[token for _, token in made].index(new) :]
            assert {token for _, token in after} == {new}, f"{way}: goes back to the old token"
            assert {status for status, _ in after} == {"200"}, f"{way}: has failed calls after the switch"
            assert program.process.poll() is None, f"{way}: has ended"
        assert not any(token in seen for token in (old, new))


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().decode("latin-1")
        except OSError:
            continue  # it ended meanwhile


@pytest.mark.long
def test_a_program_is_given_the_values_and_nothing_of_the_bots(home: House) -> None:
    home.environment = {"MY_PIN": PIN, "TELEGRAM_BOT_TOKEN": home.sandbox.telegram.token, "MINE": "1"}
    home.environment |= {"ADMIN_CHAT_ID": "1001", "KUNJI_STORE": str(home.folder / ".kunji")}
    home.auto(pin="${MY_PIN}")
    home.run("refresh", "dhan")

    result = home.run("exec", "dhan", "--", "env")

    given = dict(line.partition("=")[::2] for line in result.stdout.splitlines())
    assert given["DHAN_ACCESS_TOKEN"] == home.sandbox.dhan.token(CLIENT)
    assert given["MINE"] == "1"
    assert [name for name in given if name.startswith(("KUNJI_", "TELEGRAM_", "ADMIN_")) or name == "MY_PIN"] == []


def test_without_a_live_token_nothing_is_started(home: House) -> None:
    home.auto()

    result = home.run("exec", "dhan", "--", "touch", str(home.folder / "begun"))

    assert result.returncode == 3
    assert "no token for dhan" in result.stderr
    assert not (home.folder / "begun").exists()


@pytest.mark.long
def test_a_refresh_while_no_bot_ran_is_made_up_by_its_hook_once(home: House) -> None:
    home.auto(on_refresh=["sh", "-c", "echo $DHAN_ACCESS_TOKEN >> hooked; env > given; echo $DHAN_ACCESS_TOKEN"])
    home.run("refresh", "dhan")
    token = home.sandbox.dhan.token(CLIENT) or ""
    hooked = home.folder / "hooked"

    home.start()
    eventually(lambda: hooked.exists() and "hook is done" in home.log.read_text(), "the hook does not run")
    home.end()
    home.start()
    home.says("/status", "dhan")

    assert hooked.read_text() == f"{token}\n"
    assert "KUNJI_" not in (home.folder / "given").read_text()
    assert token not in home.log.read_text()
    assert "dhan: hook: […]" in home.log.read_text()


@pytest.mark.long
def test_a_hook_that_fails_is_told_and_the_bot_goes_on(home: House) -> None:
    home.auto(on_refresh=["sh", "-c", "echo something is wrong; exit 7"])
    home.start()

    home.says("/refresh dhan", "new token")

    home.sees("the command on_refresh ended with exit code 7")
    home.says("/status", "dhan")
    assert "something is wrong" in home.log.read_text()
    assert not any("something is wrong" in said for said in home.texts())


@pytest.mark.long
def test_the_file_for_programs_holds_the_live_token_and_never_one_that_was_rejected(home: House) -> None:
    home.auto(write_to="dhan.env")
    path = home.folder / "dhan.env"
    home.start()
    eventually(path.exists, "the file is not written")
    empty = path.read_text()

    home.says("/refresh dhan", "new token")

    token = home.sandbox.dhan.token(CLIENT) or ""
    eventually(lambda: f"DHAN_ACCESS_TOKEN={token}\n" in path.read_text(), "the file is not kept current")
    assert empty == "# dhan: there is no live token\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    home.sandbox.dhan.kill_token(CLIENT)
    home.says("/account dhan", "")
    eventually(lambda: path.read_text() == empty, "a rejected token is still in the file")


@pytest.mark.long
def test_a_file_that_cannot_be_written_is_told_once(home: House) -> None:
    home.auto(write_to="missing/dhan.env")
    home.start()

    told = home.sees("the file of write_to is not up to date")
    home.sandbox.clock.advance(200)
    home.says("/status", "dhan")

    assert "no such file or directory" in told.text
    assert len([said for said in home.texts() if "write_to" in said]) == 1


@pytest.mark.long
def test_ctrl_c_of_a_service_manager_reaches_the_program_and_its_exit_code_comes_back(home: House) -> None:
    home.auto()
    home.run("refresh", "dhan")
    program = "trap 'exit 9' INT; touch begun; while :; do sleep 0.02; done"
    command = home.command("exec", "dhan", "--on-refresh", "restart", "--", "sh", "-c", program)
    running = subprocess.Popen(command, env=home.variables(), cwd=home.folder)
    eventually((home.folder / "begun").exists, "the program does not begin")

    os.kill(running.pid, signal.SIGINT)

    assert running.wait(PATIENCE) == 9
