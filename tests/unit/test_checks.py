"""What `kunji check` finds, and that one bad finding hides no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.checks import check_all
from bot.config import Config, load
from bot.sandbox import Sandbox
from brokers import TotpSecret
from tests.unit.config.files import AUTO, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "config"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(skip_sleeps=True) as running:
        running.telegram.open_chat(5001)
        running.dhan.add_client(AUTO["client_id"], AUTO["pin"], AUTO["totp_secret"])
        monkeypatch.setenv("KUNJI_CLOCK", running.clock_url)
        yield running


def with_sandbox(folder: Path, sandbox: Sandbox) -> Config:
    write(folder, "bot_config.json", {"telegram_api_url": sandbox.telegram_url})
    own = {"endpoints": sandbox.endpoints("dhan"), "telegram_bot_token": sandbox.telegram.token}
    write(folder, "dhan_config.json", AUTO | own)
    return load(folder, {})


def checked(config: Config, *, online: bool = False) -> tuple[bool, list[str]]:
    said: list[str] = []
    return check_all(config, online=online, say=said.append), said


def failures(said: list[str]) -> list[str]:
    return [line.removeprefix("FAIL  ") for line in said if line.startswith("FAIL")]


def test_offline_nothing_is_claimed_of_the_clock(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)

    good, said = checked(load(folder, {}))

    assert good
    assert "ok    clock: compared with the brokers by --online only" in said
    assert "TOTP" not in " ".join(said)


def test_a_damaged_store_is_one_failure_and_what_does_not_need_it_is_told(folder: Path, sandbox: Sandbox) -> None:
    config = with_sandbox(folder, sandbox)
    checked(config)
    write(folder / ".kunji", "tokens.json", "nothing that was ever written")

    good, said = checked(config, online=True)

    [failure] = failures(said)
    assert not good
    assert failure.startswith("store: ")
    assert "ok    dhan_config.json: account dhan at Dhan, login auto" in said
    assert "Telegram: chat 5001 can be reached" in " ".join(said)


def test_online_a_totp_code_is_made_and_neither_shown_nor_used_up(folder: Path, sandbox: Sandbox) -> None:
    config = with_sandbox(folder, sandbox)

    good, said = checked(config, online=True)

    assert good, said
    assert ("ok    dhan: a TOTP code of 6 digits can be made; compare one with your phone: kunji totp dhan") in said
    assert sandbox.dhan.code(AUTO["client_id"]) not in " ".join(said)
    assert sandbox.dhan.calls("generateAccessToken") == 0


def test_online_the_code_is_really_made(folder: Path, sandbox: Sandbox) -> None:
    config = with_sandbox(folder, sandbox)
    [account] = config.accounts
    eight = TotpSecret.parse(f"otpauth://totp/Dhan?secret={AUTO['totp_secret']}&digits=8")
    unusual = replace(account, config=replace(account.config, totp_secret=eight))

    _, said = checked(replace(config, accounts=(unusual,)), online=True)

    assert "dhan: a TOTP code of 8 digits can be made" in " ".join(said)


def test_a_broker_that_cannot_be_reached_hides_nothing_else(folder: Path, sandbox: Sandbox) -> None:
    config = with_sandbox(folder, sandbox)
    sandbox.dhan.down()

    good, said = checked(config, online=True)

    assert not good
    assert len(failures(said)) == 1
    assert failures(said)[0].startswith("dhan: Dhan could not be reached")
    assert any("a TOTP code of 6 digits" in line for line in said)
    assert said[-1].startswith("ok    clock: ")
