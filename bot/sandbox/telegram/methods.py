"""The Bot API's methods, but for the waiting one (getUpdates), and what each refuses.

Each takes the world and its parameters and gives the result; the caller holds the lock.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

from bot.sandbox.telegram import keyboard, photos, webhook
from bot.sandbox.telegram.chats import TWO_DAYS, Chat, Message
from bot.sandbox.telegram.entities import LONGEST, Entity, parse_html, plain, units
from bot.sandbox.telegram.params import Params, bad
from bot.sandbox.telegram.world import World, labels

Method = Callable[[World, Params], Any]

ACTIONS = {
    "choose_sticker",
    "find_location",
    "record_video",
    "record_video_note",
    "record_voice",
    "typing",
    "upload_document",
    "upload_photo",
    "upload_video",
    "upload_video_note",
    "upload_voice",
}
SCOPES = {
    "default": set(),
    "all_private_chats": set(),
    "all_group_chats": set(),
    "all_chat_administrators": set(),
    "chat": {"chat_id"},
    "chat_administrators": {"chat_id"},
    "chat_member": {"chat_id", "user_id"},
}
LONGEST_CAPTION = 1024
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


def get_me(world: World, _: Params) -> Any:
    able = dict.fromkeys(("can_join_groups", "can_read_all_group_messages"), True)
    return world.bot.to_json() | able | {"supports_inline_queries": False}


def log_out(_: World, __: Params) -> Any:
    raise bad("the sandbox does not let go of its bot")


def set_webhook(world: World, params: Params) -> Any:
    world.updates.webhook = webhook.asked_for(params)
    world.updates.allowed = params.parsed("allowed_updates", list) or world.updates.allowed
    return _drop_if_asked(world, params)


def delete_webhook(world: World, params: Params) -> Any:
    world.updates.webhook = None
    return _drop_if_asked(world, params)


def _drop_if_asked(world: World, params: Params) -> bool:
    if params.flag("drop_pending_updates"):
        world.updates.drop()
    world.pulse.beat()
    return True


def get_webhook_info(world: World, _: Params) -> Any:
    allowed = {"allowed_updates": world.updates.allowed} if world.updates.allowed else {}
    hook = world.updates.webhook
    return {
        **(hook.to_json() if hook else {"url": ""}),
        "has_custom_certificate": False,
        "pending_update_count": len(world.updates),
        **allowed,
    }


def send_message(world: World, params: Params) -> Any:
    chat = world.reachable(params.text("chat_id"))
    text, entities = _text(params)
    preview = params.parsed("link_preview_options", dict) or {}
    shows = {"html": _html(params), "preview": not preview.get("is_disabled", False)}
    return _sent(world, chat, params, text=text, entities=entities, **shows)


def send_photo(world: World, params: Params) -> Any:
    chat = world.reachable(params.text("chat_id"))
    photo = photos.uploaded(params)
    text, entities = _caption(params)
    return _sent(world, chat, params, text=text, entities=entities, html=_html(params, "caption"), photo=photo)


def _sent(world: World, chat: Chat, params: Params, **shows: Any) -> Any:
    message = Message(
        id=0,
        date=int(world.unix()),
        sender=None if chat.kind == "channel" else world.bot,
        sender_chat=chat.id if chat.kind == "channel" else None,
        markup=keyboard.checked(params.parsed("reply_markup", dict)),
        reply_to=_replied(chat, params),
        thread=_thread(chat, params),
        silent=params.flag("disable_notification"),
        protected=params.flag("protect_content"),
        **shows,
    )
    message.id = world.next_id(chat)
    return chat.message_json(world.add_message(chat, message, "sent"))


def edit_message_text(world: World, params: Params) -> Any:
    chat, message = _own(world, params)
    if message.photo is not None:
        raise bad("there is no text in the message to edit")
    text, entities = _text(params)
    markup = keyboard.checked(params.parsed("reply_markup", dict), inline_only=True)
    if (message.text, message.entities, message.markup) == (text, entities, markup):
        raise bad(NOT_MODIFIED)
    message.text, message.entities, message.html = text, entities, _html(params)
    return _edited(world, chat, message, markup)


def edit_message_reply_markup(world: World, params: Params) -> Any:
    chat, message = _own(world, params)
    markup = keyboard.checked(params.parsed("reply_markup", dict), inline_only=True)
    if message.markup == markup:
        raise bad(NOT_MODIFIED)
    return _edited(world, chat, message, markup)


def delete_message(world: World, params: Params) -> Any:
    chat = world.reachable(params.text("chat_id"))
    message = chat.visible(params.number("message_id"))
    if message is None:
        raise bad("message to delete not found")
    if message.date < world.unix() - TWO_DAYS:
        raise bad("message can't be deleted for everyone")
    if message.sender != world.bot and chat.kind != "private" and not chat.bot_deletes:
        raise bad("message can't be deleted")
    message.deleted = True
    world.happened("deleted", chat, message, who=world.bot.first_name, text=message.text)
    return True


def answer_callback_query(world: World, params: Params) -> Any:
    query = world.queries.get(params.text("callback_query_id"))
    if query is None or query.answered or world.unix() - query.pressed_at > world.query_seconds:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    if units(params.text("text")) > 200:
        raise bad("MESSAGE_TOO_LONG")
    query.answered, query.text, query.alert = True, params.text("text"), params.flag("show_alert")
    chat, who = world.chats[query.chat], world.bot.first_name
    world.happened("answered", chat, who=who, text=query.text, alert=query.alert)
    return True


def send_chat_action(world: World, params: Params) -> Any:
    chat = world.reachable(params.text("chat_id"))
    if params.text("action") not in ACTIONS:
        raise bad("wrong parameter action in request")
    _thread(chat, params)
    world.happened("action", chat, who=world.bot.first_name, text=params.text("action"))
    return True


def set_my_commands(world: World, params: Params) -> Any:
    commands = params.parsed("commands", list)
    if commands is None:
        raise bad('parameter "commands" is required')
    if len(commands) > 100:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not isinstance(command, dict) or command.keys() != {"command", "description"}:
            raise bad("can't parse BotCommand")
        if not _COMMAND.fullmatch(str(command["command"])):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= units(str(command["description"])) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    world.commands[_scope(world, params), params.text("language_code")] = commands
    return True


def delete_my_commands(world: World, params: Params) -> Any:
    world.commands.pop((_scope(world, params), params.text("language_code")), None)
    return True


def get_my_commands(world: World, params: Params) -> Any:
    return world.commands.get((_scope(world, params), params.text("language_code")), [])


def get_chat(world: World, params: Params) -> Any:
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    full = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": dict.fromkeys(gifts, False)}
    return world.reachable(params.text("chat_id")).to_json() | full


def leave_chat(world: World, params: Params) -> Any:
    chat = world.reachable(params.text("chat_id"))
    if chat.kind == "private":
        raise bad("chat member status can't be changed in private chats")
    chat.blocked = True
    world.happened("left", chat, who=world.bot.first_name)
    return True


METHODS: dict[str, Method] = {
    "getMe": get_me,
    "logOut": log_out,
    "close": log_out,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
    "sendMessage": send_message,
    "sendPhoto": send_photo,
    "editMessageText": edit_message_text,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "answerCallbackQuery": answer_callback_query,
    "sendChatAction": send_chat_action,
    "setMyCommands": set_my_commands,
    "deleteMyCommands": delete_my_commands,
    "getMyCommands": get_my_commands,
    "getChat": get_chat,
    "leaveChat": leave_chat,
}


def _text(params: Params) -> tuple[str, list[Entity]]:
    text, entities = _marked(params, "text", "entities")
    if not text:
        raise bad("message text is empty")
    if units(text) > LONGEST:
        raise bad("message is too long")
    return text, entities


def _caption(params: Params) -> tuple[str, list[Entity]]:
    text, entities = _marked(params, "caption", "caption_entities")
    if units(text) > LONGEST_CAPTION:
        raise bad("message caption is too long")
    return text, entities


def _marked(params: Params, words: str, marks: str) -> tuple[str, list[Entity]]:
    source, mode = params.text(words), params.text("parse_mode")
    if mode and mode.upper() != "HTML":
        raise bad("unsupported parse_mode")  # Telegram knows Markdown too; the bot does not write it
    if mode:
        return parse_html(source)
    return plain(source)[0], params.parsed(marks, list) or []


def _html(params: Params, name: str = "text") -> str:
    source = params.text(name)
    return source if params.text("parse_mode") else html.escape(source)


def _replied(chat: Chat, params: Params) -> int | None:
    given = params.parsed("reply_parameters", dict)
    if given is None:
        return None
    if chat.visible(given.get("message_id")) is not None:
        return int(given["message_id"])
    if not given.get("allow_sending_without_reply"):
        raise bad("message to be replied not found")
    return None


def _thread(chat: Chat, params: Params) -> int | None:
    thread = params.number("message_thread_id")
    if thread is not None and not chat.forum:
        raise bad("message thread not found")
    return thread


def _own(world: World, params: Params) -> tuple[Chat, Message]:
    if params.has("inline_message_id"):
        raise bad("MESSAGE_ID_INVALID")
    chat = world.reachable(params.text("chat_id"))
    message = chat.visible(params.number("message_id"))
    if message is None:
        raise bad("message to edit not found")
    if message.sender != world.bot and message.sender_chat != chat.id:
        raise bad("message can't be edited")
    return chat, message


def _edited(world: World, chat: Chat, message: Message, markup: keyboard.Markup | None) -> Any:
    message.markup = markup
    message.edits += 1
    message.edited_at = int(world.unix())
    world.happened("edited", chat, message, who=world.bot.first_name, text=message.text, buttons=labels(markup))
    return chat.message_json(message)


def _scope(world: World, params: Params) -> str:
    scope = params.parsed("scope", dict) or {"type": "default"}
    needed = SCOPES.get(scope.get("type", ""))
    if needed is None or scope.keys() - {"type"} != needed:
        raise bad("can't parse BotCommandScope")
    if "chat_id" in scope:
        world.known(str(scope["chat_id"]))
    return json.dumps(scope, sort_keys=True)
