"""/refresh: a new token, or what the admin has to do for one.

One message shows the progress and becomes the result. What a broker needs is learned from the answer, never asked
about beforehand.
"""

from __future__ import annotations

from telegram import InlineKeyboardButton, Message, Update

from brokers import Consent, KunjiError, Secret
from handlers import text
from handlers.access import Role
from handlers.answer import answer_for
from handlers.asks import ask_no_more, asks_now
from handlers.buttons import SHORT_LIFE, Pressed, button, in_rows
from handlers.context import Context, UsageError, delete, is_stale, my_accounts, named, person, reply, show
from handlers.failing import explained
from handlers.refresh_all import consent_buttons, consent_text, refresh_all


async def refresh(update: Update, context: Context) -> None:
    """With an account at once; with several and no name a question; with a value, that is the answer to a login."""
    words = context.args or []
    names = my_accounts(update, context, Role.ADMIN)
    if not {word.lower() for word in words} <= {*names, "all"}:
        await _with_value(update, context, words)
    elif len(words) > 1:
        raise UsageError("say one account, or all")
    elif words and words[0].lower() == "all":
        await _now_or_ask(update, context, "all", "", names)
    elif words or len(names) == 1:
        await _now_or_ask(update, context, "go", named(words[0], names) if words else names[0], names)
    else:
        await reply(update, text.WHICH["go"], buttons=_choices(context, person(update)[1], names))


async def pressed_go(update: Update, context: Context, pressed: Pressed) -> None:
    await refresh_one(update, context, pressed.account)


async def pressed_all(update: Update, context: Context, _pressed: Pressed) -> None:
    await refresh_all(update, context, my_accounts(update, context, Role.ADMIN))


async def pressed_anew(update: Update, context: Context, pressed: Pressed) -> None:
    await refresh_one(update, context, pressed.account, replace=True, shown=pressed.message(update))


async def pressed_force(update: Update, context: Context, pressed: Pressed) -> None:
    """The alert or refusal with this button stays: it says what the risk was. It may be hours old: where nothing is
    held back any more there is no risk to take, and this is a refresh like any other."""
    [status] = await context.desk.tokens.status([pressed.account])
    await refresh_one(update, context, pressed.account, force=status.held_back is not None)


async def refresh_one(
    update: Update,
    context: Context,
    account: str,
    *,
    replace: bool = False,
    force: bool = False,
    shown: Message | None = None,
) -> None:
    desk = context.desk
    until = None if replace or force else await desk.tokens.asks_first(account)
    if until is not None:
        yes = button(desk, person(update)[1], "anew", account, life=SHORT_LIFE)
        await show(update, shown, text.asks_first(account, until, desk.now()), buttons=[[yes]])
        return
    shown = await show(update, shown, text.refreshing(account))
    try:
        outcome = await desk.tokens.refresh(account, who="admin", replace=replace, force=force)
    except KunjiError as error:
        said, buttons = await explained(update, context, account, error, text.failed_login)
        await show(update, shown, said, buttons=buttons)
        return
    if isinstance(outcome, Consent):
        await _ask(update, context, account, outcome, shown)
    else:
        await show(update, shown, text.refreshed(outcome, desk.now()))


async def _ask(update: Update, context: Context, account: str, consent: Consent, shown: Message) -> None:
    """Say what to do, and remember the message, so that a reply to it is known to be for this account."""
    desk, (chat, user) = context.desk, person(update)
    if await desk.tokens.second_poller():
        await show(update, shown, f"{text.SECOND_POLLER}\n{text.on_the_machine(account)}")
        return
    # Before the link is there: the answer may be quick.
    earlier = await asks_now(desk.tokens, account, chat, shown.message_id)
    said = consent_text(desk, account, consent)
    there = await show(update, shown, said, buttons=consent_buttons(desk, user, account, consent))
    if there is not shown:
        await desk.tokens.asked(account, chat, there.message_id)
    await ask_no_more(context.bot, earlier)


async def _now_or_ask(update: Update, context: Context, action: str, account: str, names: list[str]) -> None:
    """Obey, unless it was sent while the bot was away: by now something else may have been done about it."""
    desk, message = context.desk, update.message
    if message is None or not is_stale(update, desk.now()):
        await (refresh_one(update, context, account) if account else refresh_all(update, context, names))
        return
    asked = text.still_wanted(f"/refresh {account or 'all'}", message.date, desk.now())
    yes = button(desk, person(update)[1], action, account, life=SHORT_LIFE)
    await reply(update, asked, buttons=[[yes]])


async def _with_value(update: Update, context: Context, words: list[str]) -> None:
    """`/refresh dhan <value>`. Whatever it is, it leaves the chat before it is looked at."""
    desk, message = context.desk, update.message
    if message is None:
        return
    deleted = await delete(message)
    account = named(words[0], my_accounts(update, context, Role.ADMIN))
    if is_stale(update, desk.now()):
        await reply(update, text.sent_long_ago(f"/refresh {account} …", message.date, desk.now()))
        return
    await answer_for(update, context, account, Secret(" ".join(words[1:])), deleted=deleted)


def _choices(context: Context, user: int, names: list[str]) -> list[list[InlineKeyboardButton]]:
    desk = context.desk
    rows = in_rows(button(desk, user, "go", name, label=name) for name in names)
    return [*rows, [button(desk, user, "all", "")]]
