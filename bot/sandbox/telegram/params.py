"""What a method may be given, and reading it as the Bot API does: from JSON, form or multipart bodies, or the query.

A name the method does not have is refused here, though Telegram would ignore it: it is a typing error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

from bot.sandbox.front import Asked


class Refused(Exception):
    """The Bot API says no."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


def bad(what: str, **parameters: int) -> Refused:
    return Refused(400, f"Bad Request: {what}", **parameters)


METHODS: dict[str, frozenset[str]] = {
    method: frozenset(names.split())
    for method, names in {
        "getMe": "",
        "logOut": "",
        "close": "",
        "getUpdates": "offset limit timeout allowed_updates",
        "setWebhook": ("url certificate ip_address max_connections allowed_updates drop_pending_updates secret_token"),
        "deleteWebhook": "drop_pending_updates",
        "getWebhookInfo": "",
        "sendMessage": (
            "business_connection_id chat_id message_thread_id direct_messages_topic_id text parse_mode entities "
            "link_preview_options disable_notification protect_content allow_paid_broadcast message_effect_id "
            "suggested_post_parameters reply_parameters reply_markup"
        ),
        "sendPhoto": (
            "business_connection_id chat_id message_thread_id direct_messages_topic_id photo caption parse_mode "
            "caption_entities show_caption_above_media has_spoiler disable_notification protect_content "
            "allow_paid_broadcast message_effect_id suggested_post_parameters reply_parameters reply_markup"
        ),
        "editMessageText": (
            "business_connection_id chat_id message_id inline_message_id text parse_mode entities "
            "link_preview_options reply_markup"
        ),
        "editMessageReplyMarkup": "business_connection_id chat_id message_id inline_message_id reply_markup",
        "deleteMessage": "chat_id message_id",
        "answerCallbackQuery": "callback_query_id text show_alert url cache_time",
        "sendChatAction": "business_connection_id chat_id message_thread_id action",
        "setMyCommands": "commands scope language_code",
        "deleteMyCommands": "scope language_code",
        "getMyCommands": "scope language_code",
        "getChat": "chat_id",
        "leaveChat": "chat_id",
    }.items()
}
"""Every method there is here, with all its official parameters."""


class Params:
    """What one call was given. Everything may come as text or, in a JSON body, as itself."""

    def __init__(self, method: str, given: Mapping[str, Any]) -> None:
        if unknown := sorted(given.keys() - METHODS[method]):
            raise bad(f"unknown parameter {', '.join(unknown)}")
        self._given = {name: value for name, value in given.items() if value is not None}

    def text(self, name: str, default: str = "") -> str:
        value = self._given.get(name, default)
        if isinstance(value, bytes):
            raise bad(f'parameter "{name}" must not be a file')
        return value if isinstance(value, str) else json.dumps(value)

    def number(self, name: str, default: int | None = None) -> int | None:
        value = self._given.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise bad(f'parameter "{name}" must be an integer') from None

    def flag(self, name: str) -> bool:
        value = self._given.get(name, False)
        return value if isinstance(value, bool) else str(value).lower() in ("true", "1", "yes")

    def parsed(self, name: str, kind: type) -> Any:
        """An object or a list; None if it was not given."""
        value = self._given.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise bad(f"can't parse {name} JSON object") from None
        if not isinstance(value, kind):
            raise bad(f'parameter "{name}" has the wrong type')
        return value

    def file(self, name: str) -> bytes | None:
        """What was uploaded; None where it is no upload."""
        value = self._given.get(name)
        return value if isinstance(value, bytes) else None

    def has(self, name: str) -> bool:
        return name in self._given


def given_by(asked: Asked) -> dict[str, Any]:
    """The parameters of a request, wherever they stand."""
    kind = asked.headers.get("content-type", "")
    if kind.startswith("application/json"):
        return dict(asked.query) | _json_body(asked.body)
    if kind.startswith("multipart/form-data"):
        return dict(asked.query) | _multipart(kind, asked.body)
    return dict(asked.query) | asked.form()


def _json_body(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise bad("can't parse the JSON body")
    return given


def _multipart(kind: str, body: bytes) -> dict[str, Any]:
    whole = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=HTTP)
    found: dict[str, Any] = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = content if part.get_filename() is not None else content.decode("utf-8", "replace")
    return found
