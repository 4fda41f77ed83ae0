"""What is going to be written, and what `bot.config` says about it while it grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.config import BOT_FILE, AccountConfig, Config, ConfigErrors, Fault, load
from brokers import Broker, broker_class

SUFFIX = "_config.json"
NAMELESS = ""
"""No account can be called so: whatever is said about the draft is not about a file that is there."""
SOMEBODY = 1
"""Stands for the chat id until it is known, so that everything else can be judged."""


@dataclass(slots=True)
class Draft:
    folder: Path
    key: Callable[[], bytes]
    name: str = NAMELESS
    account: dict[str, object] = field(default_factory=dict)
    bot: dict[str, object] = field(default_factory=dict)
    """Only where there is no `bot_config.json` yet."""

    @property
    def file(self) -> str:
        return f"{self.name}{SUFFIX}"

    @property
    def broker(self) -> type[Broker[Any]]:
        return broker_class(str(self.account["broker"]))

    @property
    def files(self) -> dict[str, dict[str, object]]:
        """By name; the one that comes first means nothing alone."""
        return ({BOT_FILE: self.bot} if self.bot else {}) | {self.file: self.account}

    @property
    def for_telegram(self) -> dict[str, object]:
        """Where its values belong: to the bot as a whole, unless that file is there already."""
        return self.account if (self.folder / BOT_FILE).exists() else self.bot

    def config(self) -> Config:
        """Raises ConfigErrors."""
        return load(self.folder, key=self.key, drafts=self.files)

    def own(self) -> AccountConfig:
        """The account, as the config will have it."""
        return next(one for one in self.config().accounts if one.name == self.name)

    def supposing_a_chat(self) -> Draft:
        return replace(self, account={"telegram_chat_id": SOMEBODY} | self.account)

    def faults(self) -> tuple[Fault, ...]:
        try:
            self.config()
        except ConfigErrors as error:
            return error.faults
        return ()

    def fault_of(self, key: str) -> str | None:
        """What is wrong with this value, whatever else is still missing."""
        faults = self.supposing_a_chat().faults()
        return next((fault.expected for fault in faults if fault.file in self.files and fault.key == key), None)

    def lacks(self, key: str) -> bool:
        """Nothing says it, neither the draft nor the other files nor the environment."""
        return any(is_missing(fault, key) for fault in self.faults())


def is_missing(fault: Fault, key: str) -> bool:
    return fault.key == key and fault.expected.startswith("is missing")


def refuse_broken(draft: Draft) -> None:
    """What is there already must be right, or an addition to it could not be judged. Raises ConfigErrors."""
    there = [
        fault for fault in draft.faults() if fault.file != draft.file and not is_missing(fault, "telegram_bot_token")
    ]
    if there:
        raise ConfigErrors(there)
