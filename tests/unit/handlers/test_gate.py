"""The gate in its corners. Who is heard at all, and who is not, is in `tests/faults/test_access.py`."""

from __future__ import annotations

import pytest

from brokers import KunjiError
from handlers import BUTTONS, COMMANDS
from handlers.access import Role
from handlers.text import ADMIN_ONLY, PRIVATE_ONLY, TOAST_ADMIN_ONLY, TOAST_UNKNOWN
from tests.unit.handlers.stage import ADMIN, BOT, FOREIGN_GROUP, GROUP, STRANGER, VIEWER, a_stage

DAMAGED = KunjiError("the store is damaged", hint="move it away")
NAMES = [command.name for command in COMMANDS]
FOR_ADMINS = [command.name for command in COMMANDS if command.role is Role.ADMIN]


@pytest.mark.parametrize("name", NAMES)
async def test_every_command_is_answered_for_the_admin(stage, name):
    await stage.hears(ADMIN, f"/{name}" if name in ("start", "lock", "help") else f"/{name} dhan")

    assert stage.telegram.of("sendMessage")
    assert "went wrong" not in " ".join(stage.telegram.texts())


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FOR_ADMINS])
async def test_a_viewer_may_look(stage, name):
    await stage.hears(VIEWER, f"/{name}")

    assert stage.telegram.texts()[0] not in (ADMIN_ONLY, PRIVATE_ONLY)
    assert all("callback_data" not in one or one["text"] == "Status" for one in stage.telegram.buttons())


async def test_people_chatting_in_a_group_are_left_alone(stage):
    await stage.hears(STRANGER, "good morning", chat=GROUP)
    await stage.hears(ADMIN, "good morning", chat=GROUP)
    await stage.hears(ADMIN, "/unheard_of", chat=GROUP)

    assert stage.telegram.sent == []
    assert stage.tokens.knocks == 0


async def test_a_refused_value_does_not_stay_in_the_chat(stage):
    await stage.hears(VIEWER, "/refresh dhan s3cret-value")

    assert stage.telegram.of("deleteMessage") == [{"chat_id": str(VIEWER), "message_id": "77"}]
    assert "s3cret" not in str(stage.telegram.sent)


async def test_a_foreign_group_is_left(stage):
    chat = {"id": FOREIGN_GROUP, "type": "group", "title": "x"}
    someone = {"id": STRANGER, "is_bot": False, "first_name": "N"}
    left, joined = {"status": "left", "user": BOT}, {"status": "member", "user": BOT}
    change = {"chat": chat, "from": someone, "date": 1, "old_chat_member": left, "new_chat_member": joined}
    await stage.receives(my_chat_member=change)
    await stage.receives(my_chat_member={**change, "chat": {**chat, "id": GROUP}})

    assert stage.telegram.sent == [("leaveChat", {"chat_id": str(FOREIGN_GROUP)})]


async def test_a_group_that_became_a_supergroup_is_followed(stage):
    await stage.hears(ADMIN, None, chat=GROUP, migrate_to_chat_id=-100777)
    await stage.hears(ADMIN, None, chat=-100777, migrate_from_chat_id=GROUP)
    await stage.hears(ADMIN, "/status", chat=-100777)

    assert stage.tokens.calls == [("moved", GROUP, -100777)]
    assert stage.telegram.of("sendMessage")[0]["chat_id"] == "-100777"


async def test_a_topic_of_a_forum_is_answered_there(stage):
    await stage.hears(ADMIN, "/status", chat=GROUP, message_thread_id=5, is_topic_message=True)

    assert stage.telegram.of("sendMessage")[0]["message_thread_id"] == "5"


async def test_a_name_that_may_not_be_seen_is_not_named(stage):
    await stage.hears(ADMIN, "/status hidden")
    await stage.hears(ADMIN, "/totp nobody")

    said = " ".join(stage.telegram.texts())
    assert "say dhan or dhan-wife" in said
    assert "hidden" not in said


async def test_nothing_escapes_when_the_store_fails(stage):
    async def fails() -> None:
        raise RuntimeError("s3cret")

    stage.tokens.knock = fails

    await stage.hears(STRANGER, "/status")

    assert stage.telegram.sent == []


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.guarded], ids=lambda one: one.name)
async def test_where_it_cannot_be_read_whether_the_bot_is_locked_nothing_is_done_and_the_reason_is_said(stage, command):
    stage.tokens.is_locked = DAMAGED

    await stage.hears(ADMIN, f"/{command.name} dhan")

    assert stage.telegram.texts() == ["❌ the store is damaged\n→ move it away"]
    assert stage.tokens.calls == []


async def test_a_value_that_is_refused_for_a_damaged_store_does_not_stay_in_the_chat(stage):
    stage.tokens.is_locked = DAMAGED

    await stage.hears(ADMIN, "/refresh dhan s3cret-value")

    assert stage.telegram.of("deleteMessage")
    assert "the store is damaged" in stage.telegram.last()


@pytest.mark.parametrize("action", [action for action, button in BUTTONS.items() if button.guarded])
async def test_a_button_is_answered_where_it_cannot_be_read_whether_the_bot_is_locked(stage, action):
    stage.tokens.is_locked = DAMAGED

    await stage.press(ADMIN, stage.signed(action))

    assert [name for name, _ in stage.telegram.sent] == ["answerCallbackQuery"]
    assert stage.telegram.texts() == [TOAST_UNKNOWN]
    assert stage.tokens.calls == []


async def test_a_gate_that_was_taught_nothing_admits_nothing():
    async with a_stage() as stage:
        stage.gate.commands, stage.gate.buttons = {}, {}
        await stage.hears(ADMIN, "/lock")
        await stage.press(ADMIN, stage.signed("go"))

    assert stage.tokens.calls == []


@pytest.mark.parametrize("action", BUTTONS)
async def test_a_genuine_button_gives_a_viewer_no_more_rights(stage, action):
    await stage.press(VIEWER, stage.signed(action, user=VIEWER))

    assert stage.tokens.calls == []
    assert (stage.telegram.texts()[0] == TOAST_ADMIN_ONLY) is (BUTTONS[action].role is Role.ADMIN)


@pytest.mark.parametrize("action", BUTTONS)
@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1], lambda data: "A" * 16 + data[16:], lambda data: "", lambda data: "ß😀"]
)
async def test_a_forged_button_does_nothing(stage, action, spoil):
    await stage.press(ADMIN, spoil(stage.signed(action)))

    assert [name for name, _ in stage.telegram.sent] == ["answerCallbackQuery"]
    assert stage.tokens.calls == []


@pytest.mark.parametrize("action", BUTTONS)
async def test_every_press_is_answered_once(stage, action):
    await stage.press(ADMIN, stage.signed(action))

    assert len(stage.telegram.of("answerCallbackQuery")) == 1
    assert "went wrong" not in " ".join(stage.telegram.texts())


async def test_a_button_under_an_old_message_still_works(stage):
    old = {"message_id": 5, "date": 0, "chat": {"id": ADMIN, "type": "private"}}

    await stage.press(ADMIN, stage.signed("anew"), message=old)

    assert stage.tokens.done("refresh") == [("refresh", "dhan", "admin", True, False)]
