"""`kunji token` and `kunji env`: the value alone on stdout, sentences on stderr, and an exit code."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from kunji._errors import Error, SetTwice
from kunji._formats import check_names, dotenv, powershell, seconds, sh, together
from tests.redis_server import RedisServer, redis_server
from tests.unit.kunji.written import NOW, held, say_where, store

_ROOT = Path(__file__).parents[3]
_LIVE = datetime.now(UTC) + timedelta(days=1)
_VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=20)


@dataclass
class Ended:
    code: int
    out: str
    err: str


def variables(**more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KUNJI_")}
    return clean | {"PYTHONPATH": str(_ROOT)} | more


def kunji(folder: Path, *arguments: str, **environment: str) -> Ended:
    done = subprocess.run(
        [sys.executable, "-m", "kunji", *arguments],
        cwd=folder,
        env=variables(**environment),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """The config says that the store lies there."""
    with redis_server(tmp_path / "redis", password="hidden") as server:
        say_where(tmp_path, server.address)
        yield server


def test_the_token_is_alone_on_stdout(tmp_path: Path) -> None:
    store(tmp_path).save("dhan", held("my-token", expires_at=_LIVE))

    assert kunji(tmp_path, "token", "dhan") == Ended(0, "my-token\n", "")
    assert kunji(_ROOT, "token", "--config", str(tmp_path), "dhan") == Ended(0, "my-token\n", "")
    assert kunji(_ROOT, "token", "dhan", f"--store={tmp_path}/.kunji") == Ended(0, "my-token\n", "")


@pytest.mark.parametrize("command", ["token", "env"])
def test_what_cannot_be_written_is_a_sentence_and_exit_code_one(tmp_path: Path, command: str) -> None:
    store(tmp_path).save("dhan", held("my-token", expires_at=_LIVE))
    words = [sys.executable, "-m", "kunji", command, "dhan"]
    unread, written = os.pipe()
    os.close(unread)

    ended = subprocess.run(words, cwd=tmp_path, env=variables(), stdout=written, stderr=subprocess.PIPE, check=False)
    os.close(written)

    assert (ended.returncode, ended.stderr) == (1, b"kunji: standard output takes nothing: broken pipe\n")


def test_the_token_as_json(tmp_path: Path) -> None:
    store(tmp_path).save("dhan", held("my-token", expires_at=_LIVE, extra={"feed_token": "feed"}))

    answer = json.loads(kunji(tmp_path, "token", "dhan", "--json").out)

    assert (datetime.now(UTC) - NOW).total_seconds() - answer.pop("age") < 60
    assert answer == {
        "account": "dhan",
        "broker": "dhan",
        "client_id": "1100",
        "token": "my-token",
        "extra": {"feed_token": "feed"},
        "headers": {"access-token": "my-token"},
        "issued_at": NOW.isoformat(),
        "expires_at": _LIVE.isoformat(),
        "proven": False,
    }


@pytest.mark.parametrize("command", ["token", "env"])
def test_a_token_with_less_left_than_asked_for_counts_as_none(tmp_path: Path, command: str) -> None:
    store(tmp_path).save("dhan", held("my-token", expires_at=_LIVE))

    for enough in ("90", "90s", "10m", "2h", "0"):
        assert kunji(tmp_path, command, "dhan", "--min-left", enough).code == 0
    ended = kunji(tmp_path, command, "dhan", "--min-left=48h")

    assert (ended.code, ended.out) == (3, "")
    assert "less than what was asked for; for a new one: kunji refresh dhan" in ended.err


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (("token", "dhan"), "my-token\n"),
        (("env", "kotak", "dhan"), "export KOTAK_TOKEN='other'\nexport DHAN_ACCESS_TOKEN='my-token'\n"),
    ],
)
def test_a_live_token_is_waited_for(tmp_path: Path, arguments: tuple[str, ...], out: str) -> None:
    bot = store(tmp_path)
    bot.save("dhan", held("old", expires_at=NOW))
    bot.save("kotak", held("other", expires_at=_LIVE, KOTAK_TOKEN="other"))
    threading.Timer(0.5, bot.save, ("dhan", held("my-token", expires_at=_LIVE))).start()

    assert kunji(tmp_path, *arguments, "--wait", "60s") == Ended(0, out, "")


def test_waiting_in_vain_is_exit_code_three(tmp_path: Path) -> None:
    store(tmp_path).save("dhan", held("old", expires_at=NOW))

    ended = kunji(tmp_path, "token", "dhan", "--wait", "1")

    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("kunji: the token of dhan expired")


def test_a_wait_can_be_broken_off(tmp_path: Path) -> None:
    store(tmp_path).save("dhan", held("my-token", expires_at=_LIVE))
    key = tmp_path / "never-read"
    os.mkfifo(key, 0o600)
    command = [sys.executable, "-m", "kunji", "token", "dhan", "--wait", "60s"]

    with (
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=variables(KUNJI_KEY_FILE=str(key)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
        key.open("wb"),
    ):  # from here on it reads
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)

    assert (process.returncode, out) == (130, b"")


def test_an_account_that_does_not_exist_is_exit_code_two(tmp_path: Path) -> None:
    (tmp_path / "dhan_config.json").write_text("{}")

    for command in ("token", "env"):
        ended = kunji(tmp_path, command, "dhna", "--wait", "1h")

        assert (ended.code, ended.out) == (2, "")
        assert ended.err == f"kunji: there is no account dhna in {tmp_path}, only dhan\n"


def test_a_folder_with_neither_config_nor_store_is_exit_code_two_and_where_it_looked_is_told(tmp_path: Path) -> None:
    for command in ("token", "env"):
        ended = kunji(tmp_path, command, "dhan", "--wait", "1h")

        assert (ended.code, ended.out) == (2, "")
        assert f"neither a config file in {tmp_path} nor a store at {tmp_path / '.kunji'}" in ended.err
        assert "--config" in ended.err


def test_no_live_token_is_exit_code_three(tmp_path: Path) -> None:
    (tmp_path / "dhan_config.json").write_text("{}")
    ended = kunji(tmp_path, "token", "dhan")

    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("kunji: there is no token for dhan")


def test_a_store_on_a_server_is_asked_once(tmp_path: Path, server: RedisServer) -> None:
    store(tmp_path).save("dhan", held("my-token", expires_at=_LIVE))
    before = connections_made(server)

    assert kunji(tmp_path, "token", "dhan") == Ended(0, "my-token\n", "")
    assert kunji(tmp_path, "env", "dhan") == Ended(0, "export DHAN_ACCESS_TOKEN='my-token'\n", "")
    assert kunji(_ROOT, "token", "dhan", "--config", str(tmp_path), "--store", server.address).out == "my-token\n"
    assert connections_made(server) == before + 3


def connections_made(server: RedisServer) -> int:
    made: int = server.client.info("stats")["total_connections_received"]
    return made


def test_a_live_token_on_a_server_is_waited_for(tmp_path: Path, server: RedisServer) -> None:
    bot = store(tmp_path)
    threading.Timer(0.5, bot.save, ("dhan", held("my-token", expires_at=_LIVE))).start()

    assert kunji(tmp_path, "token", "dhan", "--wait", "60s") == Ended(0, "my-token\n", "")


@pytest.mark.parametrize("arguments", [("token", "dhan"), ("env", "dhan"), ("token", "dhan", "--wait", "1s")])
def test_a_server_that_is_away_is_exit_code_one(
    tmp_path: Path, server: RedisServer, arguments: tuple[str, ...]
) -> None:
    store(tmp_path).save("dhan", held("my-token", expires_at=_LIVE))
    server.kill()

    ended = kunji(tmp_path, *arguments)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"kunji: the store at redis://127.0.0.1:{server.port}/0 cannot be reached\n"


def test_no_live_token_on_a_server_is_exit_code_three(tmp_path: Path, server: RedisServer) -> None:
    store(tmp_path).save("kotak", held("my-token", expires_at=_LIVE))

    ended = kunji(tmp_path, "token", "dhan")

    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith(f"kunji: there is no token for dhan in redis://127.0.0.1:{server.port}/0;")


def test_an_unreadable_store_is_exit_code_one(tmp_path: Path) -> None:
    store(tmp_path).save("dhan", held("my-token", expires_at=_LIVE))
    (tmp_path / ".kunji" / "tokens.json").write_text("nonsense")

    ended = kunji(tmp_path, "token", "dhan")

    assert (ended.code, ended.out) == (1, "")
    assert "is damaged" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("token",),
        ("token", "a", "b"),
        ("token", "a", "--nonsense"),
        ("token", "a", "--store"),
        ("token", "a", "--wait"),
        ("token", "a", "--wait", "soon"),
        ("token", "a", "--min-left", "-5"),
        ("token", "a", "--min-left", "m"),
        ("token", "a", "--min-left", "9" * 5000),
        ("token", "a", "--min-left", "²h"),
        ("env",),
        ("env", "a", "--format", "xml"),
    ],
)
def test_a_mistyped_command_is_exit_code_two(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = kunji(tmp_path, *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert f"; type: kunji {arguments[0]} NAME" in ended.err


def test_a_folder_with_somebody_elses_modules_changes_nothing(tmp_path: Path) -> None:
    store(tmp_path).save("dhan", held("my-token", expires_at=_LIVE))
    (tmp_path / "bot.py").write_text("raise SystemExit('somebody else')")
    (tmp_path / "brokers").mkdir()
    (tmp_path / "brokers" / "__init__.py").write_text("raise SystemExit('somebody else')")

    assert kunji(tmp_path, "token", "dhan").out == "my-token\n"
    assert "somebody else" not in kunji(tmp_path, "--help").err


def test_only_what_it_needs_is_loaded(tmp_path: Path) -> None:
    store(tmp_path).save("dhan", held("my-token", expires_at=_LIVE))
    script = (
        "import sys; from kunji.__main__ import answer; code = answer('token', ['dhan']);"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & set(sys.argv[1:])), code)"
    )
    heavy = [
        "bot",
        "brokers",
        "handlers",
        "click",
        "filelock",
        "pydantic",
        "tinydb",
        "telegram",
        "requests",
        "logging",
        "redis",
    ]

    done = subprocess.run(
        [sys.executable, "-c", script, *heavy],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        check=True,
        timeout=60,
        text=True,
    )

    assert done.stdout == "my-token\n[] 0\n"


def test_the_environment_of_several_accounts_is_one(tmp_path: Path) -> None:
    bot = store(tmp_path)
    bot.save("dhan", held("one", expires_at=_LIVE))
    bot.save("kotak", held("two", expires_at=_LIVE, KOTAK_TOKEN="two", KOTAK_SID="it's"))

    assert kunji(tmp_path, "env", "dhan", "kotak").out == (
        "export DHAN_ACCESS_TOKEN='one'\nexport KOTAK_TOKEN='two'\nexport KOTAK_SID='it'\\''s'\n"
    )
    assert json.loads(kunji(tmp_path, "env", "kotak", "--format", "json").out) == {
        "KOTAK_TOKEN": "two",
        "KOTAK_SID": "it's",
    }


def test_accounts_that_set_the_same_variable_are_not_mixed(tmp_path: Path) -> None:
    bot = store(tmp_path)
    bot.save("dhan", held("one", expires_at=_LIVE))
    bot.save("dhan-wife", held("two", expires_at=_LIVE))

    ended = kunji(tmp_path, "env", "dhan", "dhan-wife")

    assert (ended.code, ended.out) == (2, "")
    assert "several of these accounts set DHAN_ACCESS_TOKEN" in ended.err


@given(values=st.lists(_VALUES, max_size=5))
def test_dotenv_gives_back_every_value(values: list[str]) -> None:
    written = {f"NAME_{place}": value for place, value in enumerate(values)}

    assert dotenv_values(stream=io.StringIO(dotenv(written)), interpolate=False) == written


def test_a_shell_gives_back_every_value() -> None:
    values = ["", "it's", '"$HOME" `id` \\', "two\nlines", "₹ – ‘’", "-n", "*"]
    written = {f"NAME_{place}": value for place, value in enumerate(values)}
    script = sh(written) + "".join(f'printf "%s\\001" "${name}";' for name in written)

    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, timeout=60)

    assert done.stdout.decode().split("\x01")[:-1] == values


def test_powershell_takes_every_quotation_mark_for_one() -> None:
    assert powershell({"NAME": "it's ‘so’"}) == "$env:NAME = 'it''s ‘‘so’’'\n"


@pytest.mark.parametrize("name", ["", "A B", "A;id", "1A", "A=B", "É"])
def test_a_name_that_a_shell_could_take_for_a_command_is_refused(name: str) -> None:
    with pytest.raises(Error):
        check_names({name: "value"})


def test_accounts_may_share_a_value_but_not_a_name_for_two() -> None:
    assert together([{"KEY": "a", "X": "1"}, {"KEY": "a", "Y": "2"}]) == {"KEY": "a", "X": "1", "Y": "2"}
    with pytest.raises(SetTwice, match="set KEY") as caught:
        together([{"KEY": "secret-a"}, {"KEY": "secret-b"}])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("typed", "meant"), [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("0", 0)])
def test_a_time_is_taken_as_one_types_it(typed: str, meant: float) -> None:
    assert seconds(typed) == meant


@pytest.mark.parametrize("typed", ["", "s", "-1", "1.5h", "1d", "١0", "9999999", "10 m"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        seconds(typed)
