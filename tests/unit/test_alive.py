"""`kunji check --alive` says yes while the bot does its work, and no soon after it does not."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.alive import SignOfLife, dated
from bot.cli import cli
from bot.vitals import MOVING_WITHIN, Vitals
from kunji._alive import FILE, STALE_AFTER, Finding, look
from kunji._places import Places
from tests.fakes import FakeClock


def found(store: Path) -> Finding:
    return look(Places(str(store), str(store / "kunji.key")))


def bot_in(store: Path, *, swept_ago: float = 0.0, part: str = "") -> SignOfLife:
    clock = FakeClock()
    swept = clock.monotonic() - swept_ago
    vitals = Vitals(clock, heard=lambda: None, swept=lambda: swept, prove=lambda: None)
    return SignOfLife(store, vitals, lambda: part)


async def begin(bot: SignOfLife) -> None:
    """Its first sign, if it gives one."""
    running = asyncio.create_task(bot.run())
    await asyncio.wait({running}, timeout=0.3)
    running.cancel()


async def test_a_bot_that_works_is_alive(tmp_path: Path) -> None:
    await begin(bot_in(tmp_path))

    assert found(tmp_path).good
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


async def test_a_bot_among_others_says_what_its_part_is_as_long_as_it_is(tmp_path: Path) -> None:
    await begin(bot_in(tmp_path, part="it stands by, vps-1 leads"))
    assert found(tmp_path).sentence.endswith("s ago; it stands by, vps-1 leads")

    await begin(bot_in(tmp_path, part="it leads"))

    assert found(tmp_path).sentence.endswith("s ago; it leads")


async def test_a_bot_whose_schedule_is_stuck_gives_no_sign(tmp_path: Path) -> None:
    await begin(bot_in(tmp_path, swept_ago=MOVING_WITHIN + 1))

    assert not found(tmp_path).good


async def test_a_bot_that_was_ended_is_not_alive_from_that_moment_on(tmp_path: Path) -> None:
    bot = bot_in(tmp_path)
    await begin(bot)

    bot.take_back()

    assert found(tmp_path) == Finding(False, f"no bot serves the store {tmp_path}")


def test_a_bot_that_was_killed_is_missed_at_once(tmp_path: Path) -> None:
    gives_a_sign = f"from bot.alive import dated; dated(Path({str(tmp_path / FILE)!r})); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", f"import os; from pathlib import Path; {gives_a_sign}"], check=False)

    good, sentence = found(tmp_path)

    assert not good
    assert sentence.startswith("the bot was killed")


def test_two_bots_of_one_crew_may_share_the_folder_and_one_of_them_may_end(tmp_path: Path) -> None:
    first = dated(tmp_path / FILE)
    dated(tmp_path / FILE)

    os.close(first)

    assert found(tmp_path).good


@pytest.mark.parametrize("off", [-STALE_AFTER - 5, STALE_AFTER + 5, 3600.0])
def test_an_old_sign_is_none_and_neither_is_one_from_the_future(tmp_path: Path, off: float) -> None:
    dated(tmp_path / FILE)
    at = time.time() - off
    os.utime(tmp_path / FILE, (at, at))

    good, sentence = found(tmp_path)

    assert not good
    assert sentence.startswith("the bot is stuck or was killed")


async def test_the_sign_is_not_given_through_somebody_elses_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.touch()
    os.utime(victim, (0, 0))
    (tmp_path / FILE).symlink_to(victim)

    await begin(bot_in(tmp_path))

    assert victim.stat().st_mtime == 0


@pytest.mark.parametrize("good", [True, False])
def test_the_command_says_one_sentence_and_its_exit_code_the_same(tmp_path: Path, good: bool) -> None:
    if good:
        dated(tmp_path / FILE)
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "KUNJI_STORE": str(tmp_path)}

    ended = subprocess.run(
        [sys.executable, "-m", "kunji", "check", "--alive"], env=variables, capture_output=True, text=True, check=False
    )

    assert ended.returncode == (0 if good else 1)
    assert len(ended.stdout.splitlines()) == 1
    assert ended.stderr == ""


def test_it_is_the_same_with_a_config_folder_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / ".kunji").mkdir()
    dated(tmp_path / ".kunji" / FILE)

    ended = CliRunner().invoke(cli, ["--config", str(tmp_path), "check", "--alive"], env={"KUNJI_STORE": None})

    assert ended.exit_code == 0
