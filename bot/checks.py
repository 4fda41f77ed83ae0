"""`kunji check`: is everything ready to run? Config, key, store, clock; online also Telegram and the brokers.

Spends no login and no TOTP code, and sends no message. The config has been read before; a fault in it was said then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Protocol, cast

from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from bot.clock import ClockError
from bot.config import AccountConfig, Config
from bot.listening import Port
from bot.polling import outgoing
from bot.server_facts import findings, on_the_way
from bot.store import StoreAway, StoreError, address_of, places_of
from bot.trading import ist
from bot.works import Works
from brokers import WORTH_TELLING, KunjiError, broker_class
from kunji._redis import Address

Say = Callable[[str], object]
Finding = tuple[bool | None, str]
"""Whether it is good, and the sentence; None: it works, and should be looked at all the same."""
CALENDAR_AHEAD = timedelta(days=14)
MARKS = {True: "ok   ", None: "note ", False: "FAIL "}


def check_all(config: Config, *, online: bool, say: Say) -> bool:
    """Say every finding; whether none is bad."""
    good = True
    for fine, sentence in _findings(config, online=online):
        say(f"{MARKS[fine]} {sentence}")
        good = good and fine is not False
    return good


def _findings(config: Config, *, online: bool) -> Iterator[Finding]:
    for one in config.accounts:
        yield from _or_why_not(one.name, _account(one))
    yield from _door(config)
    if online:
        yield from _or_why_not("Telegram", _telegram(config))
    try:
        works = Works.of(config)
    except KunjiError as error:
        yield False, f"{'clock' if isinstance(error, ClockError) else 'store'}: {error}"
        return
    try:
        yield from _or_why_not("store", _store(works))
        yield from _calendar(works)
        if online:
            for name in works.tokens.accounts:
                yield from _or_why_not(name, _broker(works, name))
                yield from _or_why_not(name, _totp(works, name))
        yield from _or_why_not("clock", _clock(works) if online else _no_clock())
    finally:
        works.close()


def _or_why_not(subject: str, found: Iterable[Finding]) -> Iterator[Finding]:
    """What cannot be found out is one bad finding, and the others are still told."""
    try:
        yield from found
    except KunjiError as error:
        yield False, f"{subject}: {error}"


def _account(one: AccountConfig) -> Iterator[Finding]:
    kind = broker_class(one.broker)
    yield True, f"{one.file}: account {one.name} at {kind.title}, login {one.login}"
    if position := kind.positions_on_ways.get(one.login):
        yield True, f"{one.name}: {position}"


def _door(config: Config) -> Iterator[Finding]:
    if not config.public_url or not config.listen:
        return
    yield True, "door: what to enter at the brokers so that they find it is told by: kunji addresses"
    behind_a_proxy = config.public_url.startswith("https:") and config.listen.is_of_this_machine
    if behind_a_proxy and isinstance(config.listen, Port) and not config.trusted_proxies:
        yield (
            None,
            "door: without trusted_proxies everybody who comes through a proxy counts as one caller, and one who "
            f"knocks too often keeps you out with him; if there is one, set trusted_proxies to {config.listen.host}",
        )


class _Served(Protocol):
    """A store on a server."""

    def facts(self) -> dict[str, str]: ...


def _store(works: Works) -> Iterator[Finding]:
    places = places_of(works.config.folder, works.config.store)
    if places.is_on_server:
        yield from _server(address_of(places.store), cast("_Served", works.store))
    works.store.check()
    yield True, f"store: readable with this key, and writable; {_tokens(len(works.store.accounts()))} in it"


def _calendar(works: Works) -> Iterator[Finding]:
    year = (ist(works.clock.now()) + CALENDAR_AHEAD).year
    if not works.tokens.rules.days.knows(year):
        yield (
            None,
            f"calendar: the exchange's holidays of {year} are not known to this version, so every weekday counts as a "
            "trading day; a newer version may know them, and extra_holidays names them",
        )


def _server(address: Address, store: _Served) -> Iterator[Finding]:
    yield from on_the_way(address)
    try:
        facts = store.facts()
    except StoreAway:
        raise
    except StoreError:
        yield None, f"store: the user of {address} may not ask the server how it is set up (INFO): look for yourself"
        return
    yield from findings(address, facts)


def _telegram(config: Config) -> Iterator[Finding]:
    yield from asyncio.run(_asking_telegram(config))


async def _asking_telegram(config: Config) -> list[Finding]:
    base = f"{config.telegram_api_url}/bot" if config.telegram_api_url else "https://api.telegram.org/bot"
    chats = {chat for one in config.accounts for chat in one.audience.admin_chats | one.audience.viewer_chats}
    found: list[Finding] = []
    try:
        async with Bot(config.bot_token.reveal(), base_url=base, request=outgoing(config.proxy)) as bot:
            found.append((True, f"Telegram: the bot is @{bot.username}"))
            found += [await _chat(bot, chat) for chat in sorted(chats)]
    except InvalidToken:
        found.append((False, "Telegram: the bot token is refused; compare it with what BotFather shows"))
    except TelegramError as error:
        found.append((False, f"Telegram: cannot be reached ({type(error).__name__})"))
    return found


async def _chat(bot: Bot, chat: int) -> Finding:
    try:
        await bot.get_chat(chat)
    except TelegramError:
        return False, f"Telegram: the bot cannot write to chat {chat}; send it /start from there once"
    return True, f"Telegram: chat {chat} can be reached"


def _broker(works: Works, name: str) -> Iterator[Finding]:
    account = works.tokens.accounts[name]
    account.broker.reach()
    yield True, f"{name}: {account.title} can be reached"


def _totp(works: Works, name: str) -> Iterator[Finding]:
    """Makes a code for this moment by the brokers' clock, and neither shows nor uses it up."""
    secret = works.tokens.accounts[name].broker.totp_secret
    if secret is None:
        return
    code = secret.code_at((works.clock.now() + works.drift.correction()).timestamp())
    digits = len(code.reveal())
    yield True, f"{name}: a TOTP code of {digits} digits can be made; compare one with your phone: kunji totp {name}"


def _no_clock() -> Iterator[Finding]:
    yield True, "clock: compared with the brokers by --online only"


def _clock(works: Works) -> Iterator[Finding]:
    error = works.drift.error()
    if error is None:
        yield True, "clock: could not be checked, as that takes two brokers' hosts that tell the same time"
        return
    wrong = abs(error) > WORTH_TELLING
    away = f"{abs(error) / timedelta(seconds=1):.1f} s"
    if wrong:
        yield False, f"clock: this machine is {away} {'slow' if error > timedelta(0) else 'fast'}; set it by NTP"
    else:
        yield True, f"clock: within {away} of the brokers'"


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count} tokens"
