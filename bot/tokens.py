"""The life of a token: one login at a time for an account, within its attempt budget.

Synchronous and thread-safe; it blocks while a broker is asked, so it is called from threads. It knows no chat: what
happened is told through a callable. What it decides by is pure and lies in `bot.life`, `bot.budget` and `bot.consents`.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from bot import budget, consents
from bot.attempts import PROBE, Attempts
from bot.budget import BY_ITSELF, HeldBack
from bot.grants import Grants
from bot.keeping import Keeping
from bot.life import Account, Standing, is_live, next_login, outlives_today
from bot.reports import Reports, Tell
from bot.store import AccountNote, HeldToken, OpenConsent, Store, StoreError, Superseded
from bot.trading import Rules, ist
from brokers import (
    AccessToken,
    BrokerError,
    BrokerUnreachable,
    Clock,
    Code,
    CodeRejected,
    Consent,
    ConsentRejected,
    Drift,
    KunjiError,
    LoginRejected,
    NotSupported,
    RateLimited,
    Secret,
    TokenRejected,
    UnexpectedReply,
    WrongClient,
)
from handlers.tokens import LoggedOut, Refreshed

log = logging.getLogger(__name__)

LOCK_WAIT = 150.0
"""Seconds a refresh waits for another one of the same account: a login with two TOTP windows and a slow broker."""


def _nobody(_secret: Secret) -> None:
    """Nobody wants to learn of secrets."""


class TokenService:
    """Every account's token. `tell` is called from whatever thread did the work."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        store: Store,
        clock: Clock,
        drift: Drift,
        *,
        rules: Rules,
        tell: Tell,
        learned: Callable[[Secret], None] = _nobody,
        machine: str = "",
    ) -> None:
        """`learned` is told every secret that comes in from outside, before anything could log it. `machine`: the name
        of this one, where others have the same store."""
        self.accounts = accounts
        self.store = store
        self.clock = clock
        self.rules = rules
        self.reports = Reports(store, clock, drift, tell, machine)
        self.learned = learned
        self.logging_in: set[str] = set()
        """Accounts whose lock is held in this process for a login."""
        self._kept = Keeping(accounts, store, clock, self.reports)
        self._attempts = Attempts(self._kept, self.reports, clock)
        self._grants = Grants(self._kept, self._attempts, self.reports, clock, learned)

    # What is held

    def held(self, name: str) -> HeldToken | None:
        """The account's token, dead or alive. Raises StoreError."""
        return self._kept.held(name)

    def note(self, name: str) -> AccountNote:
        """What is remembered of the account besides its token. Raises StoreError."""
        return self._kept.note(name)

    def standing(self, name: str) -> Standing:
        return self._kept.standing(name)

    def standings(self, names: Sequence[str]) -> dict[str, Standing]:
        """Of all of them, for a few questions to the store; without those of which a record is damaged, as `standing`
        says of each. Raises StoreError."""
        return self._kept.standings(names)

    def next_login(self, name: str) -> datetime | None:
        return next_login(self.standing(name), self.rules)

    def asks_first(self, name: str) -> datetime | None:
        """The expiry of a token that a refresh would end for little gain; None: nothing speaks against one."""
        held = self.held(name)
        return held.token.expires_at if held and outlives_today(held, self.clock.now(), self.rules.hours) else None

    def save_unsaved(self) -> None:
        """Try again to keep what the disk would not take. Raises StoreError, LockBusy."""
        self._kept.save_unsaved()
        for name in self._attempts.behind():
            self._attempts.catch_up(name)

    # Refreshing

    def refresh(self, name: str, *, who: str, replace: bool = False, force: bool = False) -> Refreshed | Consent:
        """Renew, log in, or open a consent. See `handlers.tokens.Tokens.refresh` for the arguments.

        Raises HeldBack, LockBusy, StoreError, and whatever the broker's login raises.
        """
        try:
            return self._refresh(name, who=who, replace=replace, force=force)
        except Superseded:
            raise  # the store is as it should be
        except StoreError as error:
            if who in BY_ITSELF:
                self.reports.store_fault(error)
            raise

    def _refresh(self, name: str, *, who: str, replace: bool, force: bool) -> Refreshed | Consent:
        account, before = self.accounts[name], self.held(name)
        with self._alone_with(name):
            held = self.held(name)
            force = force and budget.spent(self.note(name), account.fingerprint)
            if self._needs_nothing(account, before, held, who=who, replace=replace or force) and held:
                return _already(account, held)
            self._check_own_motion(account, held, who)
            if self._lives_after_a_cut_off(account, held) and held and who in BY_ITSELF:
                return _already(account, held)
            self._check_budget(account, who=who, force=force)
            given = consents.to_give_again(self.note(name), self.clock.now())
            if given is not None and who not in BY_ITSELF and not force:
                self._kept.change(account, lambda note: consents.shown(note, self.clock.now()))
                return consents.as_given(given)
            return self._log_in(account, self.held(name), who, force=force)

    @contextmanager
    def _alone_with(self, name: str) -> Iterator[None]:
        with self.store.lock(name, LOCK_WAIT):
            self.logging_in.add(name)
            try:
                self._attempts.catch_up(name)
                yield
            finally:
                self.logging_in.discard(name)

    def _needs_nothing(
        self, account: Account, before: HeldToken | None, held: HeldToken | None, *, who: str, replace: bool
    ) -> bool:
        """Somebody else was quicker, or there is nothing to gain."""
        now = self.clock.now()
        if held is None or not is_live(held, now):
            return False
        if before is None or before.token.value != held.token.value:
            return True
        if who in BY_ITSELF:
            due = self.next_login(account.name)
            return due is None or due > now
        return not replace and outlives_today(held, now, self.rules.hours)

    def _check_own_motion(self, account: Account, held: HeldToken | None, who: str) -> None:
        """Raise HeldBack for what is never done without a person."""
        if who not in BY_ITSELF:
            return
        note, now = self.note(account.name), self.clock.now()
        if note.paused:
            raise HeldBack("this account is paused", hint=f"/resume {account.name}")
        died_early = held is not None and held.rejected_at is not None and now < held.token.expires_at
        if died_early and note.replaced_on == ist(now).date():
            raise HeldBack("another program logs in to this account", hint="end it, then /refresh")

    def _lives_after_a_cut_off(self, account: Account, held: HeldToken | None) -> bool:
        """If nobody knows how the last login ended: does the stored token still live? Raises BrokerError if that
        cannot be told; then it is asked again the next time."""
        if self.note(account.name).begun_at is None:
            return False
        lives = held is not None and is_live(held, self.clock.now()) and self._is_alive(account, held)
        note = self._kept.begin(account, lambda note: budget.settled(note, account.fingerprint))
        if budget.spent(note, account.fingerprint):
            self.reports.refused(account, budget.CUT_OFF, cut_off=True)
        if held is not None and is_live(held, self.clock.now()) and not lives:
            self._kept.save(account, replace(held, rejected_at=self.clock.now()))
        return lives

    def _check_budget(self, account: Account, *, who: str, force: bool) -> None:
        note = self.note(account.name)
        if not force:
            budget.check_strikes(note, account.fingerprint)
        gap = account.broker.login_gap if account.logs_in_by_itself else timedelta(0)
        budget.check_pace(note, self.clock.now(), gap=gap, by_itself=who in BY_ITSELF, title=account.title)

    def _log_in(self, account: Account, held: HeldToken | None, who: str, *, force: bool) -> Refreshed | Consent:
        renewed = held if held is not None and held.token.renewable and is_live(held, self.clock.now()) else None
        way = "renew" if renewed else "login"

        def send() -> AccessToken | Consent:
            return account.broker.renew(renewed.token) if renewed else account.broker.login()

        started = self.clock.monotonic()
        try:
            result = self._attempts.make(account, send, who, way)
        except CodeRejected:
            if force or budget.spent(self.note(account.name), account.fingerprint):
                raise
            self._ask_the_time(account)
            result = self._attempts.make(account, send, who, way)
        except (NotSupported, TokenRejected) as error:
            if renewed:
                self._cannot_renew(account, renewed, error)
            raise
        if isinstance(result, Consent):
            return self._open(account, result, forced=force)
        return self._grants.keep(account, result, held, who=who, way=way, started=started)

    def _open(self, account: Account, consent: Consent, *, forced: bool) -> Consent:
        state = None
        if account.broker.carries_state:
            state = Secret(secrets.token_urlsafe(32))
            self.learned(state)
            consent = account.broker.with_state(consent, state)
        opened = consents.opened(consent, self.clock.now(), state=state, forced=forced)
        self._kept.change(account, lambda note: consents.put(note, opened))
        return consents.as_given(opened)

    def _ask_the_time(self, account: Account) -> None:
        """A refused code may be the fault of this machine's clock: where nobody knows, all of the broker's hosts
        are heard before the next code is made."""
        if account.broker.given.drift.error() is None:
            with suppress(BrokerError):
                account.broker.reach()

    def _cannot_renew(self, account: Account, held: HeldToken, error: KunjiError) -> None:
        """What is known of the token from now on; a login in its place is not begun without the admin."""
        if isinstance(error, TokenRejected):
            self._kept.save(account, replace(held, rejected_at=self.clock.now()))
            self.reports.dead(account, held)
        else:
            self._kept.save(account, replace(held, token=replace(held.token, renewable=False)))

    # Answers of the admin

    def answer(self, name: str, pasted: Secret, *, who: str, redirected: bool = False) -> Refreshed:
        """Exchange what the admin sent for a token, or (`redirected`) the address a browser came back to.

        Raises ConsentRejected without asking the broker if it cannot be an answer, NotAwaited if no login waits for
        that redirect; HeldBack after a refusal.
        """
        account = self.accounts[name]
        if redirected:
            self.awaits(name, pasted)
        self.learned(pasted)
        answer = account.broker.answer_in(pasted)
        self.learned(answer)
        with self._alone_with(name):
            consent = self.awaits(name, pasted) if redirected else self._open_for(name, pasted)
            if consent is None or not consent.forced:
                budget.check_strikes(self.note(name), account.fingerprint)
            earlier, started = self.held(name), self.clock.monotonic()
            try:
                token = self._attempts.make(account, lambda: account.broker.exchange(answer), who, "exchange")
            except (ConsentRejected, LoginRejected):
                self._kept.change(account, consents.failed)
                raise
            if isinstance(token, Consent):
                raise UnexpectedReply(f"{account.title} answered an exchange with another consent")
            return self._grants.keep(account, token, earlier, who=who, way="exchange", started=started)

    def awaits(self, name: str, address: Secret) -> OpenConsent:
        """The login for which a browser came back to this address. Raises NotAwaited, CameTooLate."""
        broker = self.accounts[name].broker
        return consents.check_redirect(
            self.consent(name), broker.state_in(address), self.clock.now(), carries_state=broker.carries_state
        )

    def _open_for(self, name: str, pasted: Secret) -> OpenConsent | None:
        """The login that waits, if any. Raises ConsentRejected if what was pasted comes from another one."""
        consent = self.consent(name)
        consents.check_paste(consent, self.accounts[name].broker.state_in(pasted))
        return consent

    def consent(self, name: str) -> OpenConsent | None:
        """The one that waits for an answer."""
        return consents.waiting(self.note(name), self.clock.now())

    def accepts(self, name: str, pasted: Secret) -> str | None:
        """None if this can be an answer for the account, by its looks; else what was expected."""
        try:
            self.accounts[name].broker.answer_in(pasted)
            self._open_for(name, pasted)
        except KunjiError as error:
            return str(error)
        return None

    def asked(self, name: str, chat: int, message: int) -> None:
        """Remember which message asks for the open consent."""
        self._kept.change(self.accounts[name], lambda note: consents.asked(note, chat, message))

    def code(self, name: str) -> Code:
        """A TOTP code for the chat; its window is used up by showing it."""
        return self.accounts[name].broker.code()

    # Probing

    def probe(self, name: str) -> bool:
        """Ask the broker whether the held token lives; a dead one is marked `rejected`. Raises BrokerError if the
        broker could not tell, WrongClient if the token is another client's."""
        account, held = self.accounts[name], self.held(name)
        if held is None or not is_live(held, self.clock.now()):
            return False
        try:
            alive = self._is_alive(account, held)
        except WrongClient:
            self._kept.drop(account, held)
            raise
        now = self.clock.now()
        self._kept.try_to_change(account, lambda note: replace(note, probed_at=now))
        if not alive:
            self.rejected(name, held)
        elif not held.proven:
            self._kept.mark(account, held, replace(held, proven=True))
        return alive

    def _is_alive(self, account: Account, held: HeldToken) -> bool:
        try:
            profile = account.broker.profile(held.token)
        except TokenRejected:
            self.reports.reachable(account)
            return False
        except (BrokerUnreachable, RateLimited, UnexpectedReply) as error:
            self.reports.unreachable(account, error)
            raise
        finally:
            self.reports.clock()
        self.reports.reachable(account)
        if profile.client_id != account.broker.client_id:
            raise self._grants.wrong_client(account, "schedule", PROBE)
        return True

    def rejected(self, name: str, held: HeldToken) -> None:
        """The broker says that this token is dead although its time is not up."""
        account, now = self.accounts[name], self.clock.now()
        if not self._kept.mark(account, held, replace(held, rejected_at=now)):
            return
        if self.note(name).replaced_on == ist(now).date():
            self.reports.tell("intruder", account, replaced=False)
        elif self.next_login(name) is None:
            self.reports.dead(account, held)

    # Ending

    def logout(self, name: str, *, who: str) -> LoggedOut:
        """End the token at the broker if it can be ended there, forget it here, and pause the account."""
        account = self.accounts[name]
        with self._alone_with(name):
            held = self.held(name)
            lives = held.token.expires_at if held and is_live(held, self.clock.now()) else None
            why = self._revoke(account, held) if held and lives else None
            self._kept.put_back(account, None)
            self._kept.change(account, lambda note: replace(note, paused=True, consent=None))
        log.info("%s: logged out by %s", name, who)
        return LoggedOut(name, revoked=why is None, lives_until=lives if why else None, why=why)

    def _revoke(self, account: Account, held: HeldToken) -> str | None:
        """None if the token is dead at the broker now; else why not."""
        try:
            account.broker.revoke(held.token)
        except TokenRejected:
            return None
        except BrokerError as error:
            return str(error)
        return None

    def pause(self, name: str) -> None:
        self._kept.change(self.accounts[name], lambda note: replace(note, paused=True))

    def resume(self, name: str) -> None:
        self._kept.change(self.accounts[name], lambda note: replace(note, paused=False))


def _already(account: Account, held: HeldToken) -> Refreshed:
    return Refreshed(account.name, held.token.expires_at, "kept", 0.0, held.proven, already=True)
