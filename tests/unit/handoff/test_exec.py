"""`kunji exec`: the program runs as if it had been typed alone, but for its environment, and learns of new tokens."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.handoff.exec import Source
from kunji import Reader
from tests.unit.handoff.programs import Desk, desk, is_running
from tests.waiting import PATIENCE, eventually

ALONE: tuple[str, ...] = ()
RESTART = ("--on-refresh", "restart")
BOTH = pytest.mark.parametrize("options", [ALONE, RESTART], ids=["alone", "supervised"])
NOTES = "echo $DHAN_ACCESS_TOKEN >> tokens; "
FOR_EVER = "n=0; while [ $n -lt 1500 ]; do sleep 0.02; n=$((n + 1)); done"
"""Longer than any test waits."""
AS_THE_FIRST = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        made.save("one")
        yield made


@BOTH
def test_the_exit_code_of_the_program_is_that_of_the_command(here: Desk, options: tuple[str, ...]) -> None:
    result = here.run("dhan", *options, "--", "sh", "-c", "echo out; echo err >&2; exit 7")

    assert (result.returncode, result.stdout, result.stderr) == (7, "out\n", "err\n")


@BOTH
def test_a_program_that_dies_by_a_signal_takes_the_command_along(here: Desk, options: tuple[str, ...]) -> None:
    result = here.run("dhan", *options, "--", "sh", "-c", "kill -KILL $$")

    assert result.returncode == -signal.SIGKILL


@pytest.mark.long
@BOTH
def test_what_cannot_be_run_is_answered_as_shells_do(here: Desk, options: tuple[str, ...]) -> None:
    (here.folder / "data").write_text("no program")

    absent, data = here.run("dhan", *options, "--", "no-such-thing"), here.run("dhan", *options, "--", "./data")

    assert (absent.returncode, data.returncode) == (127, 126)
    assert "no-such-thing was not found" in absent.stderr
    assert "./data cannot be run: permission denied" in data.stderr


@BOTH
def test_pipes_break_for_the_program_as_they_do_without_kunji(here: Desk, options: tuple[str, ...]) -> None:
    result = here.run("dhan", *options, "--", "sh", "-c", "yes | head -n 1")

    assert (result.stdout, result.stderr) == ("y\n", "")


def test_words_behind_the_dashes_are_the_programs_own(here: Desk) -> None:
    result = here.run("dhan", "--", "echo", "--config", "x", "--wait", "--", "--help")

    assert result.stdout == "--config x --wait -- --help\n"


def test_without_the_dashes_it_is_said_how_to_type_it(here: Desk) -> None:
    result = here.run("dhan")

    assert result.returncode == 2
    assert "kunji exec dhan -- python strategy.py" in result.stderr


def test_accounts_that_set_the_same_variable_are_refused(here: Desk) -> None:
    here.save("other", "dhan-wife")

    result = here.run("dhan", "dhan-wife", "--", "touch", "begun")

    assert result.returncode == 2
    assert "several of these accounts set DHAN_ACCESS_TOKEN" in result.stderr
    assert not (here.folder / "begun").exists()


@pytest.mark.long
def test_it_waits_for_a_live_token_as_long_as_it_is_told(here: Desk) -> None:
    here.save("dead", rejected=True)
    at_once = here.run("dhan", "--", "true")
    waiting = here.start("dhan", "--wait", "20s", "--", "sh", "-c", NOTES)

    here.save("two")

    assert waiting.wait(PATIENCE) == 0
    assert at_once.returncode == 3
    assert "no longer accepts the token of dhan" in at_once.stderr
    assert here.noted("tokens") == ["two"]


def test_a_new_token_restarts_all_of_the_program_and_it_has_the_new_one(here: Desk) -> None:
    worker = f"sh -c 'trap \"echo asked >> ended; exit\" TERM; echo $$ >> workers; {FOR_EVER}' & wait"
    here.start("dhan", *RESTART, "--", "sh", "-c", NOTES + worker)
    eventually(lambda: len(here.noted("workers")) == 1, "the program does not begin")

    here.save("two")

    eventually(lambda: len(here.noted("workers")) == 2, "the program is not restarted")
    first, second = map(int, here.noted("workers"))
    assert here.noted("tokens") == ["one", "two"]
    assert not is_running(first)
    assert is_running(second)
    assert here.noted("ended") == ["asked"]
    os.kill(here.running[0].pid, signal.SIGTERM)
    os.kill(second, signal.SIGKILL)


@pytest.mark.long
def test_a_program_that_does_not_end_in_its_time_is_killed(here: Desk) -> None:
    here.start("dhan", *RESTART, "--grace", "0s", "--", "sh", "-c", f"trap '' TERM; {NOTES} {FOR_EVER}")
    here.awaits("tokens", "one")

    here.save("two")

    here.awaits("tokens", "one", "two")


def test_many_tokens_in_a_row_are_one_restart_with_the_newest(here: Desk) -> None:
    ends_slowly = "trap 'touch asked; while [ ! -f go ]; do sleep 0.02; done; exit' TERM; "
    here.start("dhan", *RESTART, "--", "sh", "-c", ends_slowly + NOTES + FOR_EVER)
    here.awaits("tokens", "one")

    here.save("two")
    eventually((here.folder / "asked").exists, "it is not asked to end")
    here.save("three")
    here.save("four")
    (here.folder / "go").touch()

    here.awaits("tokens", "one", "four")


def test_a_program_asked_to_end_during_a_restart_is_not_started_again(here: Desk) -> None:
    ends_slowly = "trap 'touch asked; while [ ! -f go ]; do sleep 0.02; done; exit 5' TERM; "
    running = here.start("dhan", *RESTART, "--", "sh", "-c", ends_slowly + NOTES + FOR_EVER)
    here.awaits("tokens", "one")
    here.save("two")
    eventually((here.folder / "asked").exists, "it is not asked to end")

    running.terminate()
    (here.folder / "go").touch()

    assert running.wait(PATIENCE) == 5
    assert here.noted("tokens") == ["one"]


@pytest.mark.long
def test_for_a_token_that_was_rejected_nothing_is_done(here: Desk) -> None:
    here.start("dhan", *RESTART, "--", "sh", "-c", NOTES + FOR_EVER)
    here.awaits("tokens", "one")

    here.save("dead", rejected=True)
    here.save("three")

    here.awaits("tokens", "one", "three")


def test_an_account_keeps_its_values_until_there_is_a_live_token_again(here: Desk) -> None:
    said: list[str] = []
    source = Source([Reader("dhan", config=here.folder, environment={})], said.append)
    values = [source.first(0)]

    here.save("dead", rejected=True)
    values.append(source.newest())
    tokens = here.folder / ".kunji" / "tokens.json"
    whole = tokens.read_bytes()
    tokens.write_bytes(b"damaged")
    values += [source.newest(), source.newest()]
    tokens.write_bytes(whole)
    here.save("two")
    values.append(source.newest())

    assert [one["DHAN_ACCESS_TOKEN"] for one in values] == ["one", "one", "one", "one", "two"]
    assert len(said) == 1
    assert "damaged" in said[0]


def test_accounts_that_come_to_contradict_each_other_keep_the_values_they_had(here: Desk) -> None:
    here.save("one", "dhan-wife")
    said: list[str] = []
    readers = [Reader(name, config=here.folder, environment={}) for name in ("dhan", "dhan-wife")]
    source = Source(readers, said.append)
    values = [source.first(0)]

    here.save("two")
    values += [source.newest(), source.newest()]
    here.save("two", "dhan-wife")
    values.append(source.newest())

    assert [one["DHAN_ACCESS_TOKEN"] for one in values] == ["one", "one", "one", "two"]
    assert len(said) == 1
    assert "several of these accounts set DHAN_ACCESS_TOKEN" in said[0]


def supervised(here: Desk, newest: str, *, at_most_every: float = 0.0) -> int:
    """The exit code, with a program that notes the tokens it is begun with and its process id."""
    script = f"""
