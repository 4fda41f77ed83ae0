"""The life of a token: one login at a time for an account, within its attempt budget.

Synchronous and thread-safe; it blocks while a broker is asked, so it is called from threads. It knows no chat: what
happened is told through a callable. What it decides by is pure and lies in `bot.life` and `bot.budget`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from bot import budget
from bot.budget import HeldBack
from bot.keeping import Keeping
from bot.life import Account, Standing, is_live, next_login, outlives_today
from bot.reports import Reports, Tell, iso
from bot.store import AccountNote, HeldToken, OpenConsent, Store, StoreError
from bot.trading import Rules, ist
from brokers import (
    AccessToken,
    BrokerError,
    BrokerUnreachable,
    Clock,
    Code,
    CodeRejected,
    Consent,
    Drift,
    KunjiError,
    LoginRejected,
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
CONSENT_FAILURES = 3
CONSENT_REUSED_FOR = timedelta(hours=1)
"""So long an open consent is given again instead of asking the broker for another (Dhan allows 25 a day)."""

BY_ITSELF = frozenset({"schedule", "program"})
"""Who asks without a person waiting."""


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
    ) -> None:
        """`learned` is told every secret that comes in from outside, before anything could log it."""
        self.accounts = accounts
        self.store = store
        self.clock = clock
        self.rules = rules
        self.reports = Reports(store, clock, drift, tell)
        self.learned = learned
        self.logging_in: set[str] = set()
        """Accounts at whose broker a login is under way in this process."""
        self._kept = Keeping(accounts, store, clock, self.reports)

    # What is held

    def held(self, name: str) -> HeldToken | None:
        """The account's token, dead or alive. Raises StoreError."""
        return self._kept.held(name)

    def note(self, name: str) -> AccountNote:
        """What is remembered of the account, as it counts for its present config."""
        return self._kept.note(name)

    def standing(self, name: str) -> Standing:
        return self._kept.standing(name)

    def next_login(self, name: str) -> datetime | None:
        return next_login(self.standing(name), self.rules)

    def asks_first(self, name: str) -> datetime | None:
        """The expiry of a token that a refresh would end for little gain; None: nothing speaks against one."""
        held = self.held(name)
        return held.token.expires_at if held and outlives_today(held, self.clock.now(), self.rules.hours) else None

    def save_unsaved(self) -> None:
        """Try again to keep what the disk would not take. Raises StoreError."""
        self._kept.save_unsaved()

    # Refreshing

    def refresh(self, name: str, *, who: str, replace: bool = False, force: bool = False) -> Refreshed | Consent:
        """Renew, log in, or open a consent. See `handlers.tokens.Tokens.refresh` for the arguments.

        Raises HeldBack, LockBusy, StoreError, and whatever the broker's login raises.
        """
        account, before = self.accounts[name], self.held(name)
        with self._alone_with(name):
            held = self.held(name)
            if self._needs_nothing(account, before, held, who=who, replace=replace or force) and held:
                return _already(account, held)
            if who not in BY_ITSELF and (consent := self._open_consent(account)):
                return consent
            self._enter(account, held, who=who, force=force)
            if self._lives_after_a_cut_off(account, held) and held and who in BY_ITSELF:
                return _already(account, held)
            return self._log_in(account, held, who)

    @contextmanager
    def _alone_with(self, name: str) -> Iterator[None]:
        with self.store.lock(name, LOCK_WAIT):
            self.logging_in.add(name)
            try:
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
        newer = before is None or before.token.value != held.token.value
        if newer:
            return True
        if who in BY_ITSELF:
            due = self.next_login(account.name)
            return due is None or due > now
        return not replace and outlives_today(held, now, self.rules.hours)

    def _open_consent(self, account: Account) -> Consent | None:
        """One that was asked for lately and not answered wrongly since."""
        consent, now = self.note(account.name).consent, self.clock.now()
        if consent is None or consent.failures or now >= consent.opened_at + CONSENT_REUSED_FOR:
            return None
        if consent.expires_at is not None and now >= consent.expires_at:
            return None
        url = consent.url.reveal() if consent.url else None
        return Consent(url, consent.expects, consent.expires_at, consent.asks_totp)

    def _enter(self, account: Account, held: HeldToken | None, *, who: str, force: bool) -> None:
        """Pass the budget, or raise HeldBack."""
        by_itself = who in BY_ITSELF
        note = self._kept.change(account, budget.forced) if force else self.note(account.name)
        now = self.clock.now()
        if by_itself and note.paused:
            raise HeldBack("this account is paused", hint=f"/resume {account.name}")
        dead_early = held is not None and held.rejected_at is not None and now < held.token.expires_at
        if by_itself and dead_early and note.replaced_on == ist(now).date():
            raise HeldBack("another program logs in to this account", hint="end it, then /refresh")
        gap = account.broker.login_gap if account.logs_in_by_itself else timedelta(0)
        budget.check(note, now, gap=gap, by_itself=by_itself, title=account.title)

    def _lives_after_a_cut_off(self, account: Account, held: HeldToken | None) -> bool:
        """If the last login was cut off and nobody knows its end: does the stored token still live? If not, the
        broker's gap is kept, as that login may have been granted. Raises HeldBack while the gap lasts."""
        if self.note(account.name).begun_at is None:
            return False
        note = self._kept.change(account, budget.cut_off)
        if held is not None and is_live(held, self.clock.now()):
            if self._is_alive(account, held):
                return True
            self._kept.save(account, replace(held, rejected_at=self.clock.now()))
        budget.check(note, self.clock.now(), gap=account.broker.login_gap, by_itself=False, title=account.title)
        return False

    def _log_in(self, account: Account, held: HeldToken | None, who: str) -> Refreshed | Consent:
        renews = held is not None and held.token.renewable and is_live(held, self.clock.now())
        way = "renew" if renews else "login"

        def send() -> AccessToken | Consent:
            return account.broker.renew(held.token) if renews and held else account.broker.login()

        started = self.clock.monotonic()
        try:
            result = self._attempt(account, send, who, way)
        except CodeRejected:
            if budget.spent(self.note(account.name), account.fingerprint):
                raise
            result = self._attempt(account, send, who, way)
        if isinstance(result, Consent):
            opened = _opened(result, self.clock.now())
            self._kept.change(account, lambda note: replace(note, begun_at=None, consent=opened))
            return result
        return self._keep(account, result, held, who=who, way=way, started=started)

    def _attempt(
        self, account: Account, send: Callable[[], AccessToken | Consent], who: str, way: str
    ) -> AccessToken | Consent:
        """One attempt at the broker. Its beginning is on disk before it, its end after it."""
        self._kept.change(account, lambda note: budget.begun(note, self.clock.now()))
        started = self.clock.monotonic()
        try:
            result = send()
        except KunjiError as error:
            self.reports.history(account, who, way, self.clock.monotonic() - started, type(error).__name__)
            self._failed(account, error, who)
            raise
        finally:
            self.reports.clock()
        self.reports.reachable(account)
        return result

    def _failed(self, account: Account, error: KunjiError, who: str) -> None:
        note = self._kept.change(account, lambda note: budget.failed(note, error, self.clock.now()))
        if isinstance(error, BrokerUnreachable | RateLimited | UnexpectedReply):
            self.reports.unreachable(account, error)
        elif isinstance(error, WrongClient):
            self.reports.tell("wrong_client", account)
        elif who != "admin" and budget.spent(note, account.fingerprint):
            self.reports.refused(account, error, code=isinstance(error, CodeRejected))

    # Keeping what was granted

    def _keep(
        self, account: Account, token: AccessToken, earlier: HeldToken | None, *, who: str, way: str, started: float
    ) -> Refreshed:
        """Compare the client, save, prove, tell: in this order."""
        for secret in (token.value, *token.extra.values()):
            self.learned(secret)
        if token.client_id != account.broker.client_id:
            raise self._wrong_client(account, who, way)
        environment = {name: Secret(value) for name, value in account.broker.environment(token).items()}
        headers = {name: Secret(value) for name, value in account.broker.headers(token).items()}
        held = HeldToken(token, proven=False, environment=environment, headers=headers)
        self._kept.save(account, held)

        replaces_dead = who in BY_ITSELF and earlier is not None and earlier.rejected_at is not None
        self._granted(account, on_its_own_day=replaces_dead)
        held = self._prove(account, held, earlier, who, way)
        seconds = self.clock.monotonic() - started
        self.reports.history(account, who, way, seconds, "granted")
        if replaces_dead:
            self.reports.tell("intruder", account, replaced=True)
        elif who != "admin":
            self.reports.tell("refreshed", account, loud=False, expires_at=iso(token.expires_at), way=way)
        return Refreshed(account.name, token.expires_at, way, seconds, held.proven)

    def _granted(self, account: Account, *, on_its_own_day: bool) -> None:
        now = self.clock.now()

        def forgive(note: AccountNote) -> AccountNote:
            note = budget.granted(note, now)
            return replace(note, replaced_on=ist(now).date()) if on_its_own_day else note

        try:
            self._kept.change(account, forgive)
        except StoreError as error:
            self.reports.store_fault(error)

    def _prove(self, account: Account, held: HeldToken, earlier: HeldToken | None, who: str, way: str) -> HeldToken:
        try:
            profile = account.broker.profile(held.token)
        except TokenRejected:
            self._kept.save(account, replace(held, rejected_at=self.clock.now()))
            raise
        except BrokerError as error:
            log.info("%s: the new token could not be proved yet: %s", account.name, type(error).__name__)
            return held
        if profile.client_id != account.broker.client_id:
            self._kept.put_back(account, earlier)
            raise self._wrong_client(account, who, way)
        held = replace(held, proven=True)
        self._kept.save(account, held)
        return held

    def _wrong_client(self, account: Account, who: str, way: str) -> WrongClient:
        error = WrongClient(
            f"{account.title} logged in another client than the one configured for {account.name}; nothing was kept",
            hint="check client_id, and which account is logged in in the browser",
        )
        self.reports.history(account, who, way, 0.0, WrongClient.__name__)
        self._failed(account, error, who)
        return error

    # Answers of the admin

    def answer(self, name: str, pasted: Secret, *, who: str) -> Refreshed:
        """Exchange what the admin sent for a token.

        Raises ConsentRejected without asking the broker if it cannot be an answer; HeldBack after a refusal.
        """
        account = self.accounts[name]
        self.learned(pasted)
        answer = account.broker.answer_in(pasted)
        self.learned(answer)
        with self._alone_with(name):
            now = self.clock.now()
            budget.check(self.note(name), now, gap=timedelta(0), by_itself=False, title=account.title)
            earlier, started = self.held(name), self.clock.monotonic()
            try:
                token = self._attempt(account, lambda: account.broker.exchange(answer), who, "exchange")
            except (LoginRejected, BrokerError):
                self._kept.change(account, _one_failure_more)
                raise
            if isinstance(token, Consent):
                raise UnexpectedReply(f"{account.title} answered an exchange with another consent")
            return self._keep(account, token, earlier, who=who, way="exchange", started=started)

    def accepts(self, name: str, pasted: Secret) -> str | None:
        """None if this can be an answer for the account, by its looks; else what was expected."""
        try:
            self.accounts[name].broker.answer_in(pasted)
        except KunjiError as error:
            return str(error)
        return None

    def asked(self, name: str, chat: int, message: int) -> None:
        """Remember which message asks for the open consent."""

        def remember(note: AccountNote) -> AccountNote:
            return replace(note, consent=replace(note.consent, chat=chat, message=message)) if note.consent else note

        self._kept.change(self.accounts[name], remember)

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
        alive = self._is_alive(account, held)
        now = self.clock.now()
        self._kept.change(account, lambda note: replace(note, probed_at=now))
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
            self._kept.put_back(account, None)
            raise self._wrong_client(account, "schedule", "probe")
        return True

    def rejected(self, name: str, held: HeldToken) -> None:
        """The broker says that this token is dead although its time is not up."""
        account, now = self.accounts[name], self.clock.now()
        self._kept.mark(account, held, replace(held, rejected_at=now))
        note = self.note(name)
        if note.replaced_on == ist(now).date() and note.intruder_for != held.token.issued_at:
            self._kept.change(account, lambda note: replace(note, intruder_for=held.token.issued_at))
            self.reports.tell("intruder", account, replaced=False)

    # Ending

    def logout(self, name: str, *, who: str) -> LoggedOut:
        """End the token at the broker if it can be ended there, forget it here, and pause the account."""
        account = self.accounts[name]
        with self.store.lock(name, LOCK_WAIT):
            held = self.held(name)
            lives = held.token.expires_at if held and is_live(held, self.clock.now()) else None
            why = self._revoke(account, held) if held and lives else None
            self._kept.forget(account)
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


def _opened(consent: Consent, now: datetime) -> OpenConsent:
    url = Secret(consent.url) if consent.url else None
    return OpenConsent(url, consent.expects, consent.asks_totp, now, consent.expires_at)


def _one_failure_more(note: AccountNote) -> AccountNote:
    if note.consent is None:
        return note
    failures = note.consent.failures + 1
    return replace(note, consent=replace(note.consent, failures=failures) if failures < CONSENT_FAILURES else None)
