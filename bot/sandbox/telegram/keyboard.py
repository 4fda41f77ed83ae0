"""What may hang below a message. Only inline keyboards are looked at closely: the bot sends no others."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.telegram.entities import units
from bot.sandbox.telegram.params import bad

Markup = dict[str, Any]

ACTIONS = {
    "callback_data",
    "callback_game",
    "copy_text",
    "login_url",
    "pay",
    "switch_inline_query",
    "switch_inline_query_chosen_chat",
    "switch_inline_query_current_chat",
    "url",
    "web_app",
}
LOOKS = {"text", "style", "icon_custom_emoji_id"}
STYLES = {"danger", "success", "primary"}
OTHER_KINDS = ("keyboard", "remove_keyboard", "force_reply")
MOST_BUTTONS = 100


def checked(markup: Markup | None, *, inline_only: bool = False) -> Markup | None:
    """The markup, if Telegram would take it."""
    if not markup:
        return None
    if "inline_keyboard" not in markup:
        if inline_only or not any(kind in markup for kind in OTHER_KINDS):
            raise bad("object expected as reply markup")
        return markup
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    buttons = [button for row in rows for button in row]
    if len(buttons) > MOST_BUTTONS:
        raise bad("reply markup is too long")
    for button in buttons:
        _check(button)
    return {"inline_keyboard": [row for row in rows if row]} if buttons else None


def _check(button: Any) -> None:
    if not isinstance(button, dict):
        raise bad("can't parse inline keyboard button: expected an Object")
    if unknown := button.keys() - ACTIONS - LOOKS:
        raise bad(f"unknown field of an inline keyboard button: {', '.join(sorted(unknown))}")
    if not isinstance(button.get("text"), str) or not button["text"].strip():
        raise bad("inline keyboard button text must be non-empty")
    actions = button.keys() & ACTIONS
    if not actions:
        raise bad("text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        raise bad("inline keyboard button must have exactly one action")
    if button.get("style", "primary") not in STYLES:
        raise bad("inline keyboard button has an invalid style")
    _check_action(button)


def _check_action(button: dict[str, Any]) -> None:
    if "callback_data" in button:
        data = button["callback_data"]
        if not isinstance(data, str) or not 1 <= len(data.encode()) <= 64:
            raise bad("BUTTON_DATA_INVALID")
    if "copy_text" in button:
        copied = button["copy_text"]
        text = copied.get("text") if isinstance(copied, dict) else None
        if not isinstance(text, str) or not 1 <= units(text) <= 256:
            raise bad("BUTTON_COPY_TEXT_INVALID")
    if "url" in button and not _reachable(button["url"]):
        raise bad(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")


def _reachable(url: Any) -> bool:
    if not isinstance(url, str):
        return False
    parts = urlsplit(url)
    if parts.scheme == "tg":
        return True
    return parts.scheme in ("http", "https") and "." in (parts.hostname or "") and not any(c.isspace() for c in url)
