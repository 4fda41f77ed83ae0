"""A refresh and what it may ask for: progress, questions, answers; codes; the end and the rest of a token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from brokers import Code, Consent, KunjiError
from handlers.text.accounts import WAYS, took, what_is_next
from handlers.text.parts import bold, clock, esc, failed, lines, listed, span, when
from handlers.text.refusals import held_back
from handlers.tokens import AccountStatus, LoggedOut, Refreshed

OPEN_LABEL = "Open the login page"
COMMANDS_THERE_ARE = "Meant something else? /help lists the commands."
NOTHING_OPEN = (
    "No login waits for an answer, so I do not know what your message was for. I deleted it unread, as it might have "
    "been a secret.\nTo log in, send /refresh first; /help lists the other commands."
)
TEXT_ONLY = "I can read text only. Copy the address or the code and send it as text."
PASTE_GONE = "I no longer have what you sent. Send it again, as a reply to the message that asks for it."
NOT_DELETED = "⚠ I could not delete your message: delete it yourself, it may hold something secret."
AT_RISK = (
    "The button tries once more. If that is refused, too, the broker may lock the account: "
    "tap it only if the cause is mended or was the broker's own."
)
ASK_WHICH = "This fits more than one open login. Which one is it for? It goes to that broker alone."

WHICH = {
    "go": "Which account shall I refresh?",
    "pause": "Which account shall I pause?",
    "resume": "Which account shall I resume?",
    "logout": "Which account shall I log out?",
    "totp": "For which account do you want a TOTP code?",
}
LABELS = {
    "go": "Refresh {}",
    "all": "Refresh all",
    "anew": "Yes, refresh {}",
    "force": "Take the risk: try {} once",
    "logout": "Log out {}",
    "out": "Yes, log out {}",
    "pause": "Pause {}",
    "resume": "Resume {}",
    "totp": "TOTP code for {}",
    "use": "{}",
    "look": "Status",
}


@dataclass(frozen=True, slots=True)
class Door:
    """Where a browser comes back to after a login; the page there says how it ended."""

    taken_for: timedelta | None = None
    """So long after the link was given; None: as long as the login waits."""


def label(action: str, account: str) -> str:
    """What a button says. Telegram shows it as it is."""
    return LABELS.get(action, action).format(account)


def refreshing(account: str) -> str:
    return f"⏳ Refreshing {bold(account)} …"


def refreshing_all(waiting: Sequence[str], done: int) -> str:
    names = listed([bold(name) for name in waiting]) if len(waiting) <= 10 else f"{len(waiting)} accounts"
    return f"⏳ Refreshing {names} … ({done} of {done + len(waiting)} done)"


def refreshed(result: Refreshed, now: datetime) -> str:
    until = f"good until {when(result.expires_at, now)}"
    if result.already:
        return f"✅ {bold(result.account)}: it was refreshed a moment ago already; {until}."
    doubt = "" if result.proven else "\nThe broker has not confirmed it yet; I look again by myself."
    lasted = took(result.seconds)
    how_long = f"; the {WAYS.get(result.way, esc(result.way))} took {lasted}" if lasted else ""
    return f"✅ {bold(result.account)}: new token, {until}{how_long}.{doubt}"


def consent(account: str, asked: Consent, now: datetime, codes_here: bool, door: Door | None = None) -> str:
    """What only the admin can do, step by step. `door`: where the browser ends, if that is the bot's own."""
    steps, otherwise, in_time = [], None, ""
    if asked.url is not None:
        in_time = f" within {span(door.taken_for)}" if door and door.taken_for else ""
        there = (
            "; the page you land on says when it is done" if door else ", in the phone's browser, not inside Telegram"
        )
        steps.append(f"Tap “{OPEN_LABEL}” and log in{in_time}{there}.")
    if asked.asks_totp:
        how = "tap the code button" if codes_here else f"run <code>kunji totp {esc(account)}</code> on the machine"
        steps.append(f"The page asks for a code: {how}.")
    answer = f"{esc(asked.expects)}, best as a reply. I delete it before I read it."
    if door and asked.url is not None:
        trouble = "Too late, or no page?" if in_time else "No page?"
        otherwise = f"{trouble} Tap “{esc(label('go', account))}” for a fresh link, or send me {answer}"
    else:
        steps.append(f"Send me {answer}")
    numbered = [f"{number}. {step}" for number, step in enumerate(steps, 1)] if len(steps) > 1 else steps
    until = f"This works until {when(asked.expires_at, now)}." if asked.expires_at and not in_time else None
    return lines((f"🔑 {bold(account)}: the broker wants you to log in.", *numbered, otherwise, until))


