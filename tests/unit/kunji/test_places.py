"""Store and key are found where the docs say, in that order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kunji import StoreUnreadable
from kunji._places import account_names, find

ADDRESS = "redis://:hidden@host"


def test_the_store_lies_in_the_config_folder(tmp_path: Path) -> None:
    places = find(tmp_path, environment={})

    assert (places.store, places.folder) == (f"{tmp_path}/.kunji", f"{tmp_path}/.kunji")
    assert (places.key_file, places.config) == (f"{tmp_path}/.kunji/kunji.key", str(tmp_path))
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
    accounts = ("dhan-wife_config.json", "dhan_config.json")
    none = ("Dhan2_config.json", "-x_config.json", "_config.json", "all_config.json", f"{'x' * 33}_config.json")
    for name in (*accounts, *none, "bot_config.json", "dhan_config.json.bak", "notes.json"):
        (tmp_path / name).write_text("{}")

    assert account_names(find(tmp_path, environment={})) == ["dhan", "dhan-wife"]
    assert account_names(find(tmp_path, "/elsewhere", environment={})) == ["dhan", "dhan-wife"]
    assert account_names(find(store=tmp_path / ".kunji", environment={})) == []
    assert account_names(find(tmp_path / "nowhere", environment={})) == []


@pytest.mark.parametrize("written", [ADDRESS, "${PLACE}", "file:place", "file:../elsewhere"])
def test_the_store_may_lie_on_a_server_and_what_belongs_to_it_here_in_the_config_folder(
    tmp_path: Path, written: str
) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "bot_config.json").write_text(json.dumps({"store": written}))
    for file in (config / "place", tmp_path / "elsewhere"):
        file.touch(mode=0o600)
        file.write_text(f"{ADDRESS}\n")

    places = find(config, environment={"PLACE": ADDRESS})

    assert (places.store, places.is_on_server) == (ADDRESS, True)
    assert (places.folder, places.key_file) == (f"{config}/.kunji", f"{config}/.kunji/kunji.key")


def test_the_password_of_a_server_is_never_shown() -> None:
    places = find("/config", ADDRESS, environment={})

    assert places.shown == "redis://host:6379/0"
    assert repr(places) == "Places('redis://host:6379/0', '/config/.kunji/kunji.key', '/config')"


@pytest.mark.parametrize(
    "place",
    [
        "postgres://u:hidden@host",
        "redis://:hidden@",
        "redis://:hidden@host:port",
        "redis://user:1234?hidden=word@host/0",
        f"redis://:hidden@host/{'9' * 5000}",
    ],
)
def test_an_address_that_is_none_is_told_without_it(place: str) -> None:
    with pytest.raises(StoreUnreadable, match="the address of the store is wrong") as caught:
        find(store=place, environment={})

    assert "hidden" not in str(caught.value)


def test_a_file_that_should_say_where_the_store_lies_is_named_if_it_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bot_config.json").write_text('{"store": "file:place"}')

    with pytest.raises(StoreUnreadable, match=r"/place, which says where the store lies, cannot be read: no such file"):
        find(tmp_path, environment={})


def test_a_file_with_an_address_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bot_config.json").write_text('{"store": "file:place"}')
    (tmp_path / "place").write_text(ADDRESS)
    (tmp_path / "place").chmod(0o644)

    with pytest.raises(StoreUnreadable, match="others may read the address of the store"):
        find(tmp_path, environment={})


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
