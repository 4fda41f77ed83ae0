"""What can be broken from the chat page, one thing at a time for each of the servers, and how it is put right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from bot.sandbox.standin import Broker, StandIn

SLOW_SECONDS = 4.0
WRONG_PIN = {
    "dhan": ("generateAccessToken", "generate_access_token_error_invalid_pin"),
    "angelone": ("loginByPassword", "login_err_pin_AB1007_invalid_mpin"),
    "kotak": ("tradeApiValidate", "validate_err_mpin_401"),
}
"""The call that takes the PIN, and the documented refusal; only where no human types it."""
RATE_LIMITED = {
    "dhan": "error_dh904_rate_limit",
    "zerodha": "error_rate_limited",
    "angelone": "rate_limited_403",
    "kotak": "rate_limited_429",
}


class Trouble(StrEnum):
    NONE = "works"
    DOWN = "down"
    SLOW = "slow"
    WRONG_PIN = "wrong PIN"
    RATE_LIMITED = "rate limited"


class Troubles:
    """Blocks while a door shuts or opens, so it is called from a thread."""

    def __init__(self, standins: Mapping[str, StandIn]) -> None:
        self._standins = standins
        self._ways = {name: _ways(standin) for name, standin in standins.items()}
        self._now = dict.fromkeys(standins, Trouble.NONE)
        self.changes = 0

    def offered(self) -> list[dict[str, Any]]:
        """Everything that can go wrong, by server, and what is wrong now."""
        return [
            {"name": name, "now": self._now[name], "ways": [Trouble.NONE, *ways]} for name, ways in self._ways.items()
        ]

    def cause(self, name: str, trouble: str) -> None:
        """Instead of what was wrong before. Raises KeyError or ValueError for what cannot be."""
        standin, wanted = self._standins[name], Trouble(trouble)
        way = None if wanted is Trouble.NONE else self._ways[name][wanted]
        standin.up()
        standin.heal()
        if way is not None:
            way()
        self._now[name] = wanted
        self.changes += 1
        standin.pulse.beat()

    def mend(self) -> None:
        for name in self._standins:
            self.cause(name, Trouble.NONE)


def _ways(standin: StandIn) -> dict[Trouble, Callable[[], None]]:
    ways: dict[Trouble, Callable[[], None]] = {
        Trouble.DOWN: standin.down,
        Trouble.SLOW: lambda: standin.delay(seconds=SLOW_SECONDS, times=None),
    }
    if isinstance(standin, Broker) and standin.name in WRONG_PIN:
        call, refusal = WRONG_PIN[standin.name]
        ways[Trouble.WRONG_PIN] = lambda: standin.fail(call, refusal, times=None)
    if isinstance(standin, Broker) and standin.name in RATE_LIMITED:
        limit = RATE_LIMITED[standin.name]
        ways[Trouble.RATE_LIMITED] = lambda: standin.fail(sample=limit, times=None)
    return ways
