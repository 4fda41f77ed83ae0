"""Store and key are found where the docs say, in that order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kunji import StoreUnreadable
from kunji._places import account_names, find


def test_the_store_lies_in_the_config_folder(tmp_path: Path) -> None:
    assert find(tmp_path, environment={}) == (f"{tmp_path}/.kunji", f"{tmp_path}/.kunji/kunji.key", str(tmp_path))
    assert find(environment={"KUNJI_CONFIG": str(tmp_path)}).store == f"{tmp_path}/.kunji"


def test_the_working_folder_is_the_config_folder_if_nothing_is_said() -> None:
    assert find(environment={}).store == str(Path.cwd() / ".kunji")


def test_what_is_said_comes_before_the_environment_and_that_before_the_config(tmp_path: Path) -> None:
    (tmp_path / "bot_config.json").write_text(json.dumps({"store": "../shared"}))
    environment = {"KUNJI_STORE": "/var/kunji"}

    assert find(tmp_path, "/said", environment).store == "/said"
    assert find(tmp_path, None, environment).store == "/var/kunji"
    assert find(tmp_path, None, {}).store == str(tmp_path.parent / "shared")


def test_the_key_may_lie_apart_from_the_store(tmp_path: Path) -> None:
    assert find(tmp_path, environment={"KUNJI_KEY_FILE": "/etc/kunji.key"}).key_file == "/etc/kunji.key"


def test_the_config_may_name_a_variable(tmp_path: Path) -> None:
    (tmp_path / "bot_config.json").write_text('{"store": "${PLACE}"}')

    assert find(tmp_path, environment={"PLACE": "/var/kunji"}).store == "/var/kunji"
    with pytest.raises(StoreUnreadable, match="set KUNJI_STORE"):
        find(tmp_path, environment={})


def test_accounts_are_known_by_their_files_where_the_config_folder_is_known(tmp_path: Path) -> None:
    for name in ("dhan-wife_config.json", "dhan_config.json", "bot_config.json", "dhan_config.json.bak", "notes.json"):
        (tmp_path / name).write_text("{}")

    assert account_names(find(tmp_path, environment={})) == ["dhan", "dhan-wife"]
    assert account_names(find(tmp_path, "/elsewhere", environment={})) == ["dhan", "dhan-wife"]
    assert account_names(find(store=tmp_path / ".kunji", environment={})) == []
    assert account_names(find(tmp_path / "nowhere", environment={})) == []


def test_a_store_on_a_server_is_refused_without_its_address() -> None:
    with pytest.raises(StoreUnreadable) as caught:
        find(store="redis://:hidden@host", environment={})

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("place", ["a\0b", "\ud800"])
def test_a_place_that_can_be_none_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "bot_config.json").write_text(json.dumps({"store": place}))

    with pytest.raises(StoreUnreadable, match="is not the path of a folder"):
        find(tmp_path, environment={})


@pytest.mark.parametrize("text", ["{", "[1]", "\x00"])
def test_a_config_that_cannot_be_read_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "bot_config.json").write_text(text)

    with pytest.raises(StoreUnreadable, match="it may say where the store lies"):
        find(tmp_path, environment={})
