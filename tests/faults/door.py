"""The real gate and handlers, before tokens that would tell everything; and what is seen of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from brokers import Consent, Funds
from handlers.tokens import Portfolio
from tests.faults.access import ASKED_AGAIN, KNOCK, OBEYED, OURS, PRESSED_LONG_AGO, SILENCE, Row
from tests.faults.arrivals import OLD_GROUP, SUPERGROUP, Sender
from tests.unit.handlers.stage import ADMIN, HIDDEN, FakeTokens, Stage, a_stage

LINK, FIGURE, CODE = "https://broker.test/login/1", "98,765.43", "123456"


class Overheard:
    """Passes every question on to the tokens and notes which they were."""

    def __init__(self, tokens: FakeTokens) -> None:
        self.tokens = tokens
        self.questions_heard: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        ask = getattr(self.tokens, name)

        async def noted(*args: Any, **more: Any) -> Any:
            self.questions_heard.append((name, *args))
            return await ask(*args, **more)

        return noted

    def names(self) -> set[str]:
        return {question[0] for question in self.questions_heard}


OF_THE_GATE = {"locked", "knock", "spend"}
"""What may be asked about somebody who is not obeyed."""


@dataclass
class Door:
    """A bot whose tokens would tell everything; one of its groups has become a supergroup."""

    stage: Stage
    heard: Overheard

    def forget(self) -> None:
        self.stage.telegram.sent.clear()
        self.heard.questions_heard.clear()

    def outcome(self, row: Row) -> str:
        """In a word what came of it."""
        asked, said = self.heard.names(), self.stage.telegram.texts()
        if row.asks in asked or (row.says and any(row.says in one for one in said)):
            return OBEYED
        if asked - OF_THE_GATE:
            return f"asked for {asked - OF_THE_GATE}"
        if not said:
            done = [name for name, _ in self.stage.telegram.sent if name != "leaveChat"]
            return f"did {done}" if done else KNOCK if "knock" in asked else SILENCE
        for begins, outcome in (("You sent ", ASKED_AGAIN), ("You pressed a button", PRESSED_LONG_AGO)):
            if said[0].startswith(begins):
                return outcome
        return said[0]

    def out_of_place(self, sender: Sender) -> list[Any]:
        """What was sent to another chat, or is not for the one it was sent to."""
        hidden = {"admin": (), "viewer": (LINK, CODE), "nobody": (LINK, CODE, FIGURE)}[sender.standing]
        if sender.kind != "private":
            hidden = (LINK, CODE, FIGURE)
        return [
            given
            for _, given in self.stage.telegram.sent
            if given.get("chat_id", str(sender.chat)) != str(sender.chat) or any(mark in str(given) for mark in hidden)
        ]

    @contextmanager
    def locked(self, is_locked: bool) -> Iterator[None]:
        self.heard.tokens.is_locked = is_locked
        yield
        self.heard.tokens.is_locked = False
        self.forget()


@asynccontextmanager
async def a_door() -> AsyncIterator[Door]:
    figures = Portfolio("dhan", "Dhan", Funds(Decimal("98765.43"), None, None), [], [])
    tokens = FakeTokens(outcome=Consent(LINK, "the address you land on"), figures={"dhan": figures})
    heard = Overheard(tokens)
    async with a_stage({"dhan": OURS, "hidden": HIDDEN}, tokens=heard) as stage:
        await stage.hears(ADMIN, None, chat=OLD_GROUP, migrate_to_chat_id=SUPERGROUP)
        await stage.hears(ADMIN, None, chat=SUPERGROUP, migrate_from_chat_id=OLD_GROUP)
        door = Door(stage, heard)
        door.forget()
        yield door
