"""What the bot says about itself and its machine: what happened, what it means, what to do now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from handlers.text.facts import fact
from handlers.text.parts import span
from handlers.tokens import AlertLike


def _clock_wrong(alert: AlertLike, _now: datetime) -> str:
    seconds = alert.facts.get("seconds")
    machine = fact(alert, "machine") if alert.facts.get("machine") else "this machine"
    if not isinstance(seconds, int | float):
        return f"🕰 The clock of {machine} is wrong. Set it (turn on NTP): TOTP codes and times depend on it."
    away = f"{span(timedelta(seconds=seconds))} {'slow' if seconds > 0 else 'fast'}"
    codes = (
        "TOTP codes are made for the right time meanwhile."
        if abs(seconds) < 600
        else "That is too much to correct for: TOTP codes will be refused."
    )
    return f"🕰 The clock of {machine} is {away}, by the brokers' time. {codes} Set it (turn on NTP)."


def _stranger(alert: AlertLike, _now: datetime) -> str:
    count = alert.facts.get("count")
    who = f"{count} times somebody" if isinstance(count, int) and count > 1 else "Somebody"
    return f"🚪 {who} who is not listed wrote to the bot. Nobody was answered; nothing to do."


def _second_poller(alert: AlertLike, _now: datetime) -> str:
    other = "has a webhook on" if alert.facts.get("webhook") else "reads the messages of"
    return (
        f"⚠ Another program {other} this bot. Perhaps you run the bot twice; perhaps somebody has its token.\n"
        "Until it is gone some commands will not reach me, and I take no answers and show no codes; automatic logins "
        "go on. If it is not yours: send /revoke to @BotFather, put the new bot token into the config and restart."
    )


def _second_poller_gone(_alert: AlertLike, _now: datetime) -> str:
    return (
        "✅ No other program reads this bot's messages any more. "
        "If it was not yours, send /revoke to @BotFather all the same."
    )


def _took_over(alert: AlertLike, _now: datetime) -> str:
    return (
        f"🔁 {fact(alert, 'by')} took over from {fact(alert, 'before')}, which was not heard of any more.\n"
        f"Nothing is lost. Look after {fact(alert, 'before')}: once it works again it stands by."
    )


def _config_changed(alert: AlertLike, _now: datetime) -> str:
    files = fact(alert, "files")
    return f"📝 The config has changed since the last start: {files}.\nIf that was not you, look at the machine."


def _store(alert: AlertLike, _now: datetime) -> str:
    return (
        f"💾 The token store fails: {fact(alert, 'fault')}.\n"
        "New tokens may not survive a restart. Look at the disk of the machine; I keep trying by myself."
    )


def _locked(_alert: AlertLike, _now: datetime) -> str:
    return (
        "🔒 The bot was locked on its machine: no refresh, codes, figures, answers or pauses in the chat. "
        "Automatic logins and alerts go on."
    )


def _unlocked(_alert: AlertLike, _now: datetime) -> str:
    return "🔓 The bot was unlocked on its machine. If that was not you, look at the machine."


OF_THE_BOT: dict[str, Callable[[AlertLike, datetime], str]] = {
    "clock": _clock_wrong,
    "stranger": _stranger,
    "second_poller": _second_poller,
    "second_poller_gone": _second_poller_gone,
    "took_over": _took_over,
    "config_changed": _config_changed,
    "store": _store,
    "locked": _locked,
    "unlocked": _unlocked,
}
