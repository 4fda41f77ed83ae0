"""What the bot says by itself: what happened, to which account, what happens next, what to do now.

Each kind has a function that says everything but the account's name, so that accounts with the same news share a
line. Facts come from the outbox, perhaps written by an older version: one that is missing leaves a gap, never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from handlers.text import orders
from handlers.text.parts import UNKNOWN, WHO, bold, clock, esc, lines, paragraphs, rupees, span, split, when
from handlers.text.refreshing import AT_RISK
from handlers.tokens import AlertLike

PROOF = "proof"
ORDERS = {"order_filled": orders.filled, "order_rejected": orders.rejected, "order_cancelled": orders.cancelled}


class Why(StrEnum):
    """What kept an alert from being sent in time."""

    TELEGRAM = "telegram"
    AWAY = "away"
    """The bot itself was not running."""


LATE_BECAUSE = {Why.TELEGRAM: "Telegram could not be reached", Why.AWAY: "the bot was not running"}


def _moment(alert: AlertLike, key: str) -> datetime | None:
    found = alert.facts.get(key)
    try:
        moment = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _when(alert: AlertLike, key: str, now: datetime) -> str:
    moment = _moment(alert, key)
    return when(moment, now) if moment is not None else "an unknown time"


def _fact(alert: AlertLike, key: str) -> str:
    found = alert.facts.get(key)
    return UNKNOWN if found is None else esc(found)


def _next(alert: AlertLike, now: datetime) -> str:
    """What happens by itself, or what to do because nothing does."""
    planned = _moment(alert, "next_login")
    if alert.facts.get("paused"):
        return "The account is paused, so nothing happens by itself: send /resume or /refresh."
    if alert.facts.get("login") == "assisted":
        return (
            "Nothing happens by itself: tap Refresh and log in."
            if planned is None
            else f"I ask you to log in at {when(planned, now)}."
        )
    if planned is None:
        return "No automatic login is planned: send /refresh."
    return (
        f"I log in by myself at {when(planned, now)}; nothing to do."
        if planned > now
        else "I log in by myself now; nothing to do."
    )


def _warning(alert: AlertLike, now: datetime) -> str:
    follows = _next(alert, now)
    if not (alert.facts.get("refresh_helps") or alert.facts.get("paused") or alert.facts.get("next_login")):
        follows = "Refreshing now would not give a later expiry: send /refresh once it has expired."
    return f"⏰ {{}}: the token expires at {_when(alert, 'expires_at', now)}.\n{follows}"


def _expired(alert: AlertLike, now: datetime) -> str:
    at = _when(alert, "expires_at", now)
    return f"🔴 {{}}: the token expired at {at}. Programs get no token now.\n{_next(alert, now)}"


def _dead(alert: AlertLike, now: datetime) -> str:
    until = _moment(alert, "expires_at")
    though = f"though it was good until {clock(until, now)}" if until else "before its time"
    tap = "tap Refresh and log in" if alert.facts.get("login") == "assisted" else "tap Refresh"
    return (
        f"🔴 {{}}: the broker no longer accepts the token, {though}. Programs get no token now.\n"
        f"Nothing is done by itself: {tap}. Another program may have logged in to this account; "
        "if so, end it first, or the two throw each other out."
    )


def _refreshed(alert: AlertLike, now: datetime) -> str:
    by = WHO.get(str(alert.facts.get("who")), WHO["schedule"])
    return f"✅ {{}}: refreshed {by}, good until {_when(alert, 'expires_at', now)}."


def _refused(alert: AlertLike, _now: datetime) -> str:
    if alert.facts.get("cut_off"):
        return _cut_off(alert)
    what = "the TOTP code was refused" if alert.facts.get("code") else "the login was refused"
    if not alert.facts.get("blocked_until_human"):
        return f"❌ {{}}: {what}: {_fact(alert, 'reason')}.\nI try once more by myself, with the next code."
    mend = (
        "Check totp_secret in the config and the clock of the machine"
        if alert.facts.get("code")
        else "Check the credentials in the config, and that you can log in at the broker"
    )
    return (
        f"❌ {{}}: {what}: {_fact(alert, 'reason')}.\n"
        f"I try nothing more by myself, lest the account be locked. {mend}; then restart the bot.\n{AT_RISK}"
    )


def _cut_off(alert: AlertLike) -> str:
    what = (
        "❓ {}: the last logins were cut off, as the bot was killed in the middle of them. "
        "Nobody knows whether the broker granted or refused them."
    )
    if not alert.facts.get("blocked_until_human"):
        return f"{what}\nI try once more by myself."
    return (
        f"{what}\nI try nothing more by myself: if they were refused, another refusal may lock the account. "
        "See that you can log in at the broker yourself; then tap the button, or send /refresh."
    )


def _unreachable(alert: AlertLike, now: datetime) -> str:
    since = _moment(alert, "since")
    lasting = f"since {clock(since, now)}, for {span(now - since)}" if since else "for a while"
    return (
        f"📡 {{}}: the broker gives no usable answer, {lasting}: {_fact(alert, 'reason')}.\n"
        "Nothing was refused. I keep trying by myself and say when it is back; nothing to do."
    )


def _reachable(alert: AlertLike, now: datetime) -> str:
    since = _moment(alert, "since")
    gone = f"; it was away from {clock(since, now)}" if since else ""
    return f"📡 {{}}: the broker answers again{gone}. Nothing to do."


def _ask(alert: AlertLike, now: datetime) -> str:
    expires = _moment(alert, "expires_at")
    if expires is None:
        why = "there is no token for today"
    elif expires <= now:
        why = f"the token expired at {clock(expires, now)}"
    else:
        why = f"the token lasts only until {when(expires, now)}"
    nth = alert.facts.get("nth")
    again = f" (reminder {nth - 1})" if isinstance(nth, int) and nth > 1 else ""
    return f"🔑 {{}}: please log in{again}: {why}. Tap Refresh, and I say what to do."


def _clock_wrong(alert: AlertLike, _now: datetime) -> str:
    seconds = alert.facts.get("seconds")
    machine = _fact(alert, "machine") if alert.facts.get("machine") else "this machine"
    if not isinstance(seconds, int | float):
        return f"🕰 The clock of {machine} is wrong. Set it (turn on NTP): TOTP codes and times depend on it."
    away = f"{span(timedelta(seconds=seconds))} {'slow' if seconds > 0 else 'fast'}"
    codes = (
        "TOTP codes are made for the right time meanwhile."
        if abs(seconds) < 600
        else "That is too much to correct for: TOTP codes will be refused."
    )
    return f"🕰 The clock of {machine} is {away}, by the brokers' time. {codes} Set it (turn on NTP)."


def _intruder(alert: AlertLike, _now: datetime) -> str:
    if alert.facts.get("replaced"):
        return (
            "👥 {}: the broker ended the token before its time: another program or person has logged in. "
            "I logged in again by myself, once.\nIf it happens again today I do nothing and tell you. "
            "If that was not you, change your password at the broker."
        )
    return (
        "👥 {}: another program or person keeps logging in to this account; the token is dead again.\n"
        "I do nothing more by myself today, lest the two throw each other out. End the other one, then send /refresh. "
        "If that is not you, change your password at the broker."
    )


def _wrong_client(_alert: AlertLike, _now: datetime) -> str:
    return (
        "❌ {}: the login belongs to another client than the one in the config. Its token was not kept.\n"
        "Check client_id in the config, and who is logged in in the browser; then send /refresh."
    )


def _order_address(alert: AlertLike, _now: datetime) -> str:
    allowed = alert.facts.get("allowed")
    if allowed is True:
        says = "The broker takes orders from there; nothing to do."
    elif allowed is False:
        says = "The broker takes no orders from there: register the new address at the broker before you trade."
    else:
        says = "Check at the broker that it is registered for orders."
    return f"🌐 {{}}: orders now come from {_fact(alert, 'now')}, before from {_fact(alert, 'before')}.\n{says}"


def _stranger(alert: AlertLike, _now: datetime) -> str:
    count = alert.facts.get("count")
    who = f"{count} times somebody" if isinstance(count, int) and count > 1 else "Somebody"
    return f"🚪 {who} who is not listed wrote to the bot. Nobody was answered; nothing to do."


def _second_poller(alert: AlertLike, _now: datetime) -> str:
    other = "has a webhook on" if alert.facts.get("webhook") else "reads the messages of"
    return (
        f"⚠ Another program {other} this bot. Perhaps you run the bot twice; perhaps somebody has its token.\n"
        "Until it is gone some commands will not reach me, I take no answers and show no codes. If it is not yours: "
        "send /revoke to @BotFather, put the new bot token into the config and restart."
    )


def _second_poller_gone(_alert: AlertLike, _now: datetime) -> str:
    return (
        "✅ No other program reads this bot's messages any more. "
        "If it was not yours, send /revoke to @BotFather all the same."
    )


def _took_over(alert: AlertLike, _now: datetime) -> str:
    return (
        f"🔁 {_fact(alert, 'by')} took over from {_fact(alert, 'before')}, which was not heard of any more.\n"
        f"Nothing is lost. Look after {_fact(alert, 'before')}: once it works again it stands by."
    )


def _config_changed(alert: AlertLike, _now: datetime) -> str:
    files = _fact(alert, "files")
    return f"📝 The config has changed since the last start: {files}.\nIf that was not you, look at the machine."


def _store(alert: AlertLike, _now: datetime) -> str:
    return (
        f"💾 The token store fails: {_fact(alert, 'fault')}.\n"
        "New tokens may not survive a restart. Look at the disk of the machine; I keep trying by myself."
    )


def _hook_failed(alert: AlertLike, _now: datetime) -> str:
    return (
        f"⚙ {{}}: there is a new token, but the command on_refresh {_fact(alert, 'why')}.\n"
        "Your program may still work with the old one: see to it. What the command said is in the log; "
        "I do not run it again for this token."
    )


def _orders_unread(alert: AlertLike, _now: datetime) -> str:
    return (
        f"❓ {{}}: the broker says that something became of an order, but its order book cannot be read: "
        f"{_fact(alert, 'reason')}.\n"
        "I do not look again for this order: see /orders, or the broker's app. I say this once a day."
    )


def _sink_failed(alert: AlertLike, _now: datetime) -> str:
    return (
        f"📄 {{}}: the file of write_to is not up to date: {_fact(alert, 'reason')}.\n"
        "Programs that read it do not know how the token stands. Look at the folder; I try again every minute."
    )


def _proof(alert: AlertLike, now: datetime) -> str:
    """One account in the list of the morning; programs care about the token, people about whether they can trade."""
    address = f" ({_fact(alert, 'address')})" if alert.facts.get("address") else ""
    whose = f" (client {_fact(alert, 'client_id')})" if alert.facts.get("client_id") else ""
    if alert.facts.get("paused"):
        return "⏸ {}: paused; /resume ends that"
    if not alert.facts.get("ok"):
        return f"❌ {{}}{whose}: {_problem(alert)}{address}"
    orders = {True: "orders allowed", False: "⚠ no orders from this address"}
    allowed = alert.facts.get("orders_allowed")
    parts = (
        f"good until {_when(alert, 'expires_at', now)}",
        _available(alert),
        orders[allowed] + address if isinstance(allowed, bool) else None,
        f"⚠ {_held_back(alert)}" if alert.facts.get("held_back") else None,
    )
    return f"✅ {{}}{whose}: {', '.join(part for part in parts if part)}"


def _problem(alert: AlertLike) -> str:
    if alert.facts.get("problem"):
        return _fact(alert, "problem")
    if alert.facts.get("held_back"):
        return _held_back(alert)
    return "funds cannot be read" if alert.facts.get("funds_ok") is False else "not proved"


def _held_back(alert: AlertLike) -> str:
    return f"I do not log in by myself: {_fact(alert, 'held_back')}"


def _available(alert: AlertLike) -> str | None:
    if alert.facts.get("funds_ok") is False:
        return "⚠ funds cannot be read"
    try:
        return f"{rupees(Decimal(str(alert.facts['available'])))} available"
    except (KeyError, InvalidOperation):
        return None


ALERTS: dict[str, Callable[[AlertLike, datetime], str]] = {
    "warning": _warning,
    "expired": _expired,
    "dead": _dead,
    "refreshed": _refreshed,
    "refused": _refused,
    "unreachable": _unreachable,
    "reachable": _reachable,
    "ask": _ask,
    "clock": _clock_wrong,
    "intruder": _intruder,
    "wrong_client": _wrong_client,
    "order_address": _order_address,
    "stranger": _stranger,
    "second_poller": _second_poller,
    "second_poller_gone": _second_poller_gone,
    "took_over": _took_over,
    "config_changed": _config_changed,
    "store": _store,
    "hook_failed": _hook_failed,
    "sink_failed": _sink_failed,
    PROOF: _proof,
    **ORDERS,
    "orders_unread": _orders_unread,
    "locked": lambda _alert, _now: (
        "🔒 The bot was locked on its machine: no refresh, codes, figures, answers or pauses in the chat."
    ),
    "unlocked": lambda _alert, _now: (
        "🔓 The bot was unlocked on its machine. If that was not you, look at the machine."
    ),
}


def alert(alert: AlertLike, now: datetime) -> str:
    """One alert by itself."""
    return _together([alert], now)


def alerts(
    found: Sequence[AlertLike],
    now: datetime,
    *,
    late: timedelta | None = None,
    repeat: bool = False,
    why: str = Why.TELEGRAM,
) -> list[str]:
    """The alerts of one sweep as one message, or as many as it takes. `why`: a `Why`, for what comes late."""
    return split(
        paragraphs((_together(found, now), _late(now, late, why), "<i>(possibly a repeat)</i>" if repeat else None))
    )


def alert_buttons(alert: AlertLike) -> list[tuple[str, str]]:
    """Actions of the button table, each with its account."""
    if alert.account is None:
        return []
    helps = {
        "warning": bool(alert.facts.get("refresh_helps")),
        "expired": True,
        "dead": True,
        "ask": True,
        "refused": bool(alert.facts.get("blocked_until_human")),
        PROOF: not alert.facts.get("ok"),
    }
    if not helps.get(alert.kind):
        return []
    return [("force" if alert.kind == "refused" else "go", alert.account)]


def _together(found: Sequence[AlertLike], now: datetime) -> str:
    """Accounts with the same news share a line; the proofs are one list, and so are the orders."""
    shared: dict[str, list[AlertLike]] = {}
    for one in found:
        shared.setdefault(_list_of(one.kind) or _body(one, now), []).append(one)
    return paragraphs(_paragraph(body, some, now) for body, some in shared.items())


def _list_of(kind: str) -> str | None:
    """What is told in lines of one list, however alike they are."""
    return "orders" if kind in ORDERS else PROOF if kind == PROOF else None


def _paragraph(body: str, found: Sequence[AlertLike], now: datetime) -> str:
    match _list_of(found[0].kind):
        case "orders":
            return lines(_named(_body(one, now), [one.account or UNKNOWN]) for one in found)
        case "proof":
            return _proofs(found, now)
    return _named(body, [one.account for one in found if one.account])


def _body(alert: AlertLike, now: datetime) -> str:
    says = ALERTS.get(alert.kind)
    return says(alert, now) if says else f"ℹ {{}}: {esc(alert.kind)}" if alert.account else f"ℹ {esc(alert.kind)}"


def _named(body: str, names: Sequence[str]) -> str:
    """The name's place comes before any fact, so that no fact can be mistaken for it."""
    return body.replace("{}", bold(", ".join(dict.fromkeys(names))), 1) if names else body


def _proofs(found: Sequence[AlertLike], now: datetime) -> str:
    bad = sum(1 for one in found if not one.facts.get("ok"))
    heading = f"Not ready: {bad} of {len(found)} accounts" if bad else "Ready for the market"
    follows = "Until the market opens I look again every minute, and say what is ready then." if bad else None
    return lines((f"<b>{heading}</b>", *(_named(_proof(one, now), [one.account or UNKNOWN]) for one in found), follows))


def _late(now: datetime, late: timedelta | None, why: str) -> str | None:
    if late is None:
        return None
    due = clock(now - late, now)
    return f"<i>(this was due at {due}, sent {span(late)} late: {LATE_BECAUSE[Why(why)]})</i>"
