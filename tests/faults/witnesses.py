"""What hosts under test are told of the world, and what stands around their parts to write down what these do."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from bot.lead import awake
from bot.store import Alert, Crew, Roll, Store, StoreError
from bot.store.redis._server import Waits
from bot.trading import Hours, Rules, TradingDays
from brokers import (
    AccessToken,
    BrokerUnreachable,
    CodeRejected,
    LoginRejected,
    Profile,
    Secret,
    TokenRejected,
    TotpSecret,
)
from tests.fake_broker import CLIENT, FakeBroker

LEAD, LOCK, CLAIM = 0.9, 0.6, 0.5
"""Real seconds."""
WAITS = Waits(answer=0.5, refused=0.1, settling=0.5)
SPEED = 60.0
"""Everything but leases goes so many times faster."""
BEGINS = datetime(2026, 11, 16, 11, 0, tzinfo=UTC) - timedelta(hours=5, minutes=30)
"""A Monday morning, after the proof and before trading ends."""
NEXT_DAY = BEGINS + timedelta(hours=19)
RULES = Rules(Hours(warn_before=timedelta(minutes=9), probe_every=timedelta(minutes=1.5)), TradingDays())
ADMIN = 7
FINGERPRINT = "1"
"""Of every config."""
SEED = TotpSecret.parse("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")


@dataclass(frozen=True, slots=True)
class Plan:
    """One account, and when its tokens end."""

    name: str
    ends: tuple[float, ...]
    """Minutes after `BEGINS`. A login gives a token until the first of them that is over 10 minutes away, or until the
    next day."""
    login: str = "auto"
    answer: str = "granted"
    """`granted`, `refused`, or `refused once`."""

    def end_of(self, issued_at: datetime) -> datetime:
        later = (BEGINS + timedelta(minutes=end) for end in self.ends)
        return next((end for end in later if end - issued_at > timedelta(minutes=10)), NEXT_DAY)


@dataclass(frozen=True, slots=True)
class Task:
    host: int
    address: str
    broker: int
    """Its port."""
    diary: str
    zero: float
    """`BEGINS`, by `awake`."""
    plans: list[Plan]

    @classmethod
    def read(cls, text: str) -> Task:
        facts = json.loads(text)
        return cls(**facts | {"plans": [Plan(**plan | {"ends": tuple(plan["ends"])}) for plan in facts["plans"]]})

    def written(self) -> str:
        return json.dumps(asdict(self)) + "\n"


class FastClock:
    def __init__(self, zero: float) -> None:
        self._zero = zero

    def now(self) -> datetime:
        return BEGINS + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (awake() - self._zero) * SPEED

    def sleep(self, seconds: float) -> None:
        time.sleep(max(seconds, 0) / SPEED)


class Diary:
    def __init__(self, path: str, host: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._host, self._pid = host, os.getpid()

    def write(self, what: str, **facts: Any) -> None:
        line = {"at": awake(), "host": self._host, "pid": self._pid, "what": what, **facts}
        os.write(self._file, json.dumps(line).encode() + b"\n")

    @contextmanager
    def doing(self, what: str, **facts: Any) -> Iterator[None]:
        """Once begun, and once ended well, which is told by `since`, its beginning."""
        since = awake()
        self.write(f"{what}?", **facts)
        yield
        self.write(what, since=since, **facts)


# Witnesses around the parts


class WatchedStore:
    """The store itself; writes down what is kept in it, and when it was away."""

    def __init__(self, store: Store, diary: Diary) -> None:
        self._store, self._diary = store, diary

    def __getattr__(self, name: str) -> Any:
        part = getattr(self._store, name)
        return partial(self._watched, part) if callable(part) and name != "lock" else part

    def _watched(self, call: Callable[..., Any], *args: Any, **named: Any) -> Any:
        try:
            return call(*args, **named)
        except StoreError as error:
            self._diary.write("away", call=call.__name__, error=type(error).__name__)
            raise

    def save(self, account: str, held: Any) -> None:
        with self._diary.doing("kept", account=account, token=held.token.value.reveal()):
            self._watched(self._store.save, account, held)

    def queue(self, items: Any, **how: Any) -> list[int]:
        waiting = list(items)
        numbers: list[int] = self._watched(self._store.queue, waiting, **how)
        self._diary.write("queued", alerts=[key_of(alert) for item in waiting for alert in item.alerts])
        return numbers


class WatchedCrew:
    """The crew itself; writes down by which answers it leads."""

    def __init__(self, crew: Crew, diary: Diary) -> None:
        self._crew, self._diary = crew, diary

    def __getattr__(self, name: str) -> Any:
        return getattr(self._crew, name)

    def attend(self, *, lead: bool = True) -> Roll:
        asked_at = awake()
        self._diary.write("asked")
        roll = self._crew.attend(lead=lead)
        if roll.leads:
            self._diary.write("called", since=asked_at)
        return roll


@dataclass
class Reach:
    """What a broker is told by its config."""

    plan: Plan
    port: int
    diary: Diary
    totp_secret: TotpSecret = SEED

    def ask(self, what: str, **facts: Any) -> dict[str, Any]:
        question = json.dumps({"what": what, "account": self.plan.name, **facts}).encode() + b"\n"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as way, way.makefile("rb") as answer:
                way.sendall(question)
                found: dict[str, Any] = json.loads(answer.readline())
                return found
        except (OSError, ValueError):
            raise BrokerUnreachable("it does not answer") from None


class FarBroker(FakeBroker):
    """Asks the broker that the test keeps."""

    Config: ClassVar = Reach  # type: ignore[misc]
    login_gap = timedelta(0)

    def expiry(self, issued_at: datetime) -> datetime:  # type: ignore[override]
        return self.config.plan.end_of(issued_at)  # type: ignore[attr-defined, no-any-return]

    def login(self) -> AccessToken:
        reach: Reach = self.config  # type: ignore[assignment]
        window = int(self.code().expires_at.timestamp())
        attempt = f"{os.getpid()}-{time.monotonic_ns()}"
        reach.diary.write("begins", account=reach.plan.name, attempt=attempt)
        self.before_sending()
        answer = reach.ask("login", attempt=attempt, window=window, pid=os.getpid())
        match answer["outcome"]:
            case "refused":
                raise LoginRejected("the PIN is wrong")
            case "code refused":
                raise CodeRejected("the code is wrong")
        issued_at, expires_at = map(datetime.fromisoformat, (answer["issued_at"], answer["expires_at"]))
        return AccessToken(Secret(answer["token"]), CLIENT, issued_at, expires_at)

    def profile(self, token: AccessToken) -> Profile:
        if not self.config.ask("profile", token=token.value.reveal())["lives"]:  # type: ignore[attr-defined]
            raise TokenRejected("the token is dead")
        return Profile(CLIENT)


class Phone:
    """Where messages arrive. That they did is told a moment later."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    async def send_message(self, _chat: int, text: str, _parse_mode: str, **_how: object) -> None:
        self._diary.write("arrived", alerts=json.loads(text))
        await asyncio.sleep(0.02)


class Words:
    def alerts(self, alerts: list[Alert], _now: datetime, **_how: object) -> list[str]:
        return [json.dumps([key_of(alert) for alert in alerts])]

    def alert_buttons(self, _alert: Alert) -> list[tuple[str, str]]:
        return []


def key_of(alert: Alert) -> str:
    """What two alerts that say the same have in common."""
    about = alert.facts.get("expires_at") if alert.kind in {"warning", "expired"} else alert.at.isoformat()
    return f"{alert.kind} {alert.account} {about}"
