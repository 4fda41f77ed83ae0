"""Who may look and who may refresh."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.access import Role
from tests.unit.config.files import AUTO, OTHER, faults, loaded, only_fault, write

BARE = {key: value for key, value in AUTO.items() if key != "telegram_chat_id"}


def test_whoever_may_look_may_refresh_where_no_admin_is_named(folder: Path) -> None:
    write(folder, "dhan_config.json", BARE | {"telegram_chat_id": 7})

    audience = loaded(folder).accounts[0].audience

    assert audience.role(7, 7) is Role.ADMIN


@pytest.mark.parametrize("ids", [[7, 8], ["7", 8], "7,8", "7, 8"])
def test_chats_may_be_several(folder: Path, ids: object) -> None:
    write(folder, "dhan_config.json", BARE | {"telegram_chat_id": ids, "admin_chat_id": 9})

    audience = loaded(folder).accounts[0].audience

    assert audience.viewer_chats == {7, 8}
    assert audience.admin_chats == {9}


@pytest.mark.parametrize("ids", [True, 0, 1.5, "@me", "", [], [True], {"id": 7}, "7,", "٧"])
def test_a_chat_is_told_by_its_number(folder: Path, ids: object) -> None:
    write(folder, "dhan_config.json", BARE | {"telegram_chat_id": ids})

    assert all(fault.startswith("dhan_config.json: telegram_chat_id: ") for fault in faults(folder))
    assert faults(folder)


def test_nobody_to_talk_to_is_a_fault(folder: Path) -> None:
    write(folder, "dhan_config.json", BARE)

    assert only_fault(folder).startswith("dhan_config.json: telegram_chat_id: is missing; expected here, in bot_config")


def test_chats_for_all_come_from_the_bots_file_and_the_account_comes_first(folder: Path) -> None:
    write(folder, "bot_config.json", {"telegram_chat_id": 1, "admin_chat_id": 2})
    write(folder, "dhan_config.json", BARE)
    write(folder, "dhan-wife_config.json", BARE | OTHER | {"telegram_chat_id": 3})

    audiences = {account.name: account.audience for account in loaded(folder).accounts}

    assert [sorted(audiences["dhan"].viewer_chats), sorted(audiences["dhan"].admin_chats)] == [[1], [2]]
    assert [sorted(audiences["dhan-wife"].viewer_chats), sorted(audiences["dhan-wife"].admin_chats)] == [[3], [2]]


def test_chats_for_all_may_come_from_the_environment(folder: Path) -> None:
    write(folder, "dhan_config.json", BARE)

    config = loaded(folder, {"TELEGRAM_CHAT_ID": "4", "ADMIN_CHAT_ID": "5,6"})

    assert config.accounts[0].audience.viewer_chats == {4}
    assert config.accounts[0].audience.admin_chats == {5, 6}


def test_a_wrong_id_in_the_environment_is_named_as_it_is_there(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)

    assert only_fault(folder, {"ADMIN_CHAT_ID": "me"}) == (
        "environment: ADMIN_CHAT_ID: expected an id in digits such as 123456789, or a list of such ids"
    )


def test_a_group_needs_its_people(folder: Path) -> None:
    write(folder, "dhan_config.json", BARE | {"telegram_chat_id": -1009, "admin_chat_id": 5})

    assert only_fault(folder).startswith("dhan_config.json: viewer_user_ids: is missing; a group may look only")


def test_a_group_with_its_people_may_look(folder: Path) -> None:
    write(folder, "dhan_config.json", BARE | {"telegram_chat_id": -1009, "viewer_user_ids": [7], "admin_chat_id": 5})

    audience = loaded(folder).accounts[0].audience

    assert audience.role(-1009, 7) is Role.VIEWER
    assert audience.role(-1009, 8) is Role.NOBODY
    assert audience.role(5, 5) is Role.ADMIN
    assert audience.role(7, 7) is Role.VIEWER


def test_an_admin_group_needs_its_admins_who_are_admins_in_their_private_chats(folder: Path) -> None:
    write(folder, "dhan_config.json", BARE | {"telegram_chat_id": -1009, "viewer_user_ids": [7]})
    assert only_fault(folder).startswith("dhan_config.json: admin_user_ids: is missing")

    write(folder, "dhan_config.json", BARE | {"telegram_chat_id": -1009, "viewer_user_ids": [7], "admin_user_ids": 5})
    audience = loaded(folder).accounts[0].audience

    assert audience.role(5, 5) is Role.ADMIN
    assert audience.role(-1009, 5) is Role.VIEWER
    assert audience.role(7, 7) is Role.VIEWER


def test_people_are_not_groups(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"viewer_user_ids": [-5]})

    assert only_fault(folder) == (
        "dhan_config.json: viewer_user_ids: expected ids of people; an id with a minus is a group's"
    )
