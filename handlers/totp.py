"""/totp: a TOTP code, hidden until tapped, with a copy button, gone when it is over."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from telegram import CopyTextButton, InlineKeyboardButton, Message, Update

from handlers import text
from handlers.buttons import Pressed, account_or_ask
from handlers.context import Context, Desk, delete, is_stale, later, reply, words

LOOKS_EVERY = timedelta(seconds=1)
"""The clock may be moved while a code is shown."""


async def totp(update: Update, context: Context) -> None:
    words(context, 1)
    account, now = await account_or_ask(update, context, "totp"), context.desk.now()
    if account is None:
        return
    if is_stale(update, now) and update.message is not None:
        # A code has half a minute to live and its window is used up by showing it.
        await reply(update, text.sent_long_ago(f"/totp {account}", update.message.date, now))
        return
    await show_code(update, context, account)


async def pressed_totp(update: Update, context: Context, pressed: Pressed) -> None:
    await show_code(update, context, pressed.account)


async def show_code(update: Update, context: Context, account: str) -> None:
    desk = context.desk
    if not desk.totp_in_chat:
        await reply(update, text.CODES_OFF)
        return
    if await desk.tokens.second_poller():
        await reply(update, text.SECOND_POLLER)
        return
    found = await desk.tokens.code(account)
    copy = InlineKeyboardButton("Copy", copy_text=CopyTextButton(found.digits.reveal()))
    shown = await reply(update, text.code(account, found, desk.now()), buttons=[[copy]], protect=True)
    later(_delete_when_over(desk, shown, found.expires_at))


async def _delete_when_over(desk: Desk, shown: Message, over_at: datetime) -> None:
    while (left := over_at - desk.now()) > timedelta(0):  # noqa: ASYNC110 - nothing tells when a clock gets there
        await asyncio.sleep(min(left, LOOKS_EVERY).total_seconds())
    await delete(shown)
