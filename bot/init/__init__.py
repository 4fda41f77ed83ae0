"""`kunji init`: from nothing to an account that can be run, by asking a person at the terminal.

Each answer is checked at once, by the checks of `bot.config`. Nothing is written before the last one is given, and then
whole files that were not there before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.init._account import ask_account
from bot.init._compare import compare
from bot.init._draft import Draft, refuse_broken
from bot.init._person import Person
from bot.init._telegram import ask_telegram
from bot.init._write import Written, write


@dataclass(frozen=True, slots=True)
class Given:
    """What is known before anything is asked."""

    folder: Path
    key: Callable[[], bytes]
    """The store's key, made if there is none."""
    login: str | None = None
    """The way to log in, where it is not asked for."""
    endpoints: Mapping[str, str] | None = None
    telegram_api_url: str | None = None


def init(given: Given, person: Person) -> Written:
    """Ask for one account, and write it down. Raises ConfigErrors, StoreError; click.Abort if the person gives up."""
    draft = Draft(given.folder, given.key)
    refuse_broken(draft)
    person.say(
        "A few questions, each with where its answer is found. Nothing is written before the last one, and Ctrl-C ends "
        "it at any time. What is secret is not shown while you type or paste it."
    )
    ask_account(draft, person, given.login, given.endpoints)
    ask_telegram(draft, person, given.telegram_api_url)
    windows = compare(draft, person)
    person.say(
        "\nThe secret values can be sealed: a file that is then copied or shown by accident tells nothing, as it opens "
        "only with the key that kunji keeps beside its store. Without that key they must be entered again."
    )
    sealed = person.agrees("Seal them?")
    return write(draft, windows, sealed=sealed)


__all__ = ["Given", "Person", "Written", "init"]
