"""Shows the six digits kunji makes, to be compared with the phone's, by the broker's clock. Sends no code anywhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.clock import open_clock
from bot.init._account import ask_field
from bot.init._draft import Draft
from bot.init._person import Person
from bot.works import clock_address
from brokers import WORTH_TELLING, Broker, BrokerError, Clock, Drift, Surroundings


class Shown:
    """The windows whose codes were shown. There is no store yet to remember them."""

    def __init__(self) -> None:
        self.windows: list[int] = []

    def reserve(self, window: int) -> bool:
        fresh = window not in self.windows
        if fresh:
            self.windows.append(window)
        return fresh


def compare(draft: Draft, person: Person) -> list[int]:
    """The windows whose codes were shown: not to be used for a login any more."""
    shown = Shown()
    clock, drift = open_clock(clock_address(draft.config())), Drift()
    _measure(_broker(draft, clock, shown, drift), drift, person)
    while (broker := _broker(draft, clock, shown, drift)).totp_secret and not _same(broker, person):
        person.say("Then one of the two has another secret, or the phone's clock is wrong. The secret once more:")
        ask_field(draft, person, "totp_secret")
    return shown.windows


def _broker(draft: Draft, clock: Clock, shown: Shown, drift: Drift) -> Broker[Any]:
    own, proxy = draft.own(), draft.config().proxy
    return draft.broker(own.config, Surroundings(own.login, own.endpoints, clock, shown, drift, proxy))


def _measure(broker: Broker[Any], drift: Drift, person: Person) -> None:
    person.say(f"\nAsking {broker.title} for the time …")
    try:
        broker.reach()
    except BrokerError as error:
        person.say(f"  {error}; going on by this machine's clock")
        return
    off = abs(drift.error() or timedelta(0))
    if off > WORTH_TELLING:
        person.say(f"  this machine's clock is off by {off / timedelta(seconds=1):.0f} s; set it by NTP")
    else:
        person.say(f"  {broker.title} answers")


def _same(broker: Broker[Any], person: Person) -> bool:
    person.say("\nThe code kunji makes from the TOTP secret; it is sent nowhere:")
    code = broker.code()
    left = (code.expires_at - broker.clock.now()).total_seconds()
    person.say(f"\n    {code.digits.reveal()}    for {left:.0f} s\n")
    return person.agrees("Does your phone show the same?")
