"""A stage for the conversation: the real gate and handlers, a fake Telegram and fake tokens that note what is asked."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from telegram import Update
from telegram.ext import ApplicationBuilder
from telegram.request import BaseRequest

from brokers import Code, Funds, KunjiError, Secret
from handlers import register
from handlers.access import Audience
from handlers.buttons import sign
from handlers.context import Desk
from handlers.gate import Gate
from handlers.tokens import AccountStatus, Health, LoggedOut, OpenQuestion, OrderBook, Portfolio, Refreshed, State
from tests.unit.handlers.markup import blanks

NOW = datetime(2026, 11, 20, 3, 15, tzinfo=UTC)  # 08:45 in India
ADMIN, VIEWER, STRANGER, OTHER_ADMIN = 1001, 2002, 6666, 1003
GROUP, FOREIGN_GROUP = -500, -666
KEY = b"k" * 32
BOT = {"id": 42, "is_bot": True, "first_name": "kunji", "username": "KunjiBot"}

MINE = Audience(frozenset({ADMIN, VIEWER, GROUP}), frozenset({ADMIN}), frozenset({VIEWER}), frozenset({ADMIN}))
HIDDEN = Audience(frozenset({OTHER_ADMIN}), frozenset({OTHER_ADMIN}))


def status_of(account: str, state: State = State.FRESH, **facts: Any) -> AccountStatus:
    given = {
        "expires_at": NOW + timedelta(hours=9),
        "proven": True,
        "last_refresh": None,
        "next_login": None,
        "held_back": None,
        "last_failure": None,
        "last_failure_at": None,
        "consent_open": False,
    }
    return AccountStatus(account, "Dhan", "auto", state, **{**given, **facts})


HEALTHY = Health(NOW - timedelta(days=1), NOW, 0.2, None, None, 0, 0, False)


@dataclass
class FakeTokens:
    """Answers what it is set to; a KunjiError set as an answer is raised."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    knocks: int = 0
    is_locked: bool | KunjiError = False
    healthy: Health = HEALTHY
    has_rival: bool = False
    outcome: Any = None
    exchanged: Any = None
    until: dict[str, datetime] = field(default_factory=dict)
    waiting: list[OpenQuestion] = field(default_factory=list)
    fits: dict[str, str | None] = field(default_factory=dict)
    statuses: dict[str, AccountStatus] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    figures: dict[str, Any] = field(default_factory=dict)
    books: dict[str, Any] = field(default_factory=dict)

    def done(self, *names: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] in names]

    def _answer(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def status(self, accounts):
        return [self.statuses.get(name, status_of(name)) for name in accounts]

    async def health(self):
        return self.healthy

    async def crew(self):
        return self.healthy.crew

    async def second_poller(self):
        return self.has_rival

    async def asks_first(self, account):
        return self.until.get(account)

    async def refresh(self, account, *, who, replace=False, force=False):
        self.calls.append(("refresh", account, who, replace, force))
        outcome = self.outcome.get(account) if isinstance(self.outcome, dict) else self.outcome
        return self._answer(outcome or Refreshed(account, NOW + timedelta(hours=24), "login", 1.5, True))

    async def asked(self, account, chat, message):
        self.calls.append(("asked", account, chat, message))

    async def questions(self):
        return self.waiting

    async def accepts(self, account, pasted):
        self.calls.append(("accepts", account))
        return self.fits.get(account)

    async def answer(self, account, pasted, *, who):
        self.calls.append(("answer", account, pasted.reveal(), who))
        return self._answer(self.exchanged or Refreshed(account, NOW + timedelta(hours=24), "exchange", 1.5, True))

    async def portfolio(self, account):
        self.calls.append(("portfolio", account))
        return self._answer(self.figures.get(account, Portfolio(account, "Dhan", Funds(None, None, None), [], [])))

    async def orders(self, account):
        self.calls.append(("orders", account))
        return self._answer(self.books.get(account, OrderBook(account, "Dhan", [])))

    async def code(self, account):
        self.calls.append(("code", account))
        return Code(Secret("123456"), NOW)

    async def history(self, account, limit):
        return []

    async def can_revoke(self, account):
        return False

    async def logout(self, account, *, who):
        self.calls.append(("logout", account))
        return LoggedOut(account, False, NOW + timedelta(hours=9), "it cannot")

    async def pause(self, account):
        self.calls.append(("pause", account))

    async def resume(self, account):
        self.calls.append(("resume", account))

    async def lock(self):
        self.calls.append(("lock",))

    async def locked(self):
        return self._answer(self.is_locked)

    async def spend(self, button, expires_at):
        fresh = button not in self.spent
        self.spent.add(button)
        return fresh

    async def knock(self):
        self.knocks += 1

    async def moved(self, group, supergroup):
        self.calls.append(("moved", group, supergroup))


class FakeTelegram(BaseRequest):
    """Takes every request, notes it, and answers as told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.refuses: dict[str, tuple[int, str]] = {}
        self.stumbles: dict[str, Exception] = {}
        """Raised once each, after the request was noted."""

    @property
    def read_timeout(self) -> float | None:
        return 5.0

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    async def do_request(self, url, method, request_data=None, *timeouts, **more):
        name = url.rsplit("/", 1)[1]
        given = dict(request_data.json_parameters) if request_data else {}
        if request_data and request_data.contains_files:
            given |= {part: content[1] for part, content in request_data.multipart_data.items()}
        if name == "getMe":
            return 200, json.dumps({"ok": True, "result": BOT}).encode()
        self.sent.append((name, given))
        if name in self.stumbles:
            raise self.stumbles.pop(name)
        if name in self.refuses:
            code, why = self.refuses[name]
            return code, json.dumps({"ok": False, "error_code": code, "description": why}).encode()
        return 200, json.dumps({"ok": True, "result": self._result(name, given)}).encode()

    def _result(self, name: str, given: dict[str, Any]) -> Any:
        if name not in ("sendMessage", "editMessageText", "sendPhoto"):
            return True
        chat = int(given["chat_id"])
        number = int(given.get("message_id", 9000 + len(self.sent)))
        return message_from(ADMIN, given.get("text"), chat=chat, number=number, sender=BOT)

    def of(self, *names: str) -> list[dict[str, Any]]:
        return [given for name, given in self.sent if name in names]

    def texts(self) -> list[str]:
        return [
            blanks(given["text"])
            for given in self.of("sendMessage", "editMessageText", "answerCallbackQuery")
            if "text" in given
        ]

    def last(self) -> str:
        return self.texts()[-1]

    def buttons(self) -> list[dict[str, Any]]:
        """The buttons of the last message that was sent or edited."""
        markup = self.of("sendMessage", "editMessageText")[-1].get("reply_markup")
        return [one for row in json.loads(markup)["inline_keyboard"] for one in row] if markup else []


def message_from(
    user: int, text: str | None, *, chat: int | None = None, number: int = 77, at=NOW, sender=None, kind=None, **more
):
    """A message as Telegram writes it, with the command marked."""
    chat = user if chat is None else chat
    found = {
        "message_id": number,
        "date": int(at.timestamp()),
        "chat": {"id": chat, "type": kind or ("private" if chat > 0 else "supergroup"), "title": "x"},
        "from": sender or {"id": user, "is_bot": False, "first_name": "N"},
    }
    if text is not None:
        found["text"] = text
        if text.startswith("/"):
            found["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]
    return {**found, **more}


@dataclass
class Stage:
    gate: Gate
    telegram: FakeTelegram
    tokens: FakeTokens
    desk: Desk
    time: list[datetime]

    async def receives(self, **update: Any) -> None:
        await self.gate.process_update(Update.de_json({"update_id": 1, **update}, self.gate.bot))

    async def hears(self, user: int, text: str | None, **more: Any) -> None:
        await self.receives(message=message_from(user, text, **more))

    async def press(self, user: int, data: str, *, chat: int | None = None, **more: Any) -> None:
        shown = message_from(user, "a question", chat=chat, number=500, sender=BOT)
        query = {
            "id": "q1",
            "from": {"id": user, "is_bot": False, "first_name": "N"},
            "chat_instance": "c",
            "message": shown,
            "data": data,
            **more,
        }
        await self.receives(callback_query=query)

    def signed(self, action: str, account: str = "dhan", *, user: int = ADMIN, arg: str = "", life: int = 300) -> str:
        return sign(KEY, action, account, user, NOW + timedelta(seconds=life), arg)


@asynccontextmanager
async def a_stage(audiences: dict[str, Audience] | None = None, **changes: Any):
    """Two accounts of one family, and one that only somebody else may see."""
    telegram, tokens, time = FakeTelegram(), FakeTokens(), [NOW]
    people = audiences or {"dhan": MINE, "dhan-wife": MINE, "hidden": HIDDEN}
    desk = replace(Desk(tokens, people, dict.fromkeys(people, "Dhan"), KEY, lambda: time[0]), **changes)
    builder = (
        ApplicationBuilder().application_class(Gate, {"desk": desk}).token("42:token").updater(None).job_queue(None)
    )
    gate = builder.request(telegram).get_updates_request(telegram).build()
    register(gate)
    async with gate:
        yield Stage(gate, telegram, tokens, desk, time)
