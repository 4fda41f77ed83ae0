"""What is due for an account and when, as pure functions of how it stands.

Nothing here acts, reads a clock or knows how often it is asked: whatever was missed is due as soon as somebody looks.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zlib import crc32

from bot import budget
from bot.life import Standing, next_asking, next_login
from bot.reports import iso
from bot.store import Alert, HeldToken
from bot.trading import Rules, at, in_quiet_hours, ist

ASK_EVERY = timedelta(minutes=10)
LEFT_TO_PROOF = timedelta(minutes=5)
"""What would be asked so shortly before the proof is left to it: that names whoever has no token, with a button."""
REFUSAL_IN_MIND = timedelta(minutes=10)
"""For so long after a refusal was told, what follows from it needs no sound of its own."""
PROBE_GRACE = timedelta(minutes=1)
"""A probe missed by more is left out, lest a restart ask for every account at once."""
PROOF_MADE_UP_FOR = timedelta(hours=1)
"""So long after trading has started a missed proof is still worth having; later, trading itself has told."""
DAYBREAK_SPREAD = timedelta(hours=1)
"""What hangs on the day is planned soon after midnight in India, for every account at its own moment."""
LOOK_AHEAD_DAYS = 15


class Act(StrEnum):
    LOGIN = "login"
    WARN = "warn"
    EXPIRED = "expired"
    ASK = "ask"
    PROBE = "probe"


Agenda = dict[Act, datetime]
"""When each act is to be done; a moment that is not after `now` means at once. What is not planned is not in it."""


def agenda(one: Standing, rules: Rules) -> Agenda:
    planned = next_login(one, rules)
    times = {
        Act.LOGIN: planned,
        Act.WARN: _warn_at(one, rules),
        Act.EXPIRED: _expired_at(one),
        Act.ASK: _ask_at(one, planned, rules),
        Act.PROBE: _probe_at(one, rules),
    }
    return {act: moment for act, moment in times.items() if moment is not None}


def due(plan: Agenda, now: datetime) -> list[Act]:
    return [act for act, moment in plan.items() if moment <= now]


def next_look(account: str, plan: Agenda, now: datetime) -> datetime:
    """When something is due that is not due now, or a new day is to be planned."""
    midnight = at(ist(now).date() + timedelta(days=1), time())
    daybreak = midnight + DAYBREAK_SPREAD * _share(account)
    return min((moment for moment in plan.values() if now < moment < daybreak), default=daybreak)


def next_proof(proved_on: date | None, now: datetime, rules: Rules) -> datetime:
    """When every account is to be proved ready; a moment not after `now` means at once."""
    today = ist(now).date()
    for ahead in range(LOOK_AHEAD_DAYS):
        day = today + timedelta(days=ahead)
        too_late = at(day, max(rules.hours.ready_at, rules.hours.trading_starts)) + PROOF_MADE_UP_FOR
        if day != proved_on and now < too_late and rules.days.may_trade(day):
            return at(day, rules.hours.ready_at)
    return now + timedelta(days=LOOK_AHEAD_DAYS)


# When


def _warn_at(one: Standing, rules: Rules) -> datetime | None:
    if one.live is None or one.note.warned_for == one.live.token.expires_at:
        return None
    return one.live.token.expires_at - rules.hours.warn_before


def _expired_at(one: Standing) -> datetime | None:
    """A token that the broker ended was told about then."""
    held = one.held
    if held is None or held.rejected_at is not None or one.note.expired_for == held.token.expires_at:
        return None
    return held.token.expires_at


def _ask_at(one: Standing, renewal: datetime | None, rules: Rules) -> datetime | None:
    """An assisted account's admin is asked in the morning for a token that lasts through the day's trading."""
    today = ist(one.now).date()
    if one.account.logs_in_by_itself or one.note.paused or not rules.days.may_trade(today):
        return None
    if one.live is not None:
        expires_at = one.live.token.expires_at
        renews = renewal is not None and renewal < expires_at and not one.note.failures
        if renews or expires_at > at(today, rules.hours.trading_ends):
            return None
    moment = _next_ask(one.note.asked_at, one.now, rules)
    return moment if moment < at(today, rules.hours.trading_starts) else None


def _next_ask(asked_at: datetime | None, now: datetime, rules: Rules) -> datetime:
    """Every `ASK_EVERY` from `ask_at` on; the proof counts as an asking."""
    today = ist(now).date()
    begins, proof = at(today, rules.hours.ask_at), at(today, rules.hours.ready_at)
    asked = [moment for moment in (asked_at, proof) if moment is not None and begins <= moment <= now]
    moment = max(max(asked) + ASK_EVERY if asked else begins, now)
    return proof if proof - LEFT_TO_PROOF <= moment < proof else moment


def _probe_at(one: Standing, rules: Rules) -> datetime | None:
    """Every `probe_every` in trading hours, at a moment of the account's own, so that they are spread evenly."""
    every, today = rules.hours.probe_every, ist(one.now).date()
    if one.note.paused or one.live is None or every <= timedelta(0) or not rules.days.may_trade(today):
        return None
    begins, ends = at(today, rules.hours.trading_starts), at(today, rules.hours.trading_ends)
    first = begins + every * _share(one.account.name)
    after = one.now - PROBE_GRACE
    if one.note.probed_at is not None and one.note.probed_at <= one.now:
        after = max(after, one.note.probed_at)
    moment = first + every * max(0, (after - first) // every + 1)
    return moment if moment < ends else None


def _share(account: str) -> float:
    """The account's own place in any span of time: from 0 to 1, always the same."""
    return crc32(account.encode()) / 2**32


# What is told


def warning(one: Standing, held: HeldToken, plan: Agenda, rules: Rules) -> Alert:
    helps = one.account.broker.expiry(one.now) > held.token.expires_at
    facts = _facts(one, held, plan, rules) | {"refresh_helps": helps}
    return Alert("warning", one.now, one.account.name, facts, _is_loud(one, held, plan, rules))


def expired(one: Standing, held: HeldToken, plan: Agenda, rules: Rules) -> Alert:
    return Alert("expired", one.now, one.account.name, _facts(one, held, plan, rules), _is_loud(one, held, plan, rules))


def ask(one: Standing, rules: Rules) -> Alert:
    ends = at(ist(one.now).date(), rules.hours.trading_starts)
    facts: dict[str, str | int | float | bool | None] = {
        "login": one.account.login,
        "expires_at": iso(one.live.token.expires_at) if one.live else None,
        "nth": asks(one, rules),
        "last": _next_ask(one.now, one.now, rules) >= ends,
        "held_back": budget.held_back_by(one.note, one.account.fingerprint),
    }
    return Alert("ask", one.now, one.account.name, facts, not in_quiet_hours(one.now, rules.hours.quiet))


def asks(one: Standing, rules: Rules) -> int:
    """How often the admin has been asked today, with the asking that is due now."""
    asking_since, asked_at = at(ist(one.now).date(), rules.hours.ask_at), one.note.asked_at
    return one.note.asks + 1 if asked_at is not None and asking_since <= asked_at <= one.now else 1


def _facts(one: Standing, held: HeldToken, plan: Agenda, rules: Rules) -> dict[str, str | int | float | bool | None]:
    login, planned = one.account.login, plan.get(Act.LOGIN)
    if planned is not None and not one.account.logs_in_by_itself:
        login = "auto"  # the token of an assisted account that renews by itself
    elif planned is None and not one.account.logs_in_by_itself and not one.note.paused:
        planned = next_asking(one, rules)
    return {
        "expires_at": iso(held.token.expires_at),
        "login": login,
        "next_login": iso(planned) if planned is not None else None,
        "paused": one.note.paused,
        "held_back": budget.held_back_by(one.note, one.account.fingerprint),
    }


def _is_loud(one: Standing, held: HeldToken, plan: Agenda, rules: Rules) -> bool:
    """Not at night, not on a day without trading, and not if a login that has no trouble, or the asking for one, comes
    in time by itself."""
    if in_quiet_hours(one.now, rules.hours.quiet) or not rules.days.may_trade(ist(one.now).date()):
        return False
    if _just_refused(one, rules):
        return False
    planned = plan.get(Act.LOGIN) or next_asking(one, rules)
    return planned is None or one.note.failures > 0 or _trades_between(held.token.expires_at, planned, rules)


def _just_refused(one: Standing, rules: Rules) -> bool:
    """The admin has just been told aloud why nothing more is tried."""
    refused_at = one.note.last_failure_at
    if refused_at is None or not budget.spent(one.note, one.account.fingerprint):
        return False
    lately = timedelta(0) <= one.now - refused_at < REFUSAL_IN_MIND
    return lately and not in_quiet_hours(refused_at, rules.hours.quiet)


def _trades_between(start: datetime, end: datetime, rules: Rules) -> bool:
    day = ist(start).date()
    while at(day, rules.hours.trading_starts) < end:
        if rules.days.may_trade(day) and at(day, rules.hours.trading_ends) > start:
            return True
        day += timedelta(days=1)
    return False
