"""A token that a broker has granted: kept before anything else, proved, and told of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from bot import budget
from bot.attempts import Attempts
from bot.budget import BY_ITSELF
from bot.keeping import Keeping
from bot.life import Account
from bot.reports import Reports, iso
from bot.store import AccountNote, HeldToken, HistoryRow, StoreError
from bot.trading import at, ist
from brokers import AccessToken, BrokerError, Clock, Secret, TokenRejected, WrongClient
from handlers.tokens import Refreshed

log = logging.getLogger(__name__)


class Grants:
    """The caller holds the account's lock."""

    def __init__(
        self, kept: Keeping, attempts: Attempts, reports: Reports, clock: Clock, learned: Callable[[Secret], None]
    ) -> None:
        self._kept = kept
        self._attempts = attempts
        self._reports = reports
        self._clock = clock
        self._learned = learned

    def keep(
        self, account: Account, token: AccessToken, earlier: HeldToken | None, *, who: str, way: str, started: float
    ) -> Refreshed:
        """Compare the client, save, prove, tell: in this order."""
        for secret in (token.value, *token.extra.values()):
            self._learned(secret)
        if token.client_id != account.broker.client_id:
            raise self.wrong_client(account, who, way)
        environment = {name: Secret(value) for name, value in account.broker.environment(token).items()}
        headers = {name: Secret(value) for name, value in account.broker.headers(token).items()}
        held = HeldToken(token, False, account.broker.name, environment=environment, headers=headers)
        replaces_dead = who in BY_ITSELF and self._died_today(account, earlier)
        self._kept.save(account, held)
        self._remember_grant(
            account, self._attempts.row(account, who, way, started, "granted"), replaces_dead=replaces_dead
        )
        held = self._prove(account, held, earlier, who, way)
        if replaces_dead:
            self._reports.tell("intruder", account, replaced=True)
        elif who != "admin":
            self._reports.tell("refreshed", account, loud=False, expires_at=iso(token.expires_at), way=way, who=who)
        return Refreshed(account.name, token.expires_at, way, self._clock.monotonic() - started, held.proven)

    def _died_today(self, account: Account, held: HeldToken | None) -> bool:
        """It was found dead after this morning's login, with time left: another program logged in."""
        now = self._clock.now()
        if held is None or held.rejected_at is None or now >= held.token.expires_at:
            return False
        return held.rejected_at >= at(ist(now).date(), account.morning)

    def _remember_grant(self, account: Account, row: HistoryRow, *, replaces_dead: bool) -> None:
        def forgive(note: AccountNote) -> AccountNote:
            note = budget.granted(note, account.fingerprint, row, by_itself=row.who in BY_ITSELF)
            return replace(note, replaced_on=ist(row.at).date()) if replaces_dead else note

        try:
            self._attempts.granted(account, forgive)
        except StoreError as error:
            self._reports.store_fault(error)
        self._reports.history(row)

    def _prove(self, account: Account, held: HeldToken, earlier: HeldToken | None, who: str, way: str) -> HeldToken:
        try:
            profile = account.broker.profile(held.token)
        except TokenRejected:
            self._dead_on_arrival(account, held, who)
            raise
        except BrokerError as error:
            log.info("%s: the new token could not be proved yet: %s", account.name, type(error).__name__)
            return held
        if profile.client_id != account.broker.client_id:
            self._kept.put_back(account, earlier)
            raise self.wrong_client(account, who, way)
        held = replace(held, proven=True)
        self._kept.save(account, held)
        return held

    def _dead_on_arrival(self, account: Account, held: HeldToken, who: str) -> None:
        """Nothing would be gained by another one today."""
        now = self._clock.now()
        self._kept.save(account, replace(held, rejected_at=now))
        self._kept.try_to_change(account, lambda note: replace(note, replaced_on=ist(now).date()))
        if who != "admin":
            self._reports.dead(account, held)

    def wrong_client(self, account: Account, who: str, way: str) -> WrongClient:
        error = WrongClient(
            f"{account.title} logged in another client than the one configured for {account.name}; nothing was kept",
            hint="check client_id, and which account is logged in in the browser",
        )
        self._kept.try_to_change(account, lambda note: replace(note, consent=None))
        self._attempts.failed(account, error, who, way)
        return error
