"""Asks for the bot, and finds out the admin's chat: whoever sends the bot a word that only the terminal shows."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import NamedTuple

from telegram import Bot, Update
from telegram.error import BadRequest, Conflict, InvalidToken, NetworkError, TelegramError
from telegram.request import HTTPXRequest

from bot.clock import open_clock
from bot.config import Config
from bot.init._draft import Draft
from bot.init._person import Person
from bot.works import clock_address
from brokers import Clock, KunjiError

SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""None that is taken for another."""
CHAT_ID = re.compile(r"[1-9][0-9]{2,15}")
"""Of a person."""
PATIENCE = 300.0
POLL = 10
PAUSE = 1.0


class NotHeard(KunjiError):
    """The word did not arrive, or could not."""


class Sender(NamedTuple):
    id: int
    name: str


def ask_telegram(draft: Draft, person: Person, api_url: str | None) -> None:
    """What is not said yet, by a file or the environment."""
    if api_url and draft.for_telegram is draft.bot:
        draft.bot["telegram_api_url"] = api_url
    if draft.lacks("telegram_bot_token"):
        _ask_token(draft, person)
    if draft.lacks("telegram_chat_id"):
        draft.for_telegram["telegram_chat_id"] = _chat(draft.supposing_a_chat().config(), person)


def _ask_token(draft: Draft, person: Person) -> None:
    person.say("\nWrite /newbot to @BotFather in Telegram and answer its two questions: it gives you a bot token.")

    def wrong(answer: str) -> str | None:
        draft.for_telegram["telegram_bot_token"] = answer
        return draft.fault_of("telegram_bot_token") or _refused(draft.supposing_a_chat().config(), person)

    person.asks("bot token", wrong, secret=True)


def _refused(config: Config, person: Person) -> str | None:
    """What Telegram has against the bot token. Where it cannot be asked, the person decides whether to go on."""
    while True:
        try:
            asyncio.run(_ask_who_it_is(config))
        except InvalidToken as error:
            return _in_words(error)
        except TelegramError as error:
            person.say(f"  {_in_words(error)}, so the bot token cannot be checked now")
            if person.agrees("Try again?"):
                continue
            person.say("  Going on without this check: a wrong bot token shows when your chat is looked for, or later")
        return None


def _chat(config: Config, person: Person) -> int:
    """The admin's chat. Where it cannot be found, as Telegram is away from here, the person may know its id."""
    clock = open_clock(clock_address(config))
    while True:
        try:
            sender = asyncio.run(_heard(config, person, clock))
        except (KunjiError, TelegramError) as error:
            person.say(f"  {_in_words(error)}")
            if person.agrees("Try again?"):
                continue
            return _typed(config, person)
        if person.agrees(f"That was {sender.name}, with the chat id {sender.id}. Is it you?"):
            return sender.id


def _typed(config: Config, person: Person) -> int:
    person.say(
        "\nThen type the id of your chat with the bot, which is your own user id at Telegram. To find it, write "
        "anything to the bot, and from a machine that reaches Telegram ask who wrote: docs/running.md has the command. "
        "Ctrl-C ends this, and nothing is written."
    )
    bots_own = config.bot_token.reveal().partition(":")[0]

    def wrong(answer: str) -> str | None:
        if answer == bots_own:
            return "that is the bot's own id; expected yours"
        return None if CHAT_ID.fullmatch(answer) else "expected digits only, such as 123456789; a minus is a group's"

    return int(person.asks("chat id", wrong))


def _in_words(error: KunjiError | TelegramError) -> str:
    if isinstance(error, InvalidToken):
        return "Telegram does not know the bot token; compare it with what BotFather shows"
    return str(error) if isinstance(error, KunjiError) else f"Telegram cannot be reached ({type(error).__name__})"


async def _ask_who_it_is(config: Config) -> None:
    async with _bot(config):
        pass


async def _heard(config: Config, person: Person, clock: Clock) -> Sender:
    """Who says the word in a private chat. Raises NotHeard."""
    word = f"kunji-{''.join(secrets.choice(SIGNS) for _ in range(4))}"
    ends = clock.monotonic() + PATIENCE
    offset = 0
    async with _bot(config) as bot:
        person.say(
            f"\nThe bot is @{bot.username}. On your own phone open {bot.link}, press Start, and send it this word:"
            f"\n\n    {word}\n\nWhoever sends it becomes the admin. Waiting, five minutes at most …"
        )
        while clock.monotonic() < ends:
            for update in await _updates(bot, offset):
                offset = update.update_id + 1
                if sender := _said(word.casefold(), update):
                    # Confirmed, or the bot would find the word waiting when it starts.
                    await bot.get_updates(offset, timeout=0)
                    return sender
    raise NotHeard("the word did not come within five minutes")


async def _updates(bot: Bot, offset: int) -> tuple[Update, ...]:
    try:
        return await bot.get_updates(offset, timeout=POLL, allowed_updates=[Update.MESSAGE])
    except Conflict as error:
        if "webhook" in str(error).lower():
            raise NotHeard("a webhook takes this bot's messages", hint="make a bot of your own for kunji") from None
        raise NotHeard("another program reads this bot's messages", hint="end it, if it is kunji run") from None
    except BadRequest:  # which the library takes for trouble with the network, too
        raise
    except NetworkError:
        await asyncio.sleep(PAUSE)
        return ()


def _said(word: str, update: Update) -> Sender | None:
    """In any case, as phones begin a sentence with a capital letter."""
    message = update.message
    if message is None or message.from_user is None or message.chat.type != message.chat.PRIVATE:
        return None
    if (message.text or "").strip().casefold() != word:
        return None
    return Sender(message.chat.id, _shown(message.from_user.full_name))


def _shown(name: str) -> str:
    """A name somebody else may have chosen, fit for one line."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)[:60]


def _bot(config: Config) -> Bot:
    base = f"{config.telegram_api_url or 'https://api.telegram.org'}/bot"
    ways = [HTTPXRequest(1, proxy=config.proxy, httpx_kwargs={"trust_env": False}) for _ in range(2)]
    return Bot(config.bot_token.reveal(), base, request=ways[0], get_updates_request=ways[1])
