"""Reading a live token. Knows the store's files and the key; no broker, no bot, no connection."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from threading import Lock

from kunji._errors import NoLiveToken, UnknownAccount
from kunji._held import Held, LiveToken, TokensFile
from kunji._places import account_names, find

_LOOK_EVERY = 0.25
"""Seconds between two looks at the file while a live token is at hand."""
_IST = timezone(timedelta(hours=5, minutes=30), "IST")


class Reader:
    """The live token of one account, always the newest. Thread-safe, and good in a forked process; cheap enough to ask
    before every request.

    `store` is the store's folder and `config` the config folder, where the environment does not say. A token with less
    than `min_left` seconds left counts as none.

    Each question is answered from the newest token. Whoever needs two answers about the same one asks for `live()`.
    All of them raise NoLiveToken if there is none (UnknownAccount if there is no such account either), and
    StoreUnreadable if nobody can tell.
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
        self._file = TokensFile(account, self._places, environment)
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
        held = self._look()
        if held is None:
            self._check_known()
        while held is None or not self._serves(held) or held.token.value == known:
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(_LOOK_EVERY, left))
            held = self._look()
        return True

    def _serves(self, held: Held) -> bool:
        return held.until > self._now() + self._min_left

    def _look(self) -> Held | None:
        if self._process != os.getpid():
            # Forked: a thread that is not there any more may have held the lock.
            self._lock, self._process = Lock(), os.getpid()
        with self._lock:
            self._held = self._file.read()
            self._look_at = time.monotonic() + _LOOK_EVERY
            return self._held

    def _none(self, held: Held | None) -> NoLiveToken:
        name = self.account
        if held is None:
            self._check_known()
            why = f"there is no token for {name} in {self._places.store}"
        elif held.rejected_at is not None:
            why = f"the broker no longer accepts the token of {name}, since {_said(held.rejected_at)}"
        elif held.until > self._now():
            why = f"the token of {name} is good until {_said(held.token.expires_at)} only, less than what was asked for"
        else:
            why = f"the token of {name} expired {_said(held.token.expires_at)}"
        return NoLiveToken(f"{why}; for a new one: kunji refresh {name}")

    def _check_known(self) -> None:
        names = account_names(self._places)
        if names and self.account not in names:
            raise UnknownAccount(
                f"there is no account {self.account} in {self._places.config}, only {', '.join(names)}"
            )


def _said(moment: datetime) -> str:
    return f"{moment.astimezone(_IST):%d %b %Y at %H:%M:%S} IST"
