"""Who is heard, who is told why not, and who gets no answer at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from brokers import KunjiError
from handlers import BUTTONS, COMMANDS
from handlers.access import Role
from handlers.text import ADMIN_ONLY, EDITED, FORWARDED, LOCKED, PRIVATE_ONLY, TOAST_ADMIN_ONLY, TOAST_UNKNOWN
from tests.unit.handlers.stage import ADMIN, BOT, FOREIGN_GROUP, GROUP, NOW, STRANGER, VIEWER, a_stage, message_from

DAMAGED = KunjiError("the store is damaged", hint="move it away")
NAMES = [command.name for command in COMMANDS]
FOR_ADMINS = [command.name for command in COMMANDS if command.role is Role.ADMIN]
ACTS = ("refresh", "code", "logout", "pause", "resume", "lock", "portfolio", "answer")
ORIGIN = {"type": "user", "date": int(NOW.timestamp()), "sender_user": {"id": 9, "is_bot": False, "first_name": "O"}}


@pytest.mark.parametrize("name", NAMES)
async def test_a_stranger_gets_no_answer_and_the_admin_is_told(stage, name):
    await stage.hears(STRANGER, f"/{name} dhan")

    assert stage.telegram.sent == []
    assert stage.tokens.calls == []
    assert stage.tokens.knocks == 1


@pytest.mark.parametrize("text", ["hello", "123456", "https://example.test/?tokenId=abc", "/nothing"])
async def test_a_strangers_words_get_no_answer(stage, text):
    await stage.hears(STRANGER, text)

    assert stage.telegram.sent == []
    assert stage.tokens.knocks == 1


@pytest.mark.parametrize("name", NAMES)
async def test_every_command_is_answered_for_the_admin(stage, name):
    await stage.hears(ADMIN, f"/{name}" if name in ("start", "lock", "help") else f"/{name} dhan")

    assert stage.telegram.of("sendMessage")
    assert "went wrong" not in " ".join(stage.telegram.texts())


@pytest.mark.parametrize("name", FOR_ADMINS)
async def test_a_viewer_is_told_that_only_the_admin_may(stage, name):
    await stage.hears(VIEWER, f"/{name} dhan")

    assert stage.telegram.texts() == [ADMIN_ONLY]
    assert stage.tokens.done(*ACTS) == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in FOR_ADMINS])
async def test_a_viewer_may_look(stage, name):
    await stage.hears(VIEWER, f"/{name}")

    assert stage.telegram.texts()[0] not in (ADMIN_ONLY, PRIVATE_ONLY)
    assert all("callback_data" not in one or one["text"] == "Status" for one in stage.telegram.buttons())


@pytest.mark.parametrize("name", NAMES)
async def test_somebody_else_in_the_admins_chat_is_a_stranger(stage, name):
    await stage.hears(STRANGER, f"/{name} dhan", chat=ADMIN)
    await stage.hears(VIEWER, f"/{name} dhan", chat=ADMIN)

    assert stage.telegram.sent == []
    assert stage.tokens.calls == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
async def test_in_a_group_only_looking_is_possible_and_no_figures(stage, command):
    await stage.hears(ADMIN, f"/{command.name}", chat=GROUP)

    refused = command.role is Role.ADMIN or command.private
    assert (stage.telegram.texts() == [PRIVATE_ONLY]) is refused
    assert stage.tokens.done(*ACTS) == []


@pytest.mark.parametrize("name", NAMES)
async def test_a_member_of_the_group_who_is_not_listed_gets_no_answer(stage, name):
    await stage.hears(STRANGER, f"/{name}", chat=GROUP)

    assert stage.telegram.sent == []
    assert stage.tokens.knocks == 1


async def test_people_chatting_in_a_group_are_left_alone(stage):
    await stage.hears(STRANGER, "good morning", chat=GROUP)
    await stage.hears(ADMIN, "good morning", chat=GROUP)
    await stage.hears(ADMIN, "/unheard_of", chat=GROUP)

    assert stage.telegram.sent == []
    assert stage.tokens.knocks == 0


@pytest.mark.parametrize("name", NAMES)
async def test_an_edited_command_is_explained_to_the_admin_alone(stage, name):
    await stage.receives(edited_message=message_from(ADMIN, f"/{name} dhan"))
    await stage.receives(edited_message=message_from(VIEWER, f"/{name} dhan"))
    await stage.receives(edited_message=message_from(STRANGER, f"/{name} dhan"))

    assert stage.telegram.texts() == [EDITED]
    assert stage.tokens.calls == []


@pytest.mark.parametrize("name", NAMES)
async def test_a_forwarded_command_is_explained_to_the_admin_alone(stage, name):
    for user in (ADMIN, VIEWER, STRANGER):
        await stage.hears(user, f"/{name} dhan", forward_origin=ORIGIN)

    assert stage.telegram.texts() == [FORWARDED]
    assert stage.tokens.calls == []


@pytest.mark.parametrize("kind", ["channel_post", "edited_channel_post", "business_message", "edited_business_message"])
async def test_other_kinds_of_messages_are_not_even_seen(stage, kind):
    await stage.receives(**{kind: message_from(ADMIN, "/refresh dhan", business_connection_id="b")})

    assert stage.telegram.sent == []
    assert stage.tokens.calls == []


@pytest.mark.parametrize(
    "more",
    [
        {"sender_chat": {"id": GROUP, "type": "supergroup", "title": "x"}},
        {"sender": {"id": 1087968824, "is_bot": True, "first_name": "Group"}},
        {"sender": {"id": 136817688, "is_bot": False, "first_name": "Channel"}},
        {"sender": {"id": 777000, "is_bot": False, "first_name": "Telegram"}},
        {"sender": {**BOT, "id": 43}},
        {"business_connection_id": "b"},
        {"guest_query_id": "g"},
        {"via_bot": {**BOT, "id": 43}, "chat": GROUP},
        {"kind": "channel"},
    ],
)
async def test_nobody_who_hides_is_obeyed(stage, more):
    await stage.hears(ADMIN, "/status", **more)

    assert [name for name, _ in stage.telegram.sent if name != "leaveChat"] == []


async def test_a_command_for_another_bot_is_not_ours(stage):
    await stage.hears(ADMIN, "/lock@OtherBot")
    await stage.hears(ADMIN, "/lock@kunjibot")

    assert stage.tokens.calls == [("lock",)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
async def test_a_locked_bot_shows_no_code_or_figure_and_logs_nobody_in(stage, command):
    stage.tokens.is_locked = True

    await stage.hears(ADMIN, f"/{command.name} dhan" if command.guarded else f"/{command.name}")

    assert (LOCKED in stage.telegram.texts()) is command.guarded
    assert stage.tokens.done("refresh", "code", "logout", "portfolio", "answer") == []


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
    assert "dhan and dhan-wife" in said
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
async def test_a_button_is_only_for_the_user_it_was_made_for(stage, action):
    await stage.press(VIEWER, stage.signed(action, user=ADMIN), chat=VIEWER)
    await stage.press(STRANGER, stage.signed(action, user=ADMIN))

    assert [name for name, _ in stage.telegram.sent] == ["answerCallbackQuery"]
    assert stage.tokens.calls == []
    assert stage.tokens.knocks == 1


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
async def test_an_expired_button_does_nothing(stage, action):
    data = stage.signed(action)
    stage.time[0] += timedelta(seconds=300)

    await stage.press(ADMIN, data)

    assert "expired" in stage.telegram.last()
    assert stage.tokens.calls == []


@pytest.mark.parametrize("action", [action for action, button in BUTTONS.items() if button.once])
async def test_a_button_that_works_once_works_once(stage, action):
    await stage.press(ADMIN, stage.signed(action))
    before = list(stage.tokens.calls)
    await stage.press(ADMIN, stage.signed(action))

    assert "already used" in stage.telegram.last()
    assert stage.tokens.calls == before


@pytest.mark.parametrize("action", [action for action, button in BUTTONS.items() if button.guarded])
async def test_a_locked_bot_refuses_its_buttons(stage, action):
    stage.tokens.is_locked = True

    await stage.press(ADMIN, stage.signed(action))

    assert "locked" in stage.telegram.last()
    assert stage.tokens.calls == []


@pytest.mark.parametrize("action", [action for action, button in BUTTONS.items() if button.acts])
async def test_a_press_that_waited_while_the_bot_was_away_is_not_obeyed(stage, action):
    stage.telegram.refuses["answerCallbackQuery"] = 400, "Bad Request: query is too old and response timeout expired"

    await stage.press(ADMIN, stage.signed(action))

    assert "Nothing was done" in stage.telegram.last()
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
