"""Asks which account it is, and for what its broker needs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import MISSING, fields
from itertools import count

import click

from bot.config import BOT_FILE, LEFT_TO_ITSELF, name_fault
from bot.init._draft import SUFFIX, Draft
from bot.init._person import Person
from bot.init._picture import secret_in
from bot.sealing import ELSEWHERE, secret_fields
from brokers import BROKERS, broker_class

NAMES = "small letters, digits and dashes, at most 32, such as dhan-wife"
LONGEST_NAME = 32
SPELT = frozenset({"api", "mpin", "pin", "totp", "url"})


def ask_account(draft: Draft, person: Person, login: str | None, endpoints: Mapping[str, str] | None) -> None:
    """Everything the account's file holds, but for Telegram."""
    titles = {name: broker_class(name).title for name in BROKERS}
    broker = person.picks("Which broker is the account at?", titles)
    draft.name = _ask_name(draft, person, broker)
    draft.account = {"broker": broker}
    draft.account["login"] = _ask_login(draft, person, login)
    if endpoints:
        draft.account["endpoints"] = dict(endpoints)
    wanted = wanted_fields(draft)
    for key in wanted:
        ask_field(draft, person, key)
    _settle(draft, person, wanted)


def wanted_fields(draft: Draft) -> list[str]:
    """What the broker needs for this way to log in, as its `Config` lists it."""
    always = {part.name for part in fields(draft.broker.Config) if part.default is MISSING}
    needed = always.union(draft.broker.ways[str(draft.account["login"])])
    return [part.name for part in fields(draft.broker.Config) if part.name in needed]


def ask_field(draft: Draft, person: Person, key: str) -> None:
    what = draft.broker.asks[key]
    person.say(f"\n{what[0].upper()}{what[1:]}.")
    if key == "totp_secret":
        person.say("Taken as text, as an otpauth:// address, or as the path of a picture of the QR code.")

    def wrong(answer: str) -> str | None:
        try:
            draft.account[key] = secret_in(answer) if key == "totp_secret" else answer
        except ValueError as error:
            return str(error)
        return draft.fault_of(key) or _unusual(draft, person, key, answer)

    person.asks(_spoken(key), wrong, secret=key in secret_fields(draft.broker))


def _unusual(draft: Draft, person: Person, key: str, answer: str) -> str | None:
    """A shape that is a rule and no promise is asked about; the config takes others, too."""
    shape = draft.broker.shapes.get(key)
    if shape is None or answer.startswith(ELSEWHERE) or re.fullmatch(shape.pattern, answer, re.IGNORECASE | re.ASCII):
        return None
    right = person.agrees(f"  As a rule {draft.broker.title} has {shape.words} there. Is it right?", default=False)
    return None if right else f"expected {shape.words}"


def _ask_name(draft: Draft, person: Person, broker: str) -> str:
    person.say(f"\nA name for the account, which commands take: {NAMES}.")

    def wrong(answer: str) -> str | None:
        if f"{answer}{SUFFIX}" == BOT_FILE:
            return f"{BOT_FILE} is for the bot as a whole"
        if (draft.folder / f"{answer}{SUFFIX}").exists():
            return f"there is an account {answer} already"
        fault = name_fault(answer)
        return f"expected {NAMES}" if fault and nearest_name(answer) != answer else fault

    def nearest(answer: str) -> str | None:
        name = nearest_name(answer)
        return None if wrong(name) else name

    names = (broker if number == 1 else f"{broker}-{number}" for number in count(1))
    free = next(name for name in names if wrong(name) is None)
    return person.asks("name", wrong, default=free, nearest=nearest)


def nearest_name(answer: str) -> str:
    """What is left of it for a name; nothing, at worst."""
    plain = unicodedata.normalize("NFKD", answer.casefold())
    return re.sub("[^a-z0-9]+", "-", re.sub("[\u0300-\u036f]", "", plain)).strip("-")[:LONGEST_NAME].rstrip("-")


def _ask_login(draft: Draft, person: Person, login: str | None) -> str:
    broker = draft.broker
    if login is not None:
        if login not in broker.ways:
            known = ", ".join(broker.ways)
            raise click.UsageError(f"{broker.title} has no login {login}; it has: {known}")
        person.say(f"\nkunji logs in {broker.ways_in_words[login]}.\n{broker.positions_on_ways[login]}.")
        if login not in LEFT_TO_ITSELF and not person.agrees("All the same?", default=False):
            raise click.Abort
        return login
    ways = {way: broker.ways_in_words[way] for way in broker.ways if way in LEFT_TO_ITSELF}
    if len(ways) > 1:
        return person.picks("How shall kunji log in?", ways, default=next(iter(ways)))
    [only] = ways
    person.say(f"\nkunji logs in {ways[only]}.")
    return only


def _spoken(key: str) -> str:
    return " ".join(word.upper() if word in SPELT else word for word in key.split("_"))


def _settle(draft: Draft, person: Person, wanted: list[str]) -> None:
    """What shows only when all is there, such as the client or the secret of another account."""
    while wrong := {key: fault for key in wanted if (fault := draft.fault_of(key))}:
        for key, fault in wrong.items():
            person.say(f"\nOnce more: the {_spoken(key)} {fault}")
            ask_field(draft, person, key)
