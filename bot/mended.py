"""Whether an alert is still worth sending: one about something already mended is not."""

from __future__ import annotations

from bot.life import Standing, outlives_today
from bot.store import Alert, BotNote
from bot.tokens import TokenService
from bot.trading import at, ist


def still_true(tokens: TokenService, alert: Alert) -> bool:
    """Judged by what is stored now. What reports an event, such as a refresh, stays true."""
    if alert.account is None:
        return _of_the_bot(alert, tokens.store.bot_note())
    if alert.account not in tokens.accounts:
        return False
    return _of_an_account(alert, tokens.standing(alert.account), tokens)


def _of_the_bot(alert: Alert, note: BotNote) -> bool:
    match alert.kind:
        case "clock":
            return alert.facts.get("machine", "") in note.clocks_told
    return True


def _of_an_account(alert: Alert, one: Standing, tokens: TokenService) -> bool:
    match alert.kind:
        case "warning":
            told = alert.facts.get("expires_at")
            return one.live is not None and one.live.token.expires_at.isoformat(timespec="seconds") == told
        case "expired" | "dead":
            return one.live is None
        case "ask":
            lasts = outlives_today(one.live, one.now, tokens.rules.hours)
            return not lasts and not _is_asked_anew(alert, one, tokens)
        case "refused":
            # It is told before it counts: then the login counts as begun or, after a kill in between, as cut off.
            return one.account.fingerprint in one.note.refused or one.note.begun_at is not None
        case "unreachable":
            return one.note.unreachable_since is not None
    return True


def _is_asked_anew(alert: Alert, one: Standing, tokens: TokenService) -> bool:
    """A later asking, or the proof, which asks as well, is there or on its way."""
    asked_at = one.note.asked_at
    if asked_at is not None and alert.at < asked_at <= one.now:
        return True
    day = ist(alert.at).date()
    return alert.at < at(day, tokens.rules.hours.ready_at) and tokens.store.bot_note().proved_on == day