def login_done(account: str) -> str:
    """In place of the message that asked for it."""
    return f"🔑 {bold(account)}: you logged in."


def login_failed(account: str) -> str:
    """In place of the message that asked for it; what happened is told in a new one."""
    return f"🔑 {bold(account)}: you logged in, but that did not end in a token."


def asked_anew(account: str) -> str:
    """In place of an earlier message that asked for it."""
    return f"🔑 {bold(account)}: I asked for this login again, further down."


def asks_first(account: str, until: datetime, now: datetime) -> str:
    return (
        f"{bold(account)} has a good token until {when(until, now)}; until then a new one gains little.\n"
        "A new login ends it in every program that uses it. Refresh all the same?"
    )


def refreshed_all(outcomes: Mapping[str, Refreshed | Consent | KunjiError | datetime], now: datetime) -> str:
    """A time stands for an account left out because its token outlives today's trading."""
    return (
        lines(_outcome(account, outcome, now) for account, outcome in outcomes.items())
        or "There is nothing to refresh."
    )


def _outcome(account: str, outcome: Refreshed | Consent | KunjiError | datetime, now: datetime) -> str:
    match outcome:
        case Refreshed():
            return refreshed(outcome, now)
        case Consent():
            return f"🔑 {bold(account)}: needs you, see below"
        case KunjiError():
            return f"❌ {bold(account)}: {failed(outcome)}"
    until = when(outcome, now)
    return f"➖ {bold(account)}: left out, its token is good until {until}; /refresh {esc(account)} replaces it"


def exchanging(account: str) -> str:
    return f"⏳ Finishing the login of {bold(account)} …"


def fits_none(expected: Mapping[str, str]) -> str:
    """None of the open logins can use it; `expected` says what each one waits for."""
    if len(expected) == 1:
        [(account, why)] = expected.items()
        return f"❌ {bold(account)}: {esc(why)}.\nThe broker was not asked. {COMMANDS_THERE_ARE}"
    rows = (f"{bold(account)}: {esc(why)}" for account, why in expected.items())
    return lines(("❌ This fits none of the logins that wait, so no broker was asked:", *rows, COMMANDS_THERE_ARE))


def did_you_mean(command: str) -> str:
    """A command typed without its slash."""
    return f"Did you mean {esc(command)}? I obey only what begins with a slash. Nothing was done."


def code(account: str, found: Code, now: datetime) -> str:
    """The one sentence that shows a secret: it is what it was asked for."""
    digits = esc(found.digits.reveal())
    return (
        f"{bold(account)}: <tg-spoiler><code>{digits}</code></tg-spoiler>\n"
        f"Good for {span(max(found.expires_at - now, timedelta(0)))}; then I delete this message."
    )


def confirm_logout(account: str, can_revoke: bool, until: datetime | None, now: datetime) -> str:
    if until is None or until <= now:
        return f"{bold(account)} has no token here. Pause it all the same, until /refresh or /resume?"
    ends = (
        "The token is ended at the broker and forgotten here."
        if can_revoke
        else f"This broker cannot end a token: it is forgotten here and lives on there until {when(until, now)}."
    )
    return (
        f"Log out {bold(account)}? {ends} Programs get no token, and the account is paused until /refresh or /resume."
    )


def logged_out(done: LoggedOut, now: datetime) -> str:
    if done.revoked:
        what = "logged out; the token is dead at the broker"
    else:
        why = f" ({esc(done.why)})" if done.why else ""
        until = f" until {when(done.lives_until, now)}" if done.lives_until else ""
        what = f"forgotten here; the token lives on at the broker{until}{why}"
    return f"✅ {bold(done.account)}: {what}.\nThe account is paused until /refresh or /resume."


def paused(account: str) -> str:
    return f"⏸ {bold(account)}: no automatic logins until /resume {esc(account)}. The token it has stays as it is."


def resumed(now_it_is: AccountStatus, was_paused: bool, now: datetime) -> str:
    account, why = now_it_is.account, now_it_is.held_back
    was = "no longer paused" if was_paused else "was not paused, so nothing was changed"
    follows = f"⚠ {held_back(account, why)}" if why else what_is_next(now_it_is, now)
    return lines((f"▶ {bold(account)}: {was}.", follows))


def still_wanted(what: str, sent_at: datetime, now: datetime) -> str:
    return (
        f"You sent <code>{esc(what)}</code> at {clock(sent_at, now)}, {span(now - sent_at)} ago, "
        "while I could not be reached. Nothing was done yet. Do you still want it?"
    )


LOCKED_NOW = (
    "🔒 Locked: no refresh, codes, figures, answers or pauses in the chat. Automatic logins and alerts go on.\n"
    "To end that, run <code>kunji unlock</code> on the machine the bot runs on."
)
