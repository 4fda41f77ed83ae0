"""What the bot says by itself about an account: what happened, what happens next, what to do now.

Each sentence leaves the account's name open, so that accounts with the same news share it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from handlers.text.facts import fact, moment, when_of
from handlers.text.parts import UNKNOWN, WHO, clock, lines, span, when
from handlers.text.refreshing import AT_RISK
from handlers.text.refusals import held_back
from handlers.tokens import AlertLike

CUT_OFF = (
    "❓ {}: the last logins were cut off, as the bot was killed in the middle of them. "
    "Nobody knows whether the broker granted or refused them."
)
AFTER_A_CUT_OFF = (
    "I try nothing more by myself: if they were refused, another refusal may lock the account. "
    "See that you can log in at the broker yourself; then tap the button, or send /refresh."
)

LAST_ASKED = (
    "This is the last time I ask today. Without a login your programs have no token: /refresh begins one at any time."
)


def _next(alert: AlertLike, now: datetime) -> str:
    """What happens by itself, or what to do because nothing does."""
    planned = moment(alert, "next_login")
    if alert.facts.get("paused"):
        return "The account is paused, so nothing happens by itself: send /resume or /refresh."
    if alert.facts.get("held_back"):
        return f"⚠ {_held_back(alert)}"
    if alert.facts.get("login") == "assisted":
        return _next_by_hand(planned, now)
    if planned is None:
        return "No automatic login is planned: send /refresh."
    return (
        f"I log in by myself at {when(planned, now)}; nothing to do."
        if planned > now
        else "I log in by myself now; nothing to do."
    )


def _next_by_hand(planned: datetime | None, now: datetime) -> str:
    if planned is None:
        return "Nothing happens by itself: tap Refresh and log in."
    return f"I ask you to log in at {when(planned, now)}." if planned > now else "Please log in now: send /refresh."


def _held_back(alert: AlertLike) -> str:
    return held_back(alert.account or UNKNOWN, alert.facts.get("held_back"))


def _warning(alert: AlertLike, now: datetime) -> str:
    follows = _next(alert, now)
    if not any(alert.facts.get(known) for known in ("refresh_helps", "paused", "held_back", "next_login")):
        follows = "A new token now would not last longer: send /refresh once this one has expired."
    return f"⏰ {{}}: the token expires at {when_of(alert, 'expires_at', now)}.\n{follows}"


def _expired(alert: AlertLike, now: datetime) -> str:
    at = when_of(alert, "expires_at", now)
    return f"🔴 {{}}: the token expired at {at}. Programs get no token now.\n{_next(alert, now)}"


def _dead(alert: AlertLike, now: datetime) -> str:
    until = moment(alert, "expires_at")
    though = f"though it was good until {clock(until, now)}" if until else "before its time"
    tap = "tap Refresh and log in" if alert.facts.get("login") == "assisted" else "tap Refresh"
    follows = f"⚠ {_held_back(alert)}" if alert.facts.get("held_back") else f"Nothing is done by itself: {tap}."
    return (
        f"🔴 {{}}: the broker no longer accepts the token, {though}. Programs get no token now.\n"
        f"{follows} Another program may have logged in to this account; "
        "if so, end it first, or the two throw each other out."
    )


def _refreshed(alert: AlertLike, now: datetime) -> str:
    by = WHO.get(str(alert.facts.get("who")), WHO["schedule"])
    return f"✅ {{}}: refreshed {by}, good until {when_of(alert, 'expires_at', now)}."


def _refused(alert: AlertLike, now: datetime) -> str:
    if alert.facts.get("cut_off"):
        return lines((CUT_OFF, _left(alert, now), AFTER_A_CUT_OFF))
    what = "the TOTP code was refused" if alert.facts.get("code") else "the login was refused"
    mend = (
        "Check totp_secret in the config and the clock of the machine"
        if alert.facts.get("code")
        else "Check the credentials in the config, and that you can log in at the broker"
    )
    stops = f"I try nothing more by myself, so that the account is not locked. {mend}; then restart the bot."
    return lines((f"❌ {{}}: {what}: {fact(alert, 'reason')}.", _left(alert, now), stops, AT_RISK))


def _left(alert: AlertLike, now: datetime) -> str | None:
    """What programs have meanwhile."""
    expires = moment(alert, "expires_at")
    if expires is None:
        return None
    if expires > now:
        return f"The token it has stays good until {when(expires, now)}."
    return f"The token expired at {when(expires, now)}. Programs get no token now."


def _unreachable(alert: AlertLike, now: datetime) -> str:
    since = moment(alert, "since")
    lasting = f"since {clock(since, now)}, for {span(now - since)}" if since else "for a while"
    return (
        f"📡 {{}}: the broker has given no usable answer {lasting}: {fact(alert, 'reason')}.\n"
        "Nothing was refused. I keep trying by myself and say when it is back; nothing to do."
    )


def _reachable(alert: AlertLike, now: datetime) -> str:
    since = moment(alert, "since")
    gone = f"; it had been away since {clock(since, now)}" if since else ""
    return f"📡 {{}}: the broker answers again{gone}. Nothing to do."


def _ask(alert: AlertLike, now: datetime) -> str:
    expires = moment(alert, "expires_at")
    if expires is None:
        why = "there is no token for today"
    elif expires <= now:
        why = f"the token expired at {clock(expires, now)}"
    else:
        why = f"the token lasts only until {when(expires, now)}"
    nth = alert.facts.get("nth")
    again = f" (reminder {nth - 1})" if isinstance(nth, int) and nth > 1 else ""
    held = alert.facts.get("held_back")
    asked = f"🔑 {{}}: please log in{again}: {why}.{'' if held else ' Tap Refresh, and I say what to do.'}"
    return lines((asked, f"⚠ {_held_back(alert)}" if held else None, LAST_ASKED if alert.facts.get("last") else None))


def _intruder(alert: AlertLike, _now: datetime) -> str:
    if alert.facts.get("replaced"):
        return (
            "👥 {}: the broker ended the token before its time: another program or person has logged in. "
            "I logged in again by myself, once.\nIf it happens again today I do nothing and tell you. "
            "If that was not you, change your password at the broker."
        )
    return (
        "👥 {}: another program or person keeps logging in to this account; the token is dead again. "
        "Programs get no token now.\n"
        "I do nothing more by myself today, or the two would throw each other out: end the other one, then send "
        "/refresh. If that is not you, change your password at the broker."
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
        says = "The broker does not say whether it takes orders from there: see that the new address is registered."
    return f"🌐 {{}}: orders now come from {fact(alert, 'now')}, before from {fact(alert, 'before')}.\n{says}"


def _hook_failed(alert: AlertLike, _now: datetime) -> str:
    return (
        f"⚙ {{}}: there is a new token, but the command on_refresh {fact(alert, 'why')}.\n"
        "Your program may still work with the old one: see to it. What the command said is in the log; "
        "I do not run it again for this token."
    )


def _orders_unread(alert: AlertLike, _now: datetime) -> str:
    return (
        f"❓ {{}}: the broker says that something happened to an order, but its order book cannot be read: "
        f"{fact(alert, 'reason')}.\n"
        "I do not look again for this order: see /orders, or the broker's app. I say this once a day."
    )


def _sink_failed(alert: AlertLike, _now: datetime) -> str:
    return (
        f"📄 {{}}: the file of write_to is not up to date: {fact(alert, 'reason')}.\n"
        "Programs that read it do not know how the token stands. Look at the folder; I try again every minute."
    )


OF_ACCOUNTS: dict[str, Callable[[AlertLike, datetime], str]] = {
    "warning": _warning,
    "expired": _expired,
    "dead": _dead,
    "refreshed": _refreshed,
    "refused": _refused,
    "unreachable": _unreachable,
    "reachable": _reachable,
    "ask": _ask,
    "intruder": _intruder,
    "wrong_client": _wrong_client,
    "order_address": _order_address,
    "orders_unread": _orders_unread,
    "hook_failed": _hook_failed,
    "sink_failed": _sink_failed,
}