import os, signal, sys
from pathlib import Path
from bot.handoff.supervisor import Supervisor, Wanted
asked = []
tokens = lambda: Path("tokens").read_text().split() if Path("tokens").exists() else []
def newest():
    asked.append(1)
    {newest}
program = ["sh", "-c", "echo $$ >> programs; echo $TOKEN >> tokens; exec sleep 60"]
wanted = Wanted(program, dict(os.environ), "restart", 5, at_most_every={at_most_every})
sys.exit(-Supervisor(wanted, newest, print, look_every=0.01).run({{"TOKEN": "one"}}))
"""
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, env=here.variables(), cwd=here.folder, timeout=PATIENCE, check=False, stderr=subprocess.DEVNULL
    ).returncode


def test_tokens_that_change_places_are_one_restart_until_its_time_is_over(here: Desk) -> None:
    swapped = """
    if len(asked) > 100 and len(tokens()) > 1:
        signal.raise_signal(signal.SIGTERM)
    return {"TOKEN": "two" if len(asked) % 2 else "one"}"""

    supervised(here, swapped, at_most_every=3600)

    assert len(here.noted("tokens")) == 2


def test_what_came_too_soon_after_a_restart_is_not_forgotten(here: Desk) -> None:
    quick = """
    if tokens() == ["one", "two", "three"]:
        signal.raise_signal(signal.SIGTERM)
    return {"TOKEN": "two" if len(asked) < 3 else "three"}"""

    supervised(here, quick, at_most_every=0.05)

    assert here.noted("tokens") == ["one", "two", "three"]


def test_a_program_that_nobody_watches_any_more_is_ended(here: Desk) -> None:
    stumbles = """
    if tokens():
        raise ValueError("an odd record")
    return {"TOKEN": "one"}"""

    code = supervised(here, stumbles)

    assert code == 1
    [program] = map(int, here.noted("programs"))
    assert not is_running(program)


@pytest.mark.long
def test_a_program_is_not_left_alone_where_nobody_reads_what_is_said(here: Desk) -> None:
    unread, said = os.pipe()
    os.close(unread)
    command = here.words("dhan", *RESTART, "--", "sh", "-c", NOTES + FOR_EVER)
    here.running.append(subprocess.Popen(command, env=here.variables(), cwd=here.folder, stderr=said))
    os.close(said)
    here.awaits("tokens", "one")

    here.save("two")

    here.awaits("tokens", "one", "two")


def test_a_program_asked_to_end_between_two_runs_is_not_started_again(here: Desk) -> None:
    program = here.folder / "program"
    program.write_text("#!/bin/sh\nexec sleep 20\n")
    program.chmod(0o700)
    supervised = """
