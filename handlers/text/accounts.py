"""How the accounts and the bot itself stand: /start, /status, /history, /help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from handlers.text.parts import WHO, bold, clock, esc, lines, listed, paragraphs, span, when
from handlers.tokens import AccountStatus, Crew, Health, PastRefresh, State

CLOCK_RIGHT_WITHIN = 5
"""Seconds. Up to this the clock counts as right."""
QUIET_TELEGRAM = timedelta(minutes=2)

FEW = 8
"""So many accounts are told one by one."""
WORST_FIRST = (State.REJECTED, State.EXPIRED, State.MISSING, State.EXPIRING, State.PAUSED, State.FRESH)

MARKS = {
    State.FRESH: "🟢",
    State.EXPIRING: "🟡",
    State.EXPIRED: "🔴",
    State.MISSING: "🔴",
    State.REJECTED: "🔴",
    State.PAUSED: "⏸",
}

WAYS = {
    "login": "login",
    "renew": "renewal",
    "exchange": "login by hand",
}


OUTCOMES = {
    "BrokerUnreachable": "the broker did not answer",
    "RateLimited": "asked too often",
    "LoginRejected": "refused",
    "CodeRejected": "the TOTP code was refused",
    "ConsentRejected": "what was sent could not be used",
    "TokenRejected": "the token was refused",
    "NotEntitled": "the account may not do this",
    "NotSupported": "the broker does not do this",
    "WrongClient": "another client was logged in",
    "UnexpectedReply": "the broker's answer made no sense",
}
"""The classes of outcomes that history keeps."""


class CommandLike(Protocol):
    @property
    def usage(self) -> str: ...
    @property
    def summary(self) -> str: ...


def start(
    admin_of: Sequence[str],
    viewer_of: Sequence[str],
    found: Sequence[AccountStatus],
    health: Health,
    locked: bool,
    now: datetime,
) -> str:
    return paragraphs(
        (
            f"I keep your brokers' access tokens alive. {_who(admin_of, viewer_of)}".rstrip(),
            "🔒 The bot is locked; <code>kunji unlock</code> on its machine ends that." if locked else None,
            status(found, now),
            _health(health, now),
            "Times are Indian time. /help lists the commands.",
        )
    )


def _who(admin_of: Sequence[str], viewer_of: Sequence[str]) -> str:
    """Names go by the dozen in a large family; the list of states below has them all."""

    def names(found: Sequence[str]) -> str:
        return listed([bold(name) for name in found]) if len(found) <= 10 else f"{len(found)} accounts"

    roles = (("You are the admin of", admin_of), ("You may look at", viewer_of))
    return " ".join(f"{role} {names(found)}." for role, found in roles if found)


def status(found: Sequence[AccountStatus], now: datetime, crew: Crew | None = None) -> str:
    if len(found) > FEW:
        accounts = _many(found, now)
    else:
        accounts = paragraphs(_account(one, now) for one in found) or "There is no account you may look at here."
    return paragraphs((accounts, _crew(crew)))


def _crew(crew: Crew | None) -> str | None:
    if crew is None:
        return None
    if not crew.others:
        return f"⚠ Led by {bold(crew.leader)}; nobody stands by."
    stand = "stands" if len(crew.others) == 1 else "stand"
    return f"Led by {bold(crew.leader)}; {listed([bold(name) for name in crew.others])} {stand} by."


def _many(found: Sequence[AccountStatus], now: datetime) -> str:
    """Worst first: what needs somebody is told in full, the rest is gathered by how long it is good for."""
    worst_first = sorted(found, key=lambda one: (WORST_FIRST.index(one.state), one.expires_at or now, one.account))
    in_full = [one for one in worst_first if _needs_somebody(one)]
    gathered: dict[str, list[str]] = {}
    for one in worst_first:
        if not _needs_somebody(one):
            gathered.setdefault(f"{MARKS[one.state]} {_state(one, now)}", []).append(bold(one.account))
    counts = [f"{len(in_full)} in trouble"] if in_full else []
    counts += [f"{len(found) - len(in_full)} in order"]
    groups = [f"{state}\n{', '.join(names)}" for state, names in gathered.items()]
    return paragraphs(
        (f"{len(found)} accounts: {', '.join(counts)}.", *(_account(one, now) for one in in_full), *groups)
    )


def _needs_somebody(one: AccountStatus) -> bool:
    broken = one.state in (State.REJECTED, State.EXPIRED, State.MISSING)
    return broken or one.held_back is not None or one.consent_open


def _account(one: AccountStatus, now: datetime) -> str:
    return lines(
        (
            f"{MARKS[one.state]} {bold(one.account)} ({esc(one.broker)}): {_state(one, now)}",
            _last_refresh(one, now),
            _next(one, now),
            f"A login waits for your answer; /refresh {esc(one.account)} says what to do."
            if one.consent_open
            else None,
            _last_failure(one, now),
            _held_back(one),
        )
    )


def _state(one: AccountStatus, now: datetime) -> str:
    match one.state:
        case State.MISSING:
            return "no token yet"
        case State.REJECTED:
            return "the broker no longer accepts the token"
        case State.PAUSED:
            return f"paused until /resume or /refresh; {_token(one, now)}"
    return _token(one, now)


def _token(one: AccountStatus, now: datetime) -> str:
    if one.expires_at is None:
        return "no token"
    if one.expires_at <= now:
        return f"token expired at {when(one.expires_at, now)}"
    doubt = "" if one.proven else "; the broker has not confirmed it yet"
    return f"token good until {when(one.expires_at, now)}{doubt}"


def _last_refresh(one: AccountStatus, now: datetime) -> str | None:
    last = one.last_refresh
    return f"Refreshed at {clock(last.at, now)} {_who_and_way(last)}." if last else None


def _who_and_way(row: PastRefresh) -> str:
    return f"{WHO.get(row.who, esc(row.who))} ({WAYS.get(row.way, esc(row.way))})"


def _next(one: AccountStatus, now: datetime) -> str | None:
    if one.next_login is None or one.held_back or one.state is State.PAUSED:
        return None
    does = "You will be asked to log in" if one.login == "assisted" else "Logs in by itself"
    return f"{does} at {when(max(one.next_login, now), now)}." if one.next_login > now else f"{does} now."


def _last_failure(one: AccountStatus, now: datetime) -> str | None:
    """Only what has not been mended since."""
    if one.last_failure is None or (one.held_back and one.last_failure in one.held_back):
        return None
    at = one.last_failure_at
    if at is not None and one.last_refresh is not None and one.last_refresh.at > at:
        return None
    return f"⚠ Last failure{f' at {clock(at, now)}' if at else ''}: {esc(one.last_failure)}"


def _held_back(one: AccountStatus) -> str | None:
    if one.held_back is None:
        return None
    return (
        f"⚠ I no longer log in by myself: {esc(one.held_back)}. Correct {esc(one.account)}_config.json and restart "
        f"the bot, or send /refresh {esc(one.account)} to try once more."
    )


def _health(health: Health, now: datetime) -> str:
    return lines(
        (
            f"Up since {clock(health.up_since, now)} ({span(now - health.up_since)}).",
            _crew(health.crew),
            _telegram(health.telegram_at, now),
            _clock(health.clock_error),
            f"⚠ Store: {esc(health.store_fault)}" if health.store_fault else "Store: in order.",
            _next_login(health.next_login, now),
            f"Alerts waiting for Telegram: {health.alerts_waiting}." if health.alerts_waiting else None,
            f"⚠ Alerts that Telegram refuses: {health.alerts_parked}. The log says why."
            if health.alerts_parked
            else None,
            "⚠ Another program reads this bot's messages: no answers are taken and no codes shown."
            if health.second_poller
            else None,
        )
    )


def _telegram(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "Telegram: no contact yet."
    return f"{'⚠ ' if now - at > QUIET_TELEGRAM else ''}Telegram: last contact {span(now - at)} ago."


def _clock(error: float | None) -> str:
    if error is None:
        return "Clock: not compared with a broker yet."
    if abs(error) <= CLOCK_RIGHT_WITHIN:
        return "Clock: right."
    return f"⚠ Clock: {span(timedelta(seconds=error))} {'slow' if error > 0 else 'fast'}. Set it (turn on NTP)."


def _next_login(planned: tuple[datetime, str] | None, now: datetime) -> str:
    if planned is None:
        return "No automatic login is planned."
    return f"Next automatic login: {bold(planned[1])} at {when(planned[0], now)}."


def history(found: Iterable[tuple[str, Sequence[PastRefresh]]], now: datetime) -> str:
    return paragraphs(
        lines((bold(account), *(_row(row, now) for row in rows))) if rows else f"{bold(account)}: no refresh yet"
        for account, rows in found
    )


def _row(row: PastRefresh, now: datetime) -> str:
    granted = row.outcome == "granted"
    outcome = "" if granted else f": {OUTCOMES.get(row.outcome, esc(row.outcome))}"
    return f"{'✅' if granted else '❌'} {clock(row.at, now)} {_who_and_way(row)}, {row.seconds:.1f} s{outcome}"


def help_(commands: Iterable[CommandLike]) -> str:
    """Only what this chat may do."""
    rows = (f"<code>{esc(one.usage)}</code>\n{esc(one.summary)}" for one in commands)
    return paragraphs((*rows, "Times are Indian time. An account is named as its config file is."))
