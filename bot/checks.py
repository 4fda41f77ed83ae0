"""`kunji check`: is everything ready to run? Config, key, store, clock; online also Telegram and the brokers.

Spends no login and sends no message. The config has been read before; a fault in it was said then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from telegram import Bot
from telegram.error import InvalidToken, TelegramError

from bot.app import Works
from bot.config import Config
from brokers import WORTH_TELLING, KunjiError, broker_class

Say = Callable[[str], object]
Finding = tuple[bool, str]
"""Whether it is good, and the sentence."""


def check_all(config: Config, *, online: bool, say: Say) -> bool:
    """Say every finding; whether all are good."""
    good = True
    for fine, sentence in _findings(config, online=online):
        say(f"{'ok   ' if fine else 'FAIL '} {sentence}")
        good = good and fine
    return good


def _findings(config: Config, *, online: bool) -> Iterator[Finding]:
    for one in config.accounts:
        kind = broker_class(one.broker)
        yield True, f"{one.file}: account {one.name} at {kind.title}, login {one.login}"
        if position := kind.positions_on_ways.get(one.login):
            yield True, f"{one.name}: {position}"
    try:
        works = Works.of(config)
    except KunjiError as error:
        yield False, f"store: {error}"
        return
    try:
        yield _store(works)
        if online:
            yield from asyncio.run(_telegram(config))
            for name in works.tokens.accounts:
                yield from _broker(works, name)
            yield _clock(works)
    finally:
        works.close()


def _store(works: Works) -> Finding:
    try:
        works.store.check()
    except KunjiError as error:
        return False, f"store: {error}"
    return True, f"store: readable with this key, and writable; {len(works.store.accounts())} tokens in it"


async def _telegram(config: Config) -> list[Finding]:
    base = f"{config.telegram_api_url}/bot" if config.telegram_api_url else "https://api.telegram.org/bot"
    chats = {chat for one in config.accounts for chat in one.audience.admin_chats | one.audience.viewer_chats}
    found: list[Finding] = []
    try:
        async with Bot(config.bot_token.reveal(), base_url=base) as bot:
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
    try:
        account.broker.reach()
    except KunjiError as error:
        yield False, f"{name}: {error}"
    else:
        yield True, f"{name}: {account.title} can be reached"
    if account.broker.totp_secret is not None:
        yield True, f"{name}: a TOTP code can be made; compare one with your phone: kunji totp {name}"


def _clock(works: Works) -> Finding:
    error = works.drift.error()
    if error is None:
        return True, "clock: not known; two brokers' hosts would have to tell the same"
    seconds = error.total_seconds()
    if abs(error) > WORTH_TELLING:
        return False, f"clock: this machine is {abs(seconds):.0f} s {'slow' if seconds > 0 else 'fast'}; set it by NTP"
    return True, f"clock: within {abs(seconds):.1f} s of the brokers'"