import os, signal, sys
from bot.handoff.supervisor import Supervisor, Wanted
asked = []
def newest():
    asked.append(1)
    if len(asked) == 2:
        os.unlink("program")
        os.kill(os.getpid(), signal.SIGTERM)
    return {"TOKEN": "two"}
wanted = Wanted(["./program"], dict(os.environ), "restart", 5)
sys.exit(-Supervisor(wanted, newest, print, look_every=0.1).run({"TOKEN": "one"}))
"""
    command = [sys.executable, "-c", supervised]
    result = subprocess.run(command, env=here.variables(), cwd=here.folder, timeout=PATIENCE, check=False)

    assert result.returncode == signal.SIGTERM


def test_the_first_process_of_a_container_can_be_ended_while_it_waits(here: Desk) -> None:
    if subprocess.run(["sh", "-c", 'exec "$@"', "sh", *AS_THE_FIRST, "true"], check=False).returncode:
        pytest.skip("no process can be made the first here")
    here.save("dead", rejected=True)
    words = here.words("dhan", "--wait", "60s", "--", "true")
    waiting = subprocess.Popen([*AS_THE_FIRST, *words], env=here.variables(), cwd=here.folder)
    here.running.append(waiting)

    eventually(lambda: has_ended_when_asked(waiting), "it does not end")

    assert waiting.returncode == 128 + signal.SIGTERM


def has_ended_when_asked(waiting: subprocess.Popen[bytes]) -> bool:
    subprocess.run(["pkill", "-TERM", "-P", str(waiting.pid)], check=False)
    return waiting.poll() is not None


@pytest.mark.parametrize("name", ["SIGHUP", "SIGUSR1"])
def test_a_program_can_be_signalled_in_place_of_a_restart(here: Desk, name: str) -> None:
    noting = f"trap 'echo $DHAN_ACCESS_TOKEN >> told' {name.removeprefix('SIG')}; "
    here.start("dhan", "--on-refresh", name, "--", "sh", "-c", noting + NOTES + FOR_EVER)
    here.awaits("tokens", "one")

    here.save("two")

    here.awaits("told", "one")
    assert here.noted("tokens") == ["one"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_signals_reach_the_program(here: Desk, number: signal.Signals) -> None:
    traps = f"trap 'exit {10 + number}' {number.name.removeprefix('SIG')}; "
    running = here.start("dhan", *RESTART, "--", "sh", "-c", traps + NOTES + FOR_EVER)
    here.awaits("tokens", "one")

    running.send_signal(number)

    assert running.wait(PATIENCE) == 10 + number


def test_in_a_terminal_the_program_hears_what_is_typed_and_ctrl_c_once(here: Desk) -> None:
    ours, theirs = pty.openpty()
    takes_the_terminal = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
    program = "trap 'echo hit >> hits' INT; read line; echo $line > heard; " + FOR_EVER
    words = here.words("dhan", *RESTART, "--", "sh", "-c", program)
    wrapped = [sys.executable, "-c", takes_the_terminal, str(theirs), *words]
    running = subprocess.Popen(
        wrapped, env=here.variables(), cwd=here.folder, pass_fds=[theirs], start_new_session=False
    )
    here.running.append(running)

    os.write(ours, b"good morning\n")
    here.awaits("heard", "good morning")
    os.write(ours, b"\x03")
    here.awaits("hits", "hit")
    os.write(ours, b"\x1c")  # Ctrl-\\

    assert running.wait(PATIENCE) == -signal.SIGQUIT
    assert here.noted("hits") == ["hit"]
    os.close(ours)
    os.close(theirs)
