"""A refresh and what it may ask for: progress, questions, answers; codes; the end and the rest of a token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from brokers import Code, Consent, KunjiError
from handlers.text.accounts import WAYS
from handlers.text.parts import bold, clock, esc, failed, lines, listed, paragraphs, span, when
from handlers.text.refusals import failure
from handlers.tokens import LoggedOut, Refreshed

OPEN_LABEL = "Open the login page"
CHOOSE = "Which account shall I refresh?"
NOTHING_OPEN = (
    "No login waits for an answer, so I do not know what your message was for. I deleted it unread, as it might have "
    "been a secret.\nTo log in, send /refresh first; /help lists the other commands."
)
TEXT_ONLY = "I can read text only. Copy the address or the code and send it as text."
PASTE_GONE = "I no longer have what you sent. Send it again, as a reply to the message that asks for it."
NOT_DELETED = "⚠ I could not delete your message: delete it yourself, it may hold something secret."
AT_RISK = (
    "The button below tries once more. If that is refused, too, the broker may lock the account: "
    "tap it only if you have mended the cause, or know that the fault was the broker's."
)
ASK_WHICH = "This fits more than one open login. Which one is it for? It goes to that broker alone."

LABELS = {
    "go": "Refresh {}",
    "all": "Refresh all",
    "anew": "Yes, refresh {}",
    "force": "Take the risk: try {} once",
    "out": "Yes, log out {}",
    "pause": "Pause {}",
    "resume": "Resume {}",
    "totp": "TOTP code for {}",
    "use": "{}",
    "look": "Status",
}


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
    took = f"the {WAYS.get(result.way, esc(result.way))} took {result.seconds:.1f} s"
    return f"✅ {bold(result.account)}: new token, {until}; {took}.{doubt}"


def consent(account: str, asked: Consent, now: datetime, codes_here: bool, *, comes_back: bool = False) -> str:
    """What only the admin can do, step by step. `comes_back`: the browser ends at the bot's own door."""
    steps, otherwise = [], None
    if asked.url is not None:
        log_in = ", log in, done: the page you land on says so." if comes_back else " and log in."
        steps.append(f"Tap “{OPEN_LABEL}”{log_in} If Telegram opens it inside itself, choose the phone's browser.")
    if asked.asks_totp:
        how = (
            "tap the code button below" if codes_here else f"run <code>kunji totp {esc(account)}</code> on the machine"
        )
        steps.append(f"The page asks for a code: {how}.")
    answer = f"{esc(asked.expects)}, best as a reply to this message. I delete it before I read it."
    if comes_back and asked.url is not None:
        otherwise = f"If the page you land on does not open, or says that it is too late, send me {answer}"
    else:
        steps.append(f"Send me {answer}")
    numbered = [f"{number}. {step}" for number, step in enumerate(steps, 1)] if len(steps) > 1 else steps
    until = f"This works until {when(asked.expires_at, now)}." if asked.expires_at else None
    return lines((f"🔑 {bold(account)}: the broker wants you to log in.", *numbered, otherwise, until))


def login_done(account: str) -> str:
    """In place of the message that asked for it."""
    return f"🔑 {bold(account)}: you logged in."


def asks_first(account: str, until: datetime, now: datetime) -> str:
    return (
        f"{bold(account)} has a good token until {when(until, now)}; until then a new one gains little.\n"
        "A new login ends it in every program that uses it. Refresh all the same?"
    )


def refused(error: KunjiError, account: str) -> str:
    """A failure after which only the admin's own risk goes on."""
    return paragraphs((failure(error, account), AT_RISK))


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
        return f"❌ {bold(account)}: {esc(why)}.\nThe broker was not asked."
    rows = (f"{bold(account)}: {esc(why)}" for account, why in expected.items())
    return lines(("❌ This fits none of the logins that wait, so no broker was asked:", *rows))


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


def resumed(account: str, held_back: str | None) -> str:
    if held_back is None:
        return f"✅ {bold(account)}: automatic logins are on again."
    return (
        f"▶ {bold(account)}: no longer paused, but I do not log in by myself: {esc(held_back)}.\n"
        f"Correct {esc(account)}_config.json and restart the bot, or send /refresh {esc(account)} to try once more."
    )


def still_wanted(what: str, sent_at: datetime, now: datetime) -> str:
    return (
        f"You sent <code>{esc(what)}</code> at {clock(sent_at, now)}, {span(now - sent_at)} ago, "
        "while I could not be reached. Nothing was done yet. Do you still want it?"
    )


LOCKED_NOW = (
    "🔒 Locked: no refresh, codes, figures, answers or pauses in the chat. Automatic logins and alerts go on.\n"
    "To end that, run <code>kunji unlock</code> on the machine the bot runs on."
)
