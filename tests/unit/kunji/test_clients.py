"""`connect` hands out the broker's own client, logged in and quiet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.kunji.official import (
    DHANHQ,
    DHANHQ_BEFORE,
    KITECONNECT,
    NEO_API_CLIENT,
    REQUESTS,
    SMARTAPI_FILES,
    run,
    save_accounts,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_accounts(tmp_path)
    return tmp_path


def attributes(folder: Path, modules: Mapping[str, str], script: str) -> dict[str, Any]:
    """Those of the expression in the last line."""
    lines = script.splitlines()
    ended = run(folder, modules, "\n".join([*lines[:-1], f"import json; print(json.dumps(vars({lines[-1]})))"]))
    assert (ended.code, ended.err) == (0, "")
    found: dict[str, Any] = json.loads(ended.out)
    return found


def test_zerodha(folder: Path) -> None:
    assert attributes(folder, {"kiteconnect": KITECONNECT}, "connect('zerodha', timeout=3)") == {
        "api_key": "kite-api-key",
        "access_token": "kite-token",
        "timeout": 3,
        "debug": False,
        "disable_ssl": False,
    }


@pytest.mark.parametrize("client", [DHANHQ, DHANHQ_BEFORE], ids=["2.1", "before"])
def test_dhan(folder: Path, client: str) -> None:
    assert attributes(folder, {"dhanhq": client}, "connect('dhan', pool={'pool_maxsize': 2})") == {
        "client_id": "1100",
        "access_token": "dhan-token",
        "pool": {"pool_maxsize": 2},
    }


def test_angel_one(folder: Path) -> None:
    assert attributes(folder, SMARTAPI_FILES, "connect('angelone', timeout=3)") == {
        "api_key": "angel-api-key",
        "access_token": "angel-token",
        "refresh_token": "angel-refresh",
        "feed_token": "angel-feed",
        "userId": "1100",
        "timeout": 3,
    }


def test_kotak(folder: Path) -> None:
    assert attributes(folder, {"neo_api_client": NEO_API_CLIENT}, "connect('kotak').configuration") == {
        "consumer_key": "kotak-consumer-key",
        "host": "prod",
        "edit_token": "kotak-token",
        "edit_sid": "kotak-sid",
        "base_url": "https://e21.kotaksecurities.com",
        "data_center": "E21",
        "ucc": "1100",
    }


@pytest.mark.parametrize(
    ("modules", "script", "told"),
    [
        ({"kiteconnect": KITECONNECT}, "connect('zerodha').profile()", "token [secret]:[secret]"),
        ({"dhanhq": DHANHQ}, "connect('dhan').get_fund_limits()", "Invalid header '[secret]'"),
        (SMARTAPI_FILES, "connect('angelone').rmsLimit()", "'X-PrivateKey': '[secret]', 'Authorization': 'Bearer [sec"),
    ],
    ids=["zerodha", "dhan", "angelone"],
)
def test_what_a_client_logs_holds_no_secret(folder: Path, modules: dict[str, str], script: str, told: str) -> None:
    ended = run(folder, modules, script)

    assert told in ended.err
    for secret in ("kite-token", "kite-api-key", "dhan-token", "angel-token", "angel-api-key"):
        assert secret not in ended.out + ended.err


def test_an_exception_that_a_client_logs_holds_no_secret_either(folder: Path) -> None:
    script = """import logging
connect('dhan')
try:
    raise ValueError('refused: dhan-token')
except ValueError:
    logging.exception('a fault')"""

    ended = run(folder, {"dhanhq": DHANHQ}, script)

    assert "ValueError: refused: [secret]" in ended.err
    assert "dhan-token" not in ended.err


def test_angel_ones_client_asks_no_third_party_and_writes_to_no_file(folder: Path) -> None:
    script = "connect('angelone').rmsLimit(); import requests; requests.get('https://example.com')"

    ended = run(folder, SMARTAPI_FILES, script)

    assert ended.out == "asked https://example.com\n"
    assert "retriving" not in ended.err
    assert (folder / "logs" / "app.log").read_text() == ""


def test_kotaks_client_opens_no_log_file_unless_it_is_told_to(folder: Path) -> None:
    script = "print(connect('kotak').log_file)"

    assert run(folder, {"neo_api_client": NEO_API_CLIENT}, script).out == "false\n"


@pytest.mark.parametrize(
    ("account", "package"),
    [
        ("zerodha", "kiteconnect"),
        ("dhan", "dhanhq"),
        ("angelone", "smartapi-python logzero websocket-client"),
        ("kotak", "kotakneoapi"),
    ],
)
def test_a_client_that_is_not_installed_is_named(folder: Path, account: str, package: str) -> None:
    script = f"import kunji\ntry: connect('{account}')\nexcept kunji.ClientMissing as error: print(error)"

    ended = run(folder, {"requests": REQUESTS}, script)

    assert ended.out.startswith(f"the official client of {account} is not installed here")
    assert ended.out.endswith(f": pip install {package}\n")


@pytest.mark.parametrize(
    ("account", "told"),
    [
        ("before", "an earlier version saved it; once: kunji refresh before"),
        ("other", "no official client of upstox is known to this version"),
        ("nobody", "there is no token for nobody"),
    ],
)
def test_an_account_without_a_client_is_told(folder: Path, account: str, told: str) -> None:
    script = f"import kunji\ntry: connect('{account}')\nexcept kunji.Error as error: print(error)"

    assert told in run(folder, {}, script).out


def test_a_token_with_less_left_than_asked_for_makes_no_client(folder: Path) -> None:
    script = "import kunji\ntry: connect('zerodha', min_left=2 * 86400)\nexcept kunji.NoLiveToken: print('none')"

    assert run(folder, {"kiteconnect": KITECONNECT}, script).out == "none\n"
