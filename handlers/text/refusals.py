"""Why something is not done, and what to do instead. The short ones are shown as a toast over the chat: no markup."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from brokers import (
    BrokerUnreachable,
    CodeRejected,
    ConsentRejected,
    KunjiError,
    LoginRejected,
    RateLimited,
    TokenRejected,
    UnexpectedReply,
)
from handlers.text.parts import bold, clock, esc, lines, listed, span

EDITED = "An edited message is not obeyed. Send it as a new message."
FORWARDED = "A forwarded message is not obeyed. Type or paste it yourself; if it holds anything secret, delete it here."
ADMIN_ONLY = "Only the admin can do that. /help shows what you can do here."
PRIVATE_ONLY = "That is for the private chat with me: links, codes and figures do not go to a group."
UNKNOWN_COMMAND = "There is no such command. /help lists what there is."
COMMANDS_ONLY = "I know commands only. /help lists them."
LOCKED = (
    "🔒 The bot is locked: no refresh, codes, figures or answers in the chat.\n"
    "To end that, run <code>kunji unlock</code> on the machine it runs on."
)
SECOND_POLLER = (
    "⚠ Another program reads this bot's messages, so I take no answers and show no codes now. "
    "It may have read your message, too.\n"
    "If the other program is not yours, send /revoke to @BotFather and put the new bot token into the config."
)


def on_the_machine(account: str) -> str:
    return f"Until then log in on the machine: <code>kunji refresh {esc(account)}</code>"


CODES_OFF = (
    "TOTP codes are not shown in the chat (<code>totp_in_chat</code> is off). On the machine: <code>kunji totp</code>"
)
WENT_WRONG = (
    "Something went wrong inside the bot, and what you asked for was perhaps not done; the log has it. "
    "Look with /status before you try again."
)

BUTTON_DEAD = "This button does not work. Send the command instead; /help lists them."
BUTTON_EXPIRED = "This button has expired. Send the command instead."
BUTTON_SPENT = "You pressed this before; what came of it is in the chat."
TOAST_ADMIN_ONLY = "Only the admin can do that."
TOAST_LOCKED = "The bot is locked. Run kunji unlock on its machine."
TOAST_UNKNOWN = "Nothing was done: the bot cannot read whether it is locked. Send /start to see what is wrong."


def unknown_account(names: Sequence[str]) -> str:
    """For a UsageError: plain text, which is escaped when it is shown. What was typed is not repeated: it may have been
    a value with the account left out."""
    there_are = f"say {listed(names, 'or')}" if names else "there is none you may use for this"
    return f"there is no such account; {there_are}"


def which_account(names: Sequence[str]) -> str:
    """For a UsageError, as above."""
    return f"say which account: {listed(names, 'or')}" if names else "there is no account you may use for this"


def pressed_long_ago(account: str) -> str:
    of = f" for {bold(account)}" if account else ""
    return (
        f"You pressed a button{of} while I could not be reached. Nothing was done: "
        "send the command if you still want it."
    )


def sent_long_ago(what: str, sent_at: datetime, now: datetime) -> str:
    return (
        f"You sent <code>{esc(what)}</code> at {clock(sent_at, now)}, {span(now - sent_at)} ago, "
        "while I could not be reached. Nothing was done."
    )


def held_back(account: str, why: object, *, looks: bool = False) -> str:
    """A refusal stands against the account; the same wherever it is said. `looks`: to whom cannot mend it here."""
    mend = f" Correct {esc(account)}_config.json and restart the bot, or send /refresh {esc(account)} to try once more."
    return f"I no longer log in by myself: {esc(why)}.{'' if looks else mend}"


def failure(error: KunjiError, account: str | None = None) -> str:
    """What went wrong, with which account, and what to do now."""
    of = f"{bold(account)}: " if account else ""
    return lines((f"❌ {of}{esc(error.message)}", f"→ {esc(error.hint)}" if error.hint else what_now(error)))


def what_now(error: KunjiError) -> str | None:
    """Where the error itself brings no hint."""
    match error:
        case RateLimited(retry_after=float() | int() as seconds):
            return f"→ The broker asks for patience: try again in {span(timedelta(seconds=seconds))}."
        case RateLimited():
            return "→ The broker asks for patience: try again in a few minutes."
        case BrokerUnreachable():
            return "→ Nothing was refused. Try again in a minute."
        case CodeRejected():
            return "→ Check totp_secret in the config and the machine's clock: too many wrong codes lock the account."
        case LoginRejected():
            return "→ Correct the config and restart the bot: too many wrong logins lock the account."
        case ConsentRejected():
            return "→ Nothing was changed. Send /refresh to begin this login again."
        case TokenRejected():
            return "→ Send /refresh for a new token."
        case UnexpectedReply():
            return "→ The broker may have changed something. If it happens again, please report it."
    return None
