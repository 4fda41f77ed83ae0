"""/refresh all: accounts side by side, told in one message that is edited now and then."""

from __future__ import annotations

import asyncio

from telegram import InlineKeyboardButton, Update

from brokers import Consent, KunjiError
from handlers import text
from handlers.asks import ask_no_more, asks_now
from handlers.buttons import SHORT_LIFE, button, in_rows
from handlers.context import Context, Desk, person, reply, show
from handlers.errors import record
from handlers.failing import held_back
from handlers.tokens import Refreshed

TELLS_EVERY = 2.0
"""Seconds. Telegram allows about one message a second and chat."""

Outcome = Refreshed | Consent | KunjiError


async def refresh_all(update: Update, context: Context, names: list[str]) -> None:
    """Accounts whose token outlives today's trading are left out: a new login would end it in every program."""
    desk, user = context.desk, person(update)[1]
    kept = {name: until for name in names if (until := await desk.tokens.asks_first(name)) is not None}
    tasks = {name: asyncio.create_task(_refresh(desk, name)) for name in names if name not in kept}
    shown = None
    if tasks:
        shown = await reply(update, text.refreshing_all(list(tasks), 0))
        waiting = set(tasks.values())
        while waiting:
            _, waiting = await asyncio.wait(waiting, timeout=TELLS_EVERY)
            if waiting:
                left = [name for name, task in tasks.items() if not task.done()]
                shown = await show(update, shown, text.refreshing_all(left, len(tasks) - len(left)))
    outcomes = {name: kept[name] if name in kept else tasks[name].result() for name in names}
    risky = await held_back(context, [name for name, outcome in outcomes.items() if isinstance(outcome, KunjiError)])
    said = text.refreshed_all(outcomes, desk.now()) + (f"\n\n{text.AT_RISK}" if risky else "")
    forces = in_rows(button(desk, user, "force", name, life=SHORT_LIFE) for name in risky)
    await show(update, shown, said, buttons=forces)
    for name, outcome in outcomes.items():
        if isinstance(outcome, Consent):
            await _ask(update, desk, name, outcome)


async def _refresh(desk: Desk, account: str) -> Outcome:
    """One account's failure is one line among the others, whatever it is."""
    try:
        return await desk.tokens.refresh(account, who="admin")
    except KunjiError as error:
        return error
    except Exception as error:
        record(error)
        return KunjiError("something went wrong inside the bot; the log has it", hint="look with /status first")


async def _ask(update: Update, desk: Desk, account: str, consent: Consent) -> None:
    """A message for each login, so that each can be replied to."""
    chat, user = person(update)
    sent = await reply(
        update, consent_text(desk, account, consent), buttons=consent_buttons(desk, user, account, consent)
    )
    earlier = await asks_now(desk.tokens, account, chat, sent.message_id)
    await ask_no_more(update.get_bot(), earlier)


def consent_text(desk: Desk, account: str, consent: Consent) -> str:
    return text.consent(account, consent, desk.now(), desk.totp_in_chat, desk.doors.get(account))


def consent_buttons(desk: Desk, user: int, account: str, consent: Consent) -> list[list[InlineKeyboardButton]]:
    """What helps to do what is asked: the page, the code it will ask for, and a fresh link for who comes too late."""
    rows = []
    if consent.url is not None:
        rows.append([InlineKeyboardButton(text.OPEN_LABEL, url=consent.url)])
    if consent.asks_totp and desk.totp_in_chat:
        rows.append([button(desk, user, "totp", account)])
    if consent.url is not None and account in desk.doors:
        rows.append([button(desk, user, "go", account)])
    return rows
