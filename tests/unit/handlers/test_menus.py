"""Which commands a chat is shown, and to whom the tables apply."""

from __future__ import annotations

import re

from handlers import BUTTONS, COMMANDS, menus, set_menus
from handlers.access import Role
from tests.unit.handlers.stage import ADMIN, GROUP, MINE, OTHER_ADMIN, STRANGER, VIEWER


async def test_every_chat_is_shown_what_it_may_do_and_nobody_else_anything(stage):
    found = {chat: {command.command for command in commands} for chat, commands in menus(stage.desk).items()}

    assert set(found) == {ADMIN, VIEWER, GROUP, OTHER_ADMIN}
    assert found[ADMIN] == {command.name for command in COMMANDS}
    assert found[VIEWER] == {"start", "status", "account", "orders", "history", "help"}
    assert found[GROUP] == {"start", "status", "history", "help"}


async def test_a_chat_that_never_wrote_does_not_stop_the_other_menus(stage):
    stage.telegram.refuses["setMyCommands"] = 400, "Bad Request: chat not found"

    await set_menus(stage.gate.bot, stage.desk)

    assert [name for name, _ in stage.telegram.sent] == ["deleteMyCommands"] + ["setMyCommands"] * 4


def test_the_tables_are_sound():
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)
    assert all(re.fullmatch(r"[a-z]{1,32}", command.name) for command in COMMANDS)
    assert all(command.usage.startswith(f"/{command.name}") for command in COMMANDS)
    assert all(len(command.summary) <= 256 for command in COMMANDS)
    assert all(button.role is Role.ADMIN for button in BUTTONS.values() if button.acts)


def test_in_a_group_nobody_is_more_than_a_viewer():
    assert MINE.role(GROUP, ADMIN) is Role.VIEWER
    assert MINE.role(GROUP, STRANGER) is Role.NOBODY
    assert MINE.role(ADMIN, ADMIN) is Role.ADMIN
    assert MINE.moved(GROUP, -1007).role(-1007, ADMIN) is Role.VIEWER
    assert MINE.moved(GROUP, -1007).role(GROUP, ADMIN) is Role.NOBODY
