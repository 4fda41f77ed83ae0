"""How the accounts stand: /status and /history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from handlers.text.parts import WHO, bold, clock, esc, lines, listed, paragraphs, span, when
from handlers.text.refusals import held_back
from handlers.tokens import AccountStatus, Crew, PastRefresh, State

FEW = 8
"""So many accounts are told one by one."""
STILL_LOCKED = "🔒 The bot is locked; <code>kunji unlock</code> on its machine ends that."
WITHOUT_TOKEN = (State.REJECTED, State.EXPIRED, State.MISSING)
WORST_FIRST = (*WITHOUT_TOKEN, State.EXPIRING, State.PAUSED, State.FRESH)

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


def status(
    found: Sequence[AccountStatus],
    now: datetime,
    crew: Crew | None = None,
    *,
    viewed: Collection[str] = (),
    locked: bool = False,
) -> str:
    """`viewed`: accounts whose admin is somebody else than the reader."""
    if len(found) > FEW:
        accounts = _many(found, now, viewed)
    else:
        accounts = paragraphs(_account(one, now, looks=one.account in viewed) for one in found)
    nothing = "There is no account you may look at here."
    return paragraphs((STILL_LOCKED if locked else None, accounts or nothing, led_by(crew)))


def led_by(crew: Crew | None) -> str | None:
    if crew is None:
        return None
    if not crew.others:
        return f"⚠ Led by {bold(crew.leader)}; nobody stands by."
    stand = "stands" if len(crew.others) == 1 else "stand"
    return f"Led by {bold(crew.leader)}; {listed([bold(name) for name in crew.others])} {stand} by."


def _many(found: Sequence[AccountStatus], now: datetime, viewed: Collection[str]) -> str:
    """Worst first: what needs somebody is told in full, the rest is gathered by how long it is good for."""
    worst_first = sorted(found, key=lambda one: (WORST_FIRST.index(one.state), one.expires_at or now, one.account))
    in_full = [one for one in worst_first if _needs_somebody(one)]
    gathered: dict[str, list[str]] = {}
    for one in worst_first:
        if not _needs_somebody(one):
            state = _state(one, now, looks=one.account in viewed)
            gathered.setdefault(f"{MARKS[one.state]} {state}", []).append(bold(one.account))
    counts = [f"{len(in_full)} in trouble"] if in_full else []
    counts += [f"{len(found) - len(in_full)} in order"]
    groups = [f"{state}\n{', '.join(names)}" for state, names in gathered.items()]
    told = (_account(one, now, looks=one.account in viewed) for one in in_full)
    return paragraphs((f"{len(found)} accounts: {', '.join(counts)}.", *told, *groups))


def _needs_somebody(one: AccountStatus) -> bool:
    return one.state in WITHOUT_TOKEN or one.held_back is not None or one.consent_open


def _account(one: AccountStatus, now: datetime, *, looks: bool) -> str:
    """`looks`: the reader may do no more than that, here."""
    return lines(
        (
            f"{MARKS[one.state]} {bold(one.account)} ({esc(one.broker)}): {_state(one, now, looks=looks)}",
            _last_refresh(one, now),
            what_is_next(one, now, looks=looks),
            _open_login(one, looks=looks),
            _silence(one, now),
            _last_failure(one, now),
            _held_back(one, looks=looks),
        )
    )


def _state(one: AccountStatus, now: datetime, *, looks: bool) -> str:
    match one.state:
        case State.MISSING:
            return "no token yet"
        case State.REJECTED:
            return "the broker no longer accepts the token"
        case State.PAUSED:
            return f"paused{'' if looks else ' until /resume or /refresh'}; {_token(one, now)}"
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


def what_is_next(one: AccountStatus, now: datetime, *, looks: bool = False) -> str | None:
    """What the bot does by itself."""
    if one.next_login is None or one.held_back or one.state is State.PAUSED:
        return None
    asked = f"{'The admin' if looks else 'You'} will be asked to log in"
    does = asked if one.login == "assisted" else "Logs in by itself"
    if one.next_login <= now:
        return f"{does} now."
    waits = one.login == "assisted" and one.state in WITHOUT_TOKEN and not looks
    sooner = f"; /refresh {esc(one.account)} begins a login now" if waits else ""
    return f"{does} at {when(one.next_login, now)}{sooner}."


def _open_login(one: AccountStatus, *, looks: bool) -> str | None:
    if not one.consent_open:
        return None
    if looks:
        return "A login waits for the admin."
    return f"A login waits for your answer; /refresh {esc(one.account)} says what to do."


def _silence(one: AccountStatus, now: datetime) -> str | None:
    if one.unreachable_since is None:
        return None
    away = span(now - one.unreachable_since)
    return f"📡 The broker has given no usable answer since {clock(one.unreachable_since, now)}, for {away}."


def _last_failure(one: AccountStatus, now: datetime) -> str | None:
    """Only what has not been mended since."""
    if one.last_failure is None or (one.held_back and one.last_failure in one.held_back):
        return None
    at = one.last_failure_at
    if at is not None and one.last_refresh is not None and one.last_refresh.at > at:
        return None
    return f"⚠ Last failure{f' at {clock(at, now)}' if at else ''}: {esc(one.last_failure)}"


def _held_back(one: AccountStatus, *, looks: bool) -> str | None:
    if one.held_back is None:
        return None
    return f"⚠ {held_back(one.account, one.held_back, looks=looks)}"


def history(found: Iterable[tuple[str, Sequence[PastRefresh]]], now: datetime) -> str:
    return paragraphs(
        lines((bold(account), *(_row(row, now) for row in rows))) if rows else f"{bold(account)}: no refresh yet"
        for account, rows in found
    )


def _row(row: PastRefresh, now: datetime) -> str:
    granted = row.outcome == "granted"
    outcome = "" if granted else f": {OUTCOMES.get(row.outcome, esc(row.outcome))}"
    after = f", {took(row.seconds)}" if took(row.seconds) else ""
    return f"{'✅' if granted else '❌'} {clock(row.at, now)} {_who_and_way(row)}{after}{outcome}"


def took(seconds: float) -> str | None:
    """None where it took no time that could be told."""
    shown = f"{seconds:.1f}"
    return None if shown == "0.0" else f"{shown} s"
