"""Brokers whose replies are made up, handed in where the network would be, and what may come of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from brokers import AccessToken, Broker, BrokerError, Drift, Profile, Secret, Surroundings, rupees
from brokers._http import Http
from brokers._reply import LARGEST, LONGEST_TEXT, Reply
from tests.contract.samples import Samples
from tests.contract.stand_in import Windows, chain
from tests.fakes import FakeClock
from tests.faults.fuzz import Chance

STATUSES = (200,) * 12 + (201, 204, 206, 301, 302, 304, 400, 401, 403, 404, 405, 422, 424, 429, 500, 502, 503, 999)
CALLS = ("login", "exchange", "renew", "profile", "funds", "holdings", "positions", "orders")

SEVERAL_STEPS = {"login", "exchange", "renew", "revoke"}


class Good(NamedTuple):
    """What a broker answers when all is well."""

    sample: str = ""
    status: int = 200
    location: str = ""
    cookies: Mapping[str, str] = {}


@dataclass(frozen=True)
class Subject:
    """A broker, with all that is needed to ask it everything."""

    kind: type[Broker[Any]]
    configs: Mapping[str, Any]
    """For each way to log in."""
    answer: str
    """What `exchange` takes."""
    held: AccessToken
    good: Mapping[str, Good]
    """By the end of the path."""
    named: Callable[[Any], object]
    """The client that the body of a login's or profile's answer names."""
    secrets: tuple[str, ...]
    endpoints: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.kind.name

    @property
    def calls(self) -> list[str]:
        more = {"order_address": self.kind.tells_order_address, "revoke": self.kind.revokes}
        return [*CALLS, *(call for call, has in more.items() if has)]

    def account(self, way: str, send: Callable[[str], Reply | BrokerError]) -> Broker[Any]:
        endpoints = {**self.kind.endpoints, **self.endpoints}
        clock, drift = FakeClock(self.held.issued_at), Drift()
        ours = self.kind(self.configs[way], Surroundings(way, endpoints, clock, Windows(), drift))
        # Its own `http` is made when it is first asked for; here it is given.
        ours.http = MadeUp(ours.title, endpoints, clock, drift, paces=ours.paces, send=send)
        return ours

    def outcome(self, call: str, ours: Broker[Any]) -> object:
        match call:
            case "login":
                return ours.login()
            case "exchange":
                return ours.exchange(Secret(self.answer))
        return getattr(ours, call)(self.held)


class MadeUp(Http):
    """Requests that are made whole, and then answered by `send`."""

    def __init__(self, *args: Any, send: Callable[[str], Reply | BrokerError], **more: Any) -> None:
        super().__init__(*args, **more)
        self._made_up = send

    def _send(self, request: Any) -> Reply | BrokerError:
        return self._made_up(urlsplit(request.url).path)


@cache
def samples(name: str) -> tuple[str, ...]:
    return tuple(json.dumps(body) for body in Samples(name).bodies())


@cache
def sample(name: str, file: str) -> str:
    return json.dumps(Samples(name).body(file)) if file else "{}"


class Replies:
    """The replies to one call: where it makes several requests all is well up to some step, and then it is not."""

    def __init__(self, subject: Subject, call: str, chance: Chance) -> None:
        self._subject = subject
        self._chance = chance
        self._well = chance.one_of((0, 0, 1, 1, 2, 3, 4)) if call in SEVERAL_STEPS else 0
        self.sent: list[Reply] = []

    def __call__(self, path: str) -> Reply:
        good = next((good for end, good in self._subject.good.items() if path.endswith(end)), Good())
        reply = self._whole(good) if len(self.sent) < self._well else self._odd(good)
        self.sent.append(reply)
        return reply

    def __repr__(self) -> str:
        return repr([(reply.status, reply.raw, reply.location.reveal()) for reply in self.sent])

    def _whole(self, good: Good) -> Reply:
        body = sample(self._subject.name, good.sample).encode()
        return Reply(self._subject.kind.title, good.status, None, body, Secret(good.location), _secret(good.cookies))

    def _odd(self, good: Good) -> Reply:
        chance, name = self._chance, self._subject.name
        text = sample(name, good.sample) if good.sample and not chance.once_in(3) else chance.one_of(samples(name))
        body = chance.value() if chance.once_in(12) else json.loads(text)
        for _ in range(chance.one_of((0, 1, 1, 1, 2, 2, 3, 5))):
            body = chance.spoilt(body)
        return Reply(
            self._subject.kind.title,
            chance.one_of(STATUSES) if chance.once_in(4) else good.status,
            chance.one_of((None, 0.0, 30.0, 99_999.0)),
            b"" if chance.once_in(50) else chance.written(body),
            Secret(chance.text(good.location)),
            _secret({chance.text(key): chance.text(value) for key, value in good.cookies.items()}),
        )


def judge(subject: Subject, call: str, ours: Broker[Any], sent: list[Reply]) -> None:
    """Ask, and hold what comes of it to what is owed."""
    try:
        value = subject.outcome(call, ours)
    except BrokerError as error:
        _tells_nothing(error, subject, sent)
        return
    assert fits(value, _owed(call)), value
    if isinstance(value, AccessToken):
        assert all("!" <= sign <= "~" or sign == " " for text in ours.headers(value).values() for sign in text)
        assert all(isinstance(text, str) for text in ours.environment(value).values())
        assert len(value.value.reveal()) < 20 or value.value.reveal() not in repr(value)
        assert value.expires_at - value.issued_at > timedelta(0) or subject.name == "dhan"
    if isinstance(value, AccessToken | Profile) and sent:
        _is_who_was_named(value.client_id, subject, sent[-1])


def _is_who_was_named(client_id: str, subject: Subject, reply: Reply) -> None:
    named = subject.named(reply.body)
    if isinstance(named, str | int) and str(named).strip():
        assert client_id.strip().upper() == str(named).strip().upper()


def _tells_nothing(error: BrokerError, subject: Subject, sent: list[Reply]) -> None:
    """One sentence, in words that come neither from the config nor from the replies."""
    text = "\n".join(f"{link} {link.args} {vars(link)}" for link in chain(error))
    assert len(str(error)) < 300
    assert str(error).isprintable()
    assert error.__class__.__module__ == "brokers._errors"
    for secret in (*subject.secrets, subject.answer, subject.held.value.reveal()):
        assert secret not in text
    for reply in sent:
        location = reply.location.reveal()
        assert len(location) < 9 or location not in text
        if len(reply.raw) > 8:
            assert reply.raw.decode(errors="replace") not in text
        for word in _long_texts(reply):
            assert word not in text, word


def _long_texts(reply: Reply) -> Iterator[str]:
    """Texts in a reply that could be secrets."""
    try:
        body = reply.body
    except BrokerError:
        return
    places = [body]
    while places:
        place = places.pop()
        if isinstance(place, str) and len(place) > 8:
            yield place
        elif isinstance(place, dict):
            places.extend(place.values())
        elif isinstance(place, list):
            places.extend(place)


@cache
def _owed(call: str) -> Any:
    return get_type_hints(getattr(Broker, call)).get("return", NoneType)


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {part.name: hints[part.name] for part in fields(kind)}


def fits(value: Any, owed: Any) -> bool:
    """Whether it is of that type, in every field, and can be shown, kept and sent."""
    origin = get_origin(owed)
    if origin is UnionType:
        return any(fits(value, member) for member in get_args(owed))
    if origin in (list, tuple):
        return isinstance(value, origin) and all(fits(item, get_args(owed)[0]) for item in value)
    if origin is not None:
        return all(fits(name, str) and fits(item, get_args(owed)[1]) for name, item in value.items())
    if is_dataclass(owed):
        return type(value) is owed and all(fits(getattr(value, name), hint) for name, hint in _hints(owed).items())
    return type(value) is owed and _FIT.get(owed, lambda _: True)(value)


def _fit_text(text: str) -> bool:
    text.encode()  # half of a pair could be neither stored nor shown
    return len(text) <= LONGEST_TEXT


_FIT: dict[type[Any], Callable[[Any], bool]] = {
    Decimal: lambda amount: amount.is_finite() and abs(amount) < 10**30 and bool(rupees(amount)),
    int: lambda number: abs(number) <= 10 * LARGEST,
    str: _fit_text,
    Secret: lambda secret: bool(secret) and _fit_text(secret.reveal()),
    datetime: lambda moment: moment.utcoffset() == timedelta(0),
}


def _secret(values: Mapping[str, str]) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in values.items()}
