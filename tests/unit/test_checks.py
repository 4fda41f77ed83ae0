"""What `kunji check` finds, and that one bad finding hides no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bot.checks import check_all
from bot.config import Config, load
from bot.sandbox import Sandbox
from bot.server_facts import findings, on_the_way
from brokers import IST, TotpSecret
from kunji._redis import parse
from tests.redis_server import redis_server
from tests.unit.config.files import AUTO, write

PASSWORD = "hunter2-hunter2"


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


def test_a_year_whose_holidays_are_not_known_is_a_note(folder: Path, sandbox: Sandbox) -> None:
    config = with_sandbox(folder, sandbox)

    told = {}
    for day in (17, 18):
        sandbox.clock.set(datetime(2026, 12, day, 12, tzinfo=IST))
        good, said = checked(config)
        told[day] = [line for line in said if "calendar" in line]
        assert good

    assert told[17] == []
    [note] = told[18]
    assert "holidays of 2027" in note


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


def test_a_store_on_a_server_is_told_with_what_is_to_be_mended_there_and_without_its_password(
    folder: Path, tmp_path: Path
) -> None:
    with redis_server(tmp_path / "redis", password=PASSWORD) as server:
        write(folder, "dhan_config.json", AUTO)
        write(folder, "bot_config.json", {"store": server.address})
        config = load(folder, {})

        good, said = checked(config)
        server.client.config_set("maxmemory", "100mb")
        server.client.config_set("maxmemory-policy", "allkeys-lru")
        worse, now_said = checked(config)

    assert good, said
    assert next(line for line in said if "appendonly" in line).startswith("note ")
    assert f"ok    store: on the server at redis://127.0.0.1:{server.port}/0, Redis " in "\n".join(said)
    assert not worse
    assert "maxmemory-policy allkeys-lru" in failures(now_said)[0]
    assert PASSWORD not in "".join(said + now_said)


def test_what_the_servers_user_may_not_ask_is_not_known_and_no_failure(folder: Path, tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as server:
        server.client.execute_command("ACL", "SETUSER", "kunji", "on", f">{PASSWORD}", "~*", "&*", "+@all", "-info")
        write(folder, "dhan_config.json", AUTO)
        write(folder, "bot_config.json", {"store": f"redis://kunji:{PASSWORD}@127.0.0.1:{server.port}"})

        good, said = checked(load(folder, {}))

    assert good, said
    assert "may not ask the server how it is set up" in "".join(said)


def test_a_server_that_does_not_answer_is_one_failure(folder: Path, tmp_path: Path) -> None:
    with redis_server(tmp_path / "redis") as server:
        address = server.address
    write(folder, "dhan_config.json", AUTO)
    write(folder, "bot_config.json", {"store": address})

    good, said = checked(load(folder, {}))

    assert not good
    assert failures(said) == [f"store: the store at {address} cannot be reached"]


@pytest.mark.parametrize(
    ("address", "facts", "sign", "sentence"),
    [
        ("redis://127.0.0.1", {"redis_version": "6.0.16"}, False, "it takes 6.2 or later"),
        ("redis://127.0.0.1", {"redis_version": "10.0.1"}, True, "Redis 10.0.1"),
        ("redis://127.0.0.1?replicas=2", {"role": "master", "connected_slaves": "1"}, None, "2 copies"),
        ("redis://127.0.0.1", {"aof_enabled": "0"}, None, "appendonly yes"),
    ],
)
def test_what_a_server_says_of_itself_is_judged(
    address: str, facts: dict[str, str], sign: bool | None, sentence: str
) -> None:
    found = list(findings(parse(address), {"redis_version": "7.0.15", **facts}))

    assert [fine for fine, said in found if sentence in said] == [sign]


@pytest.mark.parametrize(
    ("address", "in_clear"),
    [
        ("redis://10.0.0.7", True),
        ("redis://store.example.com", True),
        ("rediss://10.0.0.7", False),
        ("redis://localhost", False),
        ("redis://[::1]:6380", False),
    ],
)
def test_a_network_in_clear_is_noted(address: str, in_clear: bool) -> None:
    assert bool(list(on_the_way(parse(address)))) == in_clear


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


DOOR = {"public_url": "https://kunji.example", "listen": "127.0.0.1:8730"}


@pytest.mark.parametrize(
    ("door", "noted"),
    [
        (DOOR, True),
        (DOOR | {"trusted_proxies": ["127.0.0.1"]}, False),
        (DOOR | {"listen": "unix:door.sock"}, False),
        ({"public_url": "http://127.0.0.1:8730", "listen": "127.0.0.1:8730"}, False),
        ({}, False),
    ],
)
def test_a_door_behind_a_proxy_that_nobody_trusts_is_worth_a_note_and_no_fault(
    folder: Path, door: dict[str, object], noted: bool
) -> None:
    write(folder, "bot_config.json", door)
    write(folder, "dhan_config.json", AUTO)

    good, said = checked(load(folder, {}))

    assert good
    assert any(line.startswith("note  door: without trusted_proxies") for line in said) == noted
