"""Everything the bot understands, from everybody, in every way it can come: who is obeyed, what the others are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from handlers import BUTTONS, COMMANDS
from handlers.access import Button, Command, Role
from tests.faults.access import (
    BUTTON_ROWS,
    COMMAND_ROWS,
    KNOCK,
    SILENCE,
    WORDS,
    Row,
    due_to_a_command,
    due_to_a_press,
    due_to_words,
)
from tests.faults.arrivals import COMMAND_WAYS, PRESSES, SENDERS, WAYS, Press, Sender
from tests.faults.door import CODE, FIGURE, LINK, Door, a_door
from tests.unit.handlers.stage import ADMIN, OTHER_ADMIN, VIEWER

NAMES = [command.name for command in COMMANDS]
LOCKED_OR_NOT = pytest.mark.parametrize("locked", [False, True], ids=["open", "locked"])


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with a_door() as made:
        yield made


def test_every_command_and_every_button_is_known_here_with_its_role() -> None:
    def role(row: Command | Button) -> bool:
        return row.role is Role.ADMIN

    assert {one.name: role(one) for one in COMMANDS} == {name: row.admin for name, row in COMMAND_ROWS.items()}
    assert {name: role(one) for name, one in BUTTONS.items()} == {name: row.admin for name, row in BUTTON_ROWS.items()}


async def test_links_codes_and_figures_are_shown_to_the_admin(door: Door) -> None:
    for command in ("refresh", "totp", "account"):
        await door.stage.hears(ADMIN, f"/{command} dhan")

    shown = str(door.stage.telegram.sent)
    assert all(mark in shown for mark in (LINK, CODE, FIGURE))


@LOCKED_OR_NOT
@pytest.mark.parametrize("how", COMMAND_WAYS)
@pytest.mark.parametrize("name", NAMES)
async def test_a_command_is_obeyed_from_whom_it_may_come_and_as_it_may_come(
    door: Door, name: str, how: str, locked: bool
) -> None:
    row, came_of_it, strayed = COMMAND_ROWS[name], {}, []

    for who, sender in SENDERS.items():
        with door.locked(locked):
            await door.stage.receives(**COMMAND_WAYS[how](sender, f"/{name} {row.account}".strip()))
            came_of_it[who] = door.outcome(row)
            strayed += door.out_of_place(sender)

    assert came_of_it == {who: due_to_a_command(row, one, how, locked=locked) for who, one in SENDERS.items()}
    assert strayed == []


@LOCKED_OR_NOT
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("said", ["hello", "https://trader.example/callback?tokenId=1", "123456"])
async def test_words_are_an_answer_from_the_admin_alone(door: Door, how: str, locked: bool, said: str) -> None:
    came_of_it, strayed = {}, []

    for who, sender in SENDERS.items():
        with door.locked(locked):
            await door.stage.receives(**WAYS[how](sender, said))
            came_of_it[who] = door.outcome(WORDS)
            strayed += door.out_of_place(sender)

    assert came_of_it == {who: due_to_words(one, how, locked=locked) for who, one in SENDERS.items()}
    assert strayed == []


@LOCKED_OR_NOT
@pytest.mark.parametrize("how", PRESSES)
@pytest.mark.parametrize("action", BUTTONS)
async def test_a_button_works_for_whom_it_was_made_and_as_often_as_it_may(
    door: Door, action: str, how: str, locked: bool
) -> None:
    row, press = BUTTON_ROWS[action], PRESSES[how]
    came_of_it, answers, strayed = {}, {}, []
    if press.refused:
        door.stage.telegram.refuses["answerCallbackQuery"] = 400, "Bad Request: query is too old"

    for who, sender in SENDERS.items():
        data = data_of(door, row, action, sender, press)
        for _ in range(press.before):
            await push(door, sender, data, press)
        door.forget()
        with door.locked(locked):
            await push(door, sender, data, press)
            came_of_it[who] = door.outcome(row)
            answers[who] = len(door.stage.telegram.of("answerCallbackQuery"))
            strayed += door.out_of_place(sender)
        door.heard.tokens.spent.clear()

    assert came_of_it == {who: due_to_a_press(row, one, how, locked=locked) for who, one in SENDERS.items()}
    assert answers == {who: int(outcome not in (SILENCE, KNOCK)) for who, outcome in came_of_it.items()}
    assert strayed == []


def data_of(door: Door, row: Row, action: str, sender: Sender, press: Press) -> str:
    """What the button carries."""
    account = row.account if press.account is None else press.account
    meant_for = (VIEWER if sender.user == ADMIN else ADMIN) if press.by_another else sender.user
    data = door.stage.signed(press.action or action, account, user=meant_for, life=press.seconds_left)
    return f"{'B' if data[0] == 'A' else 'A'}{data[1:]}" if press.spoilt else data


async def push(door: Door, sender: Sender, data: str, press: Press) -> None:
    chat = {"id": sender.chat, "type": sender.kind, "title": "x"}
    messages: dict[str, Any] = {
        "shown": {"message_id": 500, "date": 1, "chat": chat, "text": "a question"},
        "too old": {"message_id": 500, "date": 0, "chat": chat},
        "inline": None,
    }
    presser = {"id": sender.user, "is_bot": press.by_a_bot, "first_name": "N"}
    await door.stage.press(sender.user, data, message=messages[press.message], **{"from": presser})


@pytest.mark.parametrize("name", NAMES)
async def test_the_admin_of_one_account_gets_at_no_other(door: Door, name: str) -> None:
    await door.stage.hears(OTHER_ADMIN, f"/{name} dhan")
    await door.stage.hears(OTHER_ADMIN, f"/{name} dhan a-value")

    assert "dhan" not in str(door.heard.questions_heard)
    assert "dhan" not in str(door.stage.telegram.texts())


@pytest.mark.parametrize("action", BUTTONS)
async def test_a_button_for_one_account_presses_for_no_other(door: Door, action: str) -> None:
    await door.stage.press(OTHER_ADMIN, door.stage.signed(action, "dhan", user=OTHER_ADMIN))
    await door.stage.press(OTHER_ADMIN, door.stage.signed(action, "", user=OTHER_ADMIN))

    assert "dhan" not in str(door.heard.questions_heard)
    assert "dhan" not in str(door.stage.telegram.texts())
