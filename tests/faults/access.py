"""Who may do what, said a second time: a row for every command and button, and a small rule.

It asks nothing of `handlers.access`, whose answers are held against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from handlers import text
from handlers.access import Audience
from tests.faults.arrivals import NOT_THEIR_OWN, OLD_GROUP, UNSEEN, Sender
from tests.unit.handlers.stage import ADMIN, GROUP, VIEWER

OURS = Audience(
    frozenset({ADMIN, VIEWER, GROUP, OLD_GROUP}), frozenset({ADMIN}), frozenset({VIEWER}), frozenset({ADMIN})
)

OBEYED, SILENCE, KNOCK = "obeyed", "no answer", "no answer, and the admin is told"
ASKED_AGAIN, PRESSED_LONG_AGO = "asked whether it is still wanted", "told that it was pressed long ago"


@dataclass(frozen=True)
class Row:
    """What a command or a button is for."""

    asks: str = ""
    """What the tokens are asked when it is obeyed,"""
    says: str = ""
    """or, where they are asked nothing, what is said then."""
    admin: bool = False
    in_groups: bool = True
    when_locked: bool = True
    when_old: bool = True
    """Sent or pressed long ago, it is still obeyed."""
    once: bool = False
    account: str = "dhan"


def of_the_admin(asks: str = "", *, when_locked: bool = False, when_old: bool = False, **more: Any) -> Row:
    return Row(asks, admin=True, in_groups=False, when_locked=when_locked, when_old=when_old, **more)


COMMAND_ROWS = {
    "start": Row("health", account=""),
    "status": Row("status"),
    "refresh": of_the_admin("refresh"),
    "account": Row("portfolio", in_groups=False, when_locked=False),
    "orders": Row("orders", in_groups=False, when_locked=False),
    "totp": of_the_admin("code"),
    "history": Row("history"),
    "logout": of_the_admin("can_revoke", when_old=True),
    "pause": of_the_admin("pause"),
    "resume": of_the_admin("resume"),
    "lock": of_the_admin("lock", when_locked=True, when_old=True, account=""),
    "help": Row(says="/history", account=""),
}
BUTTON_ROWS = {
    "go": of_the_admin("refresh"),
    "all": of_the_admin("refresh", account=""),
    "anew": of_the_admin("refresh", once=True),
    "force": of_the_admin("refresh", once=True),
    "totp": of_the_admin("code"),
    "logout": of_the_admin("can_revoke", when_old=True),
    "out": of_the_admin("logout", once=True),
    "use": of_the_admin(says=text.PASTE_GONE, once=True),
    "pause": of_the_admin("pause"),
    "resume": of_the_admin("resume"),
    "look": Row("status", account=""),
}
WORDS = of_the_admin("questions", when_old=True)
"""What is no command: the admin's answer to a login."""


def due_to_a_command(row: Row, sender: Sender, how: str, *, locked: bool) -> str:
    """The rule for commands; those for other words and for presses follow."""
    if how in UNSEEN:
        return SILENCE
    if how == "for another bot" and (sender.is_in_a_group_of_ours or sender.standing != "nobody"):
        return SILENCE
    if sender.standing == "nobody":
        return KNOCK
    if how in NOT_THEIR_OWN:
        return _explained(sender, how)
    if sender.is_in_a_group_of_ours and not row.in_groups:
        return text.PRIVATE_ONLY
    if row.admin and sender.standing != "admin":
        return text.ADMIN_ONLY
    if locked and not row.when_locked:
        return text.LOCKED
    return ASKED_AGAIN if how == "sent three minutes ago" and not row.when_old else OBEYED


def due_to_words(sender: Sender, how: str, *, locked: bool) -> str:
    if how in UNSEEN or sender.is_in_a_group_of_ours:
        return SILENCE
    if sender.standing == "nobody":
        return KNOCK
    if how in NOT_THEIR_OWN:
        return _explained(sender, how)
    if sender.standing != "admin":
        return text.COMMANDS_ONLY
    return text.LOCKED if locked else OBEYED


def _explained(sender: Sender, how: str) -> str:
    if sender.standing != "admin":
        return SILENCE
    return text.EDITED if how == "edited" else text.FORWARDED


DEAD = ("forged", "made for another user", "of an action that is gone", "for an account that is gone")


def due_to_a_press(row: Row, sender: Sender, how: str, *, locked: bool) -> str:
    if how in ("under an inline message", "pressed by a bot"):
        return SILENCE
    if sender.standing == "nobody":
        return KNOCK
    if how in DEAD:
        return text.BUTTON_DEAD
    if how == "expired":
        return text.BUTTON_EXPIRED
    if how == "for somebody else's account" or (row.admin and sender.standing != "admin"):
        return text.TOAST_ADMIN_ONLY
    if locked and not row.when_locked:
        return text.TOAST_LOCKED
    if how == "pressed again" and row.once:
        return text.BUTTON_SPENT
    return PRESSED_LONG_AGO if how == "pressed long ago" and not row.when_old else OBEYED
