"""Config files as files: whose they are, who may read them, whether they are JSON."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from tests.unit.config.files import AUTO, faults, loaded, only_fault, write

posix = pytest.mark.skipif(os.name != "posix", reason="files have no such modes here")


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(folder: Path, mode: int) -> None:
    path = write(folder, "dhan_config.json", AUTO, mode)

    assert only_fault(folder) == f"dhan_config.json: can be read by others: chmod 600 {shlex.quote(str(path))}"


@posix
@pytest.mark.parametrize("name", ["bot_config.json", ".env"])
def test_that_holds_for_the_bots_file_and_the_dotenv_file(folder: Path, name: str) -> None:
    write(folder, "dhan_config.json", AUTO)
    write(folder, name, "{}" if name.endswith("json") else "A=b", 0o644)

    assert only_fault(folder).startswith(f"{name}: can be read by others: chmod 600 ")


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_can_write_is_refused(folder: Path, mode: int) -> None:
    write(folder, "dhan_config.json", AUTO, mode)

    assert only_fault(folder).startswith("dhan_config.json: can be written by others: chmod go-w ")


@posix
def test_a_folder_that_others_can_write_is_refused(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)
    folder.chmod(0o777)

    assert only_fault(folder) == f"{folder}: can be written by others: chmod go-w {shlex.quote(str(folder))}"


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(folder: Path) -> None:
    path = write(folder, "dhan_config.json", AUTO)
    os.chown(path, 12345, 12345)

    assert only_fault(folder).startswith("dhan_config.json: belongs to another user: chown 0 ")


@posix
def test_something_that_is_no_ordinary_file_is_refused_and_not_waited_for(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)
    os.mkfifo(folder / "dhan-b_config.json", 0o600)

    assert only_fault(folder) == "dhan-b_config.json: expected an ordinary file"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert only_fault(tmp_path / "none") == f"{tmp_path / 'none'}: expected a folder with config files; there is none"


def test_a_mark_put_in_front_by_an_editor_does_no_harm(folder: Path) -> None:
    write(folder, "dhan_config.json", "\ufeff" + json.dumps(AUTO))

    assert loaded(folder).accounts[0].name == "dhan"


def test_broken_json_is_told_by_line_and_column(folder: Path) -> None:
    write(folder, "dhan_config.json", '{\n "pin": "012345",\n "client_id" "1"\n}')

    fault = only_fault(folder)

    assert fault.startswith("dhan_config.json: expected JSON; line 3, column 14: ")
    assert "012345" not in fault


def test_a_key_written_twice_is_a_fault(folder: Path) -> None:
    write(folder, "dhan_config.json", json.dumps(AUTO)[:-1] + ', "pin": "111111"}')

    assert only_fault(folder) == "dhan_config.json: pin: is written twice; expected once"


@pytest.mark.parametrize("content", ["[]", '"text"', "7", "null", "true"])
def test_anything_but_an_object_is_a_fault(folder: Path, content: str) -> None:
    write(folder, "dhan_config.json", content)

    assert only_fault(folder) == "dhan_config.json: expected a JSON object: keys and values in { }"


@pytest.mark.parametrize(
    "content", ["", "[" * 20_000, f'{{"pin": {"[" * 600}{"]" * 600}}}', '{"client_id": ' + "9" * 5_000 + "}"]
)
def test_hostile_json_is_a_fault_like_any_other(folder: Path, content: str) -> None:
    write(folder, "dhan_config.json", content)

    assert only_fault(folder).startswith("dhan_config.json: expected JSON")


def test_a_huge_file_is_not_read_whole(folder: Path) -> None:
    write(folder, "dhan_config.json", " " * 100_000)

    assert only_fault(folder) == "dhan_config.json: expected at most 64 KiB"


def test_a_file_in_another_encoding_is_a_fault(folder: Path) -> None:
    path = write(folder, "dhan_config.json", "")
    path.write_bytes(json.dumps(AUTO).encode("utf-16"))

    assert only_fault(folder) == "dhan_config.json: expected text in UTF-8"


def test_a_fault_is_one_line_whatever_the_key(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"a\nb\x1b[31m": 1})

    assert faults(folder) == ["dhan_config.json: a?b?[31m: unknown key"]
