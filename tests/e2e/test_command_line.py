"""The command line, as a person and as a program meet it: what it prints where, and with which exit code."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.house import ADMIN, CLIENT, PIN, SECRET, WIFE, House, house


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        made.auto()
        made.sandbox.telegram.open_chat(ADMIN)
        yield made


def test_check_finds_everything_in_order_and_spends_no_login(home: House) -> None:
    home.bot_wide(telegram_chat_id=ADMIN)

    result = home.run("check", "--online")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "FAIL" not in result.stdout
    assert "@kunji_sandbox_bot" in result.stdout
    assert home.sandbox.dhan.calls("generateAccessToken") == 0


@pytest.mark.long
def test_check_says_what_cannot_be_reached_and_fails(home: House) -> None:
    home.sandbox.dhan.down()
    home.sandbox.telegram.down()

    result = home.run("check", "--online")

    assert result.returncode == 1
    assert "FAIL  dhan: Dhan could not be reached" in result.stdout
    assert "FAIL  Telegram: cannot be reached" in result.stdout


def test_every_fault_of_the_config_is_told_at_once_and_nothing_is_written(home: House) -> None:
    home.write("dhan_config.json", {"client_id": "1000000001", "pin": 12345, "totp_secet": SECRET})
    home.bot_wide(warn_before_minutes="soon")

    result = home.run("status")

    assert result.returncode == 2
    assert result.stdout == ""
    for part in ("dhan_config.json", "pin", "totp_secet", "totp_secret", "bot_config.json", "warn_before_minutes"):
        assert part in result.stderr
    assert all(line.startswith("kunji: ") for line in result.stderr.splitlines())
    assert SECRET not in result.stderr
    assert not (home.folder / ".kunji").exists()


def test_a_refresh_is_told_with_the_time_the_token_is_good_for(home: House) -> None:
    result = home.run("refresh", "dhan")

    assert result.returncode == 0, result.stderr
    assert "dhan refreshed: good until" in result.stdout
    assert home.token("dhan") == home.sandbox.dhan.token(CLIENT)


def test_the_only_account_need_not_be_named(home: House) -> None:
    alone = home.run("refresh")
    home.assisted()
    among_others = home.run("refresh")

    assert "dhan refreshed" in alone.stdout
    assert (among_others.returncode, among_others.stdout) == (2, "")
    assert "name one of the accounts: dhan, dhan-wife" in among_others.stderr


@pytest.mark.long
def test_a_refresh_that_needs_a_browser_asks_at_a_prompt(home: House) -> None:
    home.assisted()
    home.sandbox.clock.freeze()
    first = home.run("refresh", "dhan-wife", given="\n")
    landed = home.sandbox.dhan.approve(home.sandbox.dhan.consents(WIFE)[-1])

    result = home.run("refresh", "dhan-wife", given=f"{landed}\n")

    assert first.returncode == 1
    assert "http" in result.stderr
    assert landed not in result.stdout + result.stderr
    assert result.returncode == 0, result.stderr
    assert home.token("dhan-wife") == home.sandbox.dhan.token(WIFE)


@pytest.mark.long
def test_an_unknown_account_is_answered_with_the_names_that_exist(home: House) -> None:
    for words in (("refresh", "dan"), ("status", "dan"), ("totp", "dan")):
        result = home.run(*words)

        assert result.returncode == 2
        assert "there are: dhan" in result.stderr


@pytest.mark.long
def test_status_is_there_for_people_and_for_programs(home: House) -> None:
    before = json.loads(home.run("status", "--json").stdout)
    home.run("refresh", "dhan")
    after = json.loads(home.run("status", "dhan", "--json").stdout)
    shown = home.run("status").stdout

    assert before[0]["state"] == "missing"
    assert after[0]["state"] == "fresh"
    assert after[0]["expires_at"].endswith("+00:00")
    assert "fresh" in shown
    assert "IST" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


@pytest.mark.long
def test_a_dead_broker_fails_in_a_sentence(home: House) -> None:
    home.sandbox.dhan.down()

    result = home.run("refresh", "dhan")

    assert result.returncode == 1
    assert result.stderr.startswith("kunji: Dhan could not be reached")
    assert "Traceback" not in result.stderr


def test_totp_prints_the_code_alone_and_writes_the_line(home: House) -> None:
    env = home.folder / ".env"
    env.write_text("A=1\nTOTP=000000\nB=2\n")
    env.chmod(0o600)

    result = home.run("totp", "dhan", "--env-file", str(env))

    code = result.stdout.strip()
    assert result.returncode == 0, result.stderr
    assert len(code) == 6
    assert env.read_text() == f"A=1\nTOTP={code}\nB=2\n"
    assert "good for" in result.stderr


@pytest.mark.long
def test_totp_takes_a_typed_secret_or_address_without_echo(home: House) -> None:
    for typed in (SECRET, f"otpauth://totp/Dhan:me?secret={SECRET}&issuer=Dhan"):
        result = home.run("totp", given=f"{typed}\n")

        assert result.returncode == 0, result.stderr
        assert result.stdout.strip().isdigit()
        assert SECRET not in result.stdout + result.stderr


def test_a_mistyped_totp_secret_names_the_character_and_not_the_secret(home: House) -> None:
    result = home.run("totp", given="JBSWY3DPEHPK0PXP\n")

    assert result.returncode != 0
    assert "0" in result.stderr
    assert "JBSWY3DP" not in result.stderr


@pytest.mark.long
def test_sealed_values_leave_the_file_and_still_log_in(home: House) -> None:
    path = home.folder / "dhan_config.json"

    sealed = home.run("key", "seal", str(path))

    assert sealed.returncode == 0, sealed.stderr
    text = path.read_text()
    assert PIN not in text
    assert SECRET not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert home.run("refresh", "dhan").returncode == 0


@pytest.mark.long
def test_a_rotated_key_opens_everything_as_before(home: House) -> None:
    home.run("key", "seal", str(home.folder / "dhan_config.json"))
    home.run("refresh", "dhan")
    key = (home.folder / ".kunji" / "kunji.key").read_text()

    rotated = home.run("key", "rotate")

    assert rotated.returncode == 0, rotated.stderr
    assert (home.folder / ".kunji" / "kunji.key").read_text() != key
    assert home.token("dhan") == home.sandbox.dhan.token(CLIENT)
    assert home.run("status").returncode == 0


@pytest.mark.long
def test_a_new_key_forgives_no_refusal(home: House) -> None:
    home.sandbox.dhan.change(CLIENT, pin="999999")
    assert home.run("refresh", "dhan").returncode == 1

    home.run("key", "rotate")
    again = home.run("refresh", "dhan")

    assert again.returncode == 1
    assert "no further login" in again.stderr
    assert home.sandbox.dhan.attempts(CLIENT)["refused"] == 1


@pytest.mark.long
def test_a_bot_is_locked_and_unlocked_on_the_machine(home: House) -> None:
    home.start()
    assert home.run("lock").stdout.strip() == "locked"
    home.says("/refresh dhan", "kunji unlock")
    assert home.run("lock").stdout.strip() == "it was locked already"

    assert home.run("unlock").returncode == 0

    home.says("/refresh dhan", "new token")


@pytest.mark.long
def test_a_second_bot_on_the_same_store_is_refused(home: House) -> None:
    home.start()

    second = home.run("run")

    assert second.returncode == 1
    assert "already runs" in second.stderr


@pytest.mark.long
def test_a_moved_clock_is_refused_for_real_addresses(home: House) -> None:
    home.folder.joinpath("dhan_config.json").write_text(
        json.dumps({"client_id": CLIENT, "pin": PIN, "totp_secret": SECRET})
    )

    result = home.run("run")

    assert result.returncode == 1
    assert "KUNJI_CLOCK" in result.stderr


@pytest.mark.long
def test_a_store_of_a_newer_version_is_refused_and_left_alone(home: House) -> None:
    home.run("refresh", "dhan")
    path = home.folder / ".kunji" / "tokens.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"format": content["format"] + 1}))
    before = path.read_bytes()

    result = home.run("refresh", "dhan")

    assert result.returncode == 1
    assert "newer" in result.stderr
    assert path.read_bytes() == before
    assert home.sandbox.dhan.calls("generateAccessToken") == 1


@pytest.mark.long
def test_a_damaged_store_is_refused_and_left_alone(home: House) -> None:
    home.run("refresh", "dhan")
    path = home.folder / ".kunji" / "tokens.json"
    before = path.read_bytes().replace(b"sealed", b"seAled", 1)
    path.write_bytes(before)

    result = home.run("refresh", "dhan")

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert path.read_bytes() == before
    assert home.sandbox.dhan.calls("generateAccessToken") == 1


def test_the_token_is_printed_alone_and_its_absence_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    with house(tmp_path, at=None) as home:
        home.auto()
        none = home.run("token", "dhan")
        home.run("refresh", "dhan")

        token, env = home.run("token", "dhan"), home.run("env", "dhan", "--format", "dotenv")

        assert (none.returncode, none.stdout) == (3, "")
        assert none.stderr
        assert token.stdout == f"{home.sandbox.dhan.token(CLIENT)}\n"
        assert f"DHAN_ACCESS_TOKEN={home.sandbox.dhan.token(CLIENT)}" in env.stdout.replace('"', "").replace("'", "")


def test_help_begins_with_what_to_type(home: House) -> None:
    result = home.run("--help")

    assert result.returncode == 0
    assert "kunji demo" in result.stdout
