"""Buttons: signed data that says what a press does, and the place where a press arrives.

Nothing about a button is stored, so it works after a restart. Its data says the action, the account, until when it
works and a word more; the signature covers these and the user it is meant for. What an action does is not known here.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from telegram import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest, TelegramError

from brokers import KunjiError
from handlers import text
from handlers.access import Role
from handlers.context import Context, my_accounts, person, pick_account, reply

LIFE = timedelta(hours=12)
"""How long a button works unless it is for something that should be decided at once."""
SHORT_LIFE = timedelta(minutes=5)
MOST = 98
"""Buttons in one message, with room for one row more; Telegram takes 100."""
ACROSS = 2
"""Buttons in a row."""
LONGEST = 64
"""Bytes Telegram takes. The library does not check."""
_SEAL_BYTES = 12
_SEAL = 16
_EXPIRY = 8


class Signing(Protocol):
    """What it takes to make a button: the desk has it, and so has a `Signer`."""

    @property
    def signing_key(self) -> bytes: ...
    @property
    def now(self) -> Callable[[], datetime]: ...


@dataclass(frozen=True, slots=True)
class Signer:
    """For whoever makes buttons without a desk."""

    signing_key: bytes
    now: Callable[[], datetime]


class ButtonRefused(KunjiError):
    """Not one of ours, not for this user, or too old."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a genuine button says."""

    action: str
    account: str
    arg: str
    expires_at: datetime
    seal: str
    """Different for every button; what `Tokens.spend` uses up."""

    def message(self, update: Update) -> Message | None:
        """The message with the button, if it can still be edited."""
        query = update.callback_query
        found = query.message if query is not None else None
        return found if isinstance(found, Message) and found.is_accessible else None


def sign(key: bytes, action: str, account: str, user: int, expires_at: datetime, arg: str = "") -> str:
    """Data for a button that this user may press until then."""
    said = f"{int(expires_at.timestamp()):0{_EXPIRY}x}{action}:{account}:{arg}"
    data = _seal(key, said, user) + said
    if len(data.encode()) > LONGEST:
        raise ValueError("action and argument are too long for a button")
    return data


def opened(key: bytes, data: str, user: int, now: datetime) -> Pressed:
    """What a button says that this user pressed. Raises ButtonRefused."""
    seal, said = data[:_SEAL], data[_SEAL:]
    if not hmac.compare_digest(_seal(key, said, user).encode(), seal.encode(errors="surrogatepass")):
        raise ButtonRefused(text.BUTTON_DEAD)
    expires_at = datetime.fromtimestamp(int(said[:_EXPIRY], 16), UTC)
    if now >= expires_at:
        raise ButtonRefused(text.BUTTON_EXPIRED)
    action, account, arg = said[_EXPIRY:].split(":", 2)
    return Pressed(action, account, arg, expires_at, seal)


def _seal(key: bytes, said: str, user: int) -> str:
    mac = hmac.new(key, f"button:{user}:{said}".encode(errors="surrogatepass"), hashlib.sha256).digest()
    return urlsafe_b64encode(mac[:_SEAL_BYTES]).decode()


def button(
    by: Signing,
    user: int,
    action: str,
    account: str,
    *,
    arg: str = "",
    life: timedelta = LIFE,
    label: str | None = None,
) -> InlineKeyboardButton:
    data = sign(by.signing_key, action, account, user, by.now() + life, arg)
    return InlineKeyboardButton(label or text.label(action, account), callback_data=data)


def in_rows(found: Iterable[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """As many as Telegram takes in one message."""
    kept = list(found)[:MOST]
    return [kept[start : start + ACROSS] for start in range(0, len(kept), ACROSS)]


def keyboard(by: Signing, user: int, wanted: Iterable[tuple[str, str]]) -> InlineKeyboardMarkup | None:
    """A keyboard of (action, account) for this user, such as `text.alert_buttons` gives; None for none."""
    rows = in_rows(button(by, user, action, account) for action, account in wanted)
    return InlineKeyboardMarkup(rows) if rows else None


async def account_or_ask(update: Update, context: Context, action: str) -> str | None:
    """The account that the command names, or the only one. None: there are several, and buttons ask which."""
    names = my_accounts(update, context, Role.ADMIN)
    if context.args or len(names) < 2:
        return pick_account(update, context, Role.ADMIN)
    desk, user = context.desk, person(update)[1]
    await reply(
        update, text.WHICH[action], buttons=in_rows(button(desk, user, action, name, label=name) for name in names)
    )
    return None


async def press(update: Update, context: Context) -> None:
    """Do what the button says, if it still holds. The gate has checked signature, role and lock."""
    query = update.callback_query
    if query is None:
        return
    desk = context.desk
    pressed = opened(desk.signing_key, query.data or "", query.from_user.id, desk.now())
    row = context.gate.buttons[pressed.action]
    if row.once and not await desk.tokens.spend(pressed.seal, pressed.expires_at):
        with suppress(TelegramError):
            await query.answer(text.BUTTON_SPENT)
        return
    if await _answered(query) or not row.acts:
        await row.callback(update, context, pressed)
    else:
        await reply(update, text.pressed_long_ago(pressed.account))


async def _answered(query: CallbackQuery) -> bool:
    """Stop the button's spinner. False if Telegram says that the press is too old: a press has no time of its own,
    and this is how one that waited while the bot was away is told apart."""
    try:
        await query.answer()
    except BadRequest:
        return False
    except TelegramError:
        return True
    return True
