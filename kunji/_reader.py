"""Reading a live token, wherever the store lies. Knows no broker and no bot."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from threading import Lock

from kunji._errors import NoLiveToken, UnknownAccount
from kunji._held import Held, LiveToken, Source, TokensFile
from kunji._places import Places, account_names, find

_IST = timezone(timedelta(hours=5, minutes=30), "IST")


class Reader:
    """The live token of one account, always the newest. Thread-safe, and good in a forked process; cheap enough to ask
    before every request.

    `store` is the store's folder or address and `config` the config folder, where the environment does not say. A token
    with less than `min_left` seconds left counts as none.

    A store on a server is asked; from the second question on a thread follows it, so that nobody waits for the server.
    While the server is away, the token it gave last is handed out for as long as it is good.

    Each question is answered from the newest token. Whoever needs two answers about the same one asks for `live()`.
    All of them raise NoLiveToken if there is none (UnknownAccount if there is no such account either), and
    StoreUnreadable if nobody can tell (StoreAway if that may pass).
    """

    def __init__(
        self,
        account: str,
        store: str | os.PathLike[str] | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        min_left: float = 0,
        environment: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Reads nothing yet. `now` gives unix time."""
        self.account = account
        self._min_left = min_left
        self._places = find(config, store, environment)
        self._source = _source(account, self._places, environment)
        self._now = now
        self._lock = Lock()
        self._process = os.getpid()
        self._held: Held | None = None
        self._look_at = 0.0
        self._given: LiveToken | None = None

    def __repr__(self) -> str:
        return f"Reader({self.account!r})"

    def token(self) -> str:
        """The access token."""
        return self.live().value

    def live(self) -> LiveToken:
        """The token with all that belongs to it."""
        held = self._held
        # A dead token is looked at every time, so that the new one is given out as soon as it is there.
        if held is None or time.monotonic() >= self._look_at or not self._serves(held):
            held = self._look()
            if held is None or not self._serves(held):
                self._source.check()
                raise self._none(held)
        self._given = held.token
        return held.token

    def headers(self) -> dict[str, str]:
        """How a request to the broker is authorised."""
        return dict(self.live().headers)

    def environment(self) -> dict[str, str]:
        """Names and values as users of the broker's own SDK know them."""
        return dict(self.live().environment)

    def extra(self) -> dict[str, str]:
        """What the login gave besides the token, such as Angel One's `feed_token` or Kotak's `sid`."""
        return dict(self.live().extra)

    @property
    def broker(self) -> str | None:
        """The broker's name; None if an earlier version saved the token."""
        return self.live().broker

    @property
    def client_id(self) -> str:
        """Whose token it is, as the broker names its clients."""
        return self.live().client_id

    @property
    def issued_at(self) -> datetime:
        """When the token was made; aware, UTC."""
        return self.live().issued_at

    @property
    def expires_at(self) -> datetime:
        """When the token stops working; aware, UTC."""
        return self.live().expires_at

    @property
    def age(self) -> float:
        """Seconds since the token was made."""
        return self._now() - self.live().issued_at.timestamp()

    def wait(self, timeout: float) -> bool:
        """Wait, at most that many seconds, for a live token; whether there is one. Raises UnknownAccount at once, and
        StoreUnreadable."""
        return self._wait(timeout, None)

    def wait_newer(self, timeout: float, than: str | None = None) -> bool:
        """Wait, at most that many seconds, for a live token other than `than`, or than the one last given out here;
        whether there is one. Threads that share a reader say `than` which, as another may have been given the newest.
        Raises UnknownAccount at once, and StoreUnreadable."""
        return self._wait(timeout, than or (self._given.value if self._given else None))

    def _wait(self, timeout: float, known: str | None) -> bool:
        until = time.monotonic() + timeout
        turn, held = self._source.turn, self._look()
        if held is None:
            self._check_known()
        while held is None or not self._serves(held) or held.token.value == known:
            left = until - time.monotonic()
            if held is None or not self._serves(held):
                self._source.check(lasting=left > 0)
            if left <= 0:
                return False
            self._source.wait(turn, left)
            turn, held = self._source.turn, self._look()
        return True

    def _serves(self, held: Held) -> bool:
        return held.until > self._now() + self._min_left

    def _look(self) -> Held | None:
        if self._process != os.getpid():
            # Forked: a thread that is not there any more may have held the lock.
            self._lock, self._process = Lock(), os.getpid()
        with self._lock:
            self._held = self._source.read()
            self._look_at = time.monotonic() + self._source.look_every
            return self._held

    def _none(self, held: Held | None) -> NoLiveToken:
        name, now = self.account, self._now()
        if held is not None and held.rejected_at is not None:
            why = f"the broker no longer accepts the token of {name}, since {_said(held.rejected_at)}"
        elif held is not None and held.until > now:
            why = f"the token of {name} is good until {_said(held.token.expires_at)} only, less than what was asked for"
        elif held is not None and held.token.expires_at.timestamp() <= now:
            why = f"the token of {name} expired {_said(held.token.expires_at)}"
        else:
            self._check_known()
            why = f"there is no token for {name} in {self._places.shown}"
        return NoLiveToken(f"{why}; for a new one: kunji refresh {name}")

    def _check_known(self) -> None:
        places, names = self._places, account_names(self._places)
        if names and self.account not in names:
            raise UnknownAccount(f"there is no account {self.account} in {places.config}, only {', '.join(names)}")
        if places.config and not names and not places.is_on_server and not os.path.isdir(places.store):
            raise UnknownAccount(
                f"there is neither a config file in {places.config} nor a store at {places.store}; "
                "say where they are: --config DIR or KUNJI_CONFIG"
            )


def is_called(reader: Reader) -> bool:
    """Whether it hears of a new token by itself, so that it costs nothing to ask it often."""
    return reader._source.look_every == 0


def _source(account: str, places: Places, environment: Mapping[str, str]) -> Source:
    if not places.is_on_server:
        return TokensFile(account, places, environment)
    from kunji._served import TokensOnServer  # what it needs takes time to import

    return TokensOnServer(account, places, environment)


def _said(moment: datetime) -> str:
    return f"{moment.astimezone(_IST):%d %b %Y at %H:%M:%S} IST"
