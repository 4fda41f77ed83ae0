"""The library the bot is written with finds the Bot API it expects, for every method the bot uses."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeChat,
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ReplyParameters,
    Update,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter

from bot.sandbox import Sandbox
from tests.unit.sandbox.calls import ADMIN

BUTTONS = InlineKeyboardMarkup(
    [
        [InlineKeyboardButton("go", callback_data="a", style="danger")],
        [
            InlineKeyboardButton("copy", copy_text=CopyTextButton("123456")),
            InlineKeyboardButton("log in", url="https://example.com/login?x=1&y=2"),
        ],
    ]
)


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    sandbox.telegram.open_chat(ADMIN)
    async with Bot(sandbox.telegram.token, base_url=f"{sandbox.telegram_url}/bot") as bot:
        yield bot


async def test_it_knows_itself(bot: Bot) -> None:
    assert bot.username == "kunji_sandbox_bot"


async def test_a_wrong_token_is_an_invalid_token(sandbox: Sandbox) -> None:
    stranger = Bot("111111:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", base_url=f"{sandbox.telegram_url}/bot")

    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()


async def test_it_sends_edits_and_deletes(sandbox: Sandbox, bot: Bot) -> None:
    heard = sandbox.telegram.say(ADMIN, "/totp")
    sent = await bot.send_message(
        ADMIN,
        'til <b>12:00</b> <tg-time unix="1800000000" format="r">soon</tg-time>',
        parse_mode=ParseMode.HTML,
        disable_notification=True,
        protect_content=True,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
        reply_parameters=ReplyParameters(heard),
        reply_markup=BUTTONS,
    )
    assert [entity.type for entity in sent.entities] == ["bold", "date_time"]
    assert sent.has_protected_content
    assert sent.reply_to_message is not None
    assert sent.reply_markup == BUTTONS

    edited = await bot.edit_message_text("done", ADMIN, sent.message_id, reply_markup=BUTTONS)
    assert getattr(edited, "text", None) == "done"
    await bot.edit_message_reply_markup(ADMIN, sent.message_id)
    assert await bot.delete_message(ADMIN, sent.message_id)
    assert await bot.send_chat_action(ADMIN, ChatAction.TYPING)
    whats = [e.what for e in sandbox.telegram.events()]
    assert whats == ["said", "sent", "edited", "edited", "deleted", "action"]


async def test_it_sends_a_picture(sandbox: Sandbox, bot: Bot) -> None:
    written = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(written, "PNG")

    sent = await bot.send_photo(ADMIN, written.getvalue(), caption="<b>₹1</b>", parse_mode=ParseMode.HTML)

    assert (sent.caption, sent.photo[0].width, sent.photo[0].height) == ("₹1", 64, 48)
    assert sandbox.telegram.photo(ADMIN, sent.message_id) == written.getvalue()


async def test_it_reads_every_kind_of_update(sandbox: Sandbox, bot: Bot) -> None:
    people = sandbox.telegram
    sent = await bot.send_message(ADMIN, "x", reply_markup=BUTTONS)
    heard = people.say(ADMIN, "/start@kunji_sandbox_bot now", forwarded_from=5)
    people.change(ADMIN, heard, "/stop")
    people.press(ADMIN, sent.message_id, "go")
    people.press(ADMIN, sent.message_id, "go", inaccessible=True)
    people.open_chat(-9, "supergroup", forum=True)
    people.say(-9, "a", as_group=True, thread=4)
    people.say(-9, "b", as_channel=-10)
    people.open_chat(-10, "channel")
    people.post(-10, "c")
    people.say_to_business(7, "d")
    people.say_as_guest(7, "e")
    people.invite(-11, by=ADMIN)
    people.block(-11, by=ADMIN)
    people.upgrade(-9, -1009)

    updates = await bot.get_updates(allowed_updates=Update.ALL_TYPES)

    assert len(updates) == 13
    assert updates[0].message is not None
    assert updates[0].message.parse_entities() != {}
    assert updates[2].callback_query is not None
    assert updates[3].callback_query is not None
    assert updates[3].callback_query.message is not None
    assert not updates[3].callback_query.message.is_accessible
    assert updates[4].message is not None
    assert updates[4].message.message_thread_id == 4
    assert updates[9].my_chat_member is not None


async def test_it_answers_a_pressed_button(sandbox: Sandbox, bot: Bot) -> None:
    sent = await bot.send_message(ADMIN, "x", reply_markup=BUTTONS)
    pressed = sandbox.telegram.press(ADMIN, sent.message_id, "go")

    assert await bot.answer_callback_query(pressed, "on it")

    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query(pressed)


async def test_it_sets_menus_and_looks_up_chats(sandbox: Sandbox, bot: Bot) -> None:
    scope = BotCommandScopeChat(ADMIN)
    await bot.set_my_commands([BotCommand("start", "who am I")], scope=scope)
    assert [c.command for c in await bot.get_my_commands(scope=scope)] == ["start"]
    await bot.delete_my_commands(scope=scope)
    sandbox.telegram.open_chat(-9, "group", "Desk")
    assert (await bot.get_chat(-9)).title == "Desk"
    assert await bot.leave_chat(-9)
    await bot.set_webhook("https://example.com/hook")
    assert (await bot.get_webhook_info()).url == "https://example.com/hook"
    with pytest.raises(Conflict):
        await bot.get_updates()
    assert await bot.delete_webhook()


@pytest.mark.filterwarnings("ignore:.*retry_after.*timedelta")
async def test_failures_arrive_as_the_librarys_own(sandbox: Sandbox, bot: Bot) -> None:
    sandbox.telegram.flood("sendMessage", 3)
    with pytest.raises(RetryAfter):
        await bot.send_message(ADMIN, "x")
    sandbox.telegram.bad_gateway("sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(ADMIN, "x")
    sandbox.telegram.cut("sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(ADMIN, "x")
    sandbox.telegram.fail("getUpdates", 409)
    with pytest.raises(Conflict):
        await bot.get_updates()
    sandbox.telegram.open_chat(-9, "group")
    sandbox.telegram.upgrade(-9, -1009)
    with pytest.raises(ChatMigrated):
        await bot.send_message(-9, "x")
    sandbox.telegram.block(ADMIN)
    with pytest.raises(Forbidden):
        await bot.send_message(ADMIN, "x")


async def test_poison_cannot_be_read(sandbox: Sandbox, bot: Bot) -> None:
    sandbox.telegram.poison()

    with pytest.raises(KeyError):
        await bot.get_updates()
