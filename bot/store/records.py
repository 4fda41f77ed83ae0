"""What the store takes and gives. Times are aware and in UTC.

Every record is made of text, numbers, booleans, times, secrets and tuples or mappings of these, so that one codec
serves all of them and any store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from brokers import AccessToken, Secret


@dataclass(frozen=True, slots=True)
class HeldToken:
    """A token and what is known of it. Sealed whole; read by programs through the package `kunji`."""

    token: AccessToken
    proven: bool
    """The broker's profile confirmed it. An unproven token is handed out all the same."""
    broker: str = ""
    """Its name, so that a program can be handed that broker's official client."""
    rejected_at: datetime | None = None
    """When the broker said it is dead although its time is not up. A rejected token is handed to nobody."""
    environment: Mapping[str, Secret] = field(default_factory=dict)
    headers: Mapping[str, Secret] = field(default_factory=dict)

    def without_secrets(self) -> HeldToken:
        """What may stay known of it when it has expired."""
        bare = replace(self.token, value=Secret(""), extra={})
        return replace(self, token=bare, environment={}, headers={})


@dataclass(frozen=True, slots=True)
class OpenConsent:
    """A login that waits for the admin."""

    url: Secret | None
    expects: str
    asks_totp: bool
    opened_at: datetime
    expires_at: datetime | None
    failures: int = 0
    """Failed exchanges; three close it."""
    chat: int | None = None
    message: int | None = None
    """The message that asks for it, so that a reply to it can be told apart and the message edited."""
    state: Secret | None = None
    """What the redirect must bring back, where the login page can carry it."""
    shown_at: datetime | None = None
    """When the link was last given to the admin."""
    forced: bool = False
    """The admin took the risk of one attempt after a refusal; it is made when the answer comes."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What counts against one config of an account."""

    strikes: int
    reason: str
    """As it is shown."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One refresh. Never a secret."""

    account: str
    at: datetime
    who: str
    """`admin` (from the chat), `command line`, `schedule`, `program`."""
    way: str
    """`login`, `renew`, `exchange`."""
    seconds: float
    outcome: str
    """`granted`, or the name of the error's class."""


@dataclass(frozen=True, slots=True)
class AccountNote:
    """What is remembered of an account besides its token. Survives restarts; says nothing secret but the consent."""

    paused: bool = False

    # The attempt budget; see `bot.budget`.
    refused: Mapping[str, Refused] = field(default_factory=dict)
    """By the fingerprint of the config: two programs with different ones do not forgive each other's refusals."""
    failures: int = 0
    """Attempts in a row that ended without a word about the credentials (unreachable, 5xx, 429, nonsense)."""
    retry_at: datetime | None = None
    begun_at: datetime | None = None
    """A login was sent and its outcome is not known (yet, or ever if we were killed)."""
    last_login_at: datetime | None = None
    """When the broker last granted one: its gap counts from here."""
    last_grant: HistoryRow | None = None
    windows: tuple[int, ...] = ()
    """TOTP windows taken, newest last."""
    replaced_on: date | None = None
    """The last trading day (IST) on which a dead token was replaced by itself."""

    # What was told.
    warned_for: datetime | None = None
    """The expiry the warning was about."""
    expired_for: datetime | None = None
    asked_at: datetime | None = None
    """When an assisted account's admin was last asked to log in."""
    asks: int = 0
    """How often on that day."""
    unreachable_since: datetime | None = None
    unreachable_told: bool = False
    order_address: str | None = None
    """The address orders were last seen to come from."""

    hooked_for: datetime | None = None
    """When the token was issued for which the hook was last begun."""
    hooked_on: Mapping[str, datetime] = field(default_factory=dict)
    """The same by host, where several share the store and each has hooks of its own."""

    orders_on: date | None = None
    orders_told: tuple[str, ...] = ()
    """Orders of that day (IST) whose end was told, newest last."""

    probed_at: datetime | None = None
    last_failure: str | None = None
    last_failure_at: datetime | None = None
    consent: OpenConsent | None = None

    edition: int = field(default=0, compare=False)
    """Which one it is on a server, counting all there ever were: an old one cannot pass for the newest."""


@dataclass(frozen=True, slots=True)
class ReaderKey:
    """A program that may ask the local endpoint for tokens."""

    digest: str
    """SHA-256 of its key, in hex. The key itself is random and kept nowhere."""
    accounts: tuple[str, ...] | None
    """Those it may read; None: all of them."""
    made_at: datetime


@dataclass(frozen=True, slots=True)
class BotNote:
    """What is remembered of the bot as a whole."""

    locked: bool = False
    proved_on: date | None = None
    """The day (IST) of the last ready proof."""
    led_by: str | None = None
    """Where several share the store: the mark and the name of the process that leads; None: the last one left."""
    knocked_at: datetime | None = None
    """When the admin was last told of a stranger."""
    clocks_told: tuple[str, ...] = ()
    """Machines of whose wrong clock the admin was told; "" is the only one."""
    config_fingerprints: Mapping[str, str] = field(default_factory=dict)
    """The fingerprint of each config file at the last start."""
    supergroups: Mapping[str, int] = field(default_factory=dict)
    """Groups that became supergroups: the configured id (as text) and the new one."""
    spent_buttons: Mapping[str, datetime] = field(default_factory=dict)
    """Buttons that work once, by their signature, and when they expire."""
    readers: Mapping[str, ReaderKey] = field(default_factory=dict)
    """Programs with a key, by their names."""
    salt: Secret | None = None
    """What fingerprints are made with. It lies here and not in the key, so that a new key forgives no refusal."""
    moving_from: str | None = None
    """This store is being made a copy of the one there, and is not finished."""
    edition: int = field(default=0, compare=False)
    """As that of an `AccountNote`."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something the bot says by itself: a kind known to `handlers.text`, and the facts for its sentence."""

    kind: str
    at: datetime
    account: str | None = None
    facts: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Times as ISO 8601 text."""
    loud: bool = True


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """A message to one chat that Telegram has not taken yet."""

    chat: int
    alerts: tuple[Alert, ...]
    queued_at: datetime
    tries: int = 0
    not_before: datetime | None = None
    uncertain: bool = False
    """A send timed out: it may have arrived."""
    parked: str | None = None
    """Why Telegram will not take it (403, 400); parked items block nobody and are shown by `/start`."""
    mark: str = ""
    """Random; by it whoever told this knows it again, should the store have taken it and not said so."""
