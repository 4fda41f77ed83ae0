"""The order updates are worked on in: one user's one after another, different users' side by side."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, cast

from telegram.ext import BaseUpdateProcessor

AT_ONCE = 64
PATIENCE = 5.0

ALL = 1_000_000
"""For the library's own limit, which would count those who only wait for their turn."""


_turn_of_this_task: ContextVar[asyncio.Event | None] = ContextVar("turn", default=None)


async def _always() -> bool:
    return True


def answered() -> None:
    """The user whose command this task works on has got a first answer: the next command may begin."""
    if turn := _turn_of_this_task.get():
        turn.set()


class PerUserOrder(BaseUpdateProcessor):
    """First come, first answered, for each user.

    A command's turn ends with its first answer ("logging in …"), not when all is done: somebody whose broker hangs must
    be able to ask for the status. One that says nothing for `patience` seconds holds up what is behind it no longer.
    The turn is awaited before a slot is taken, so that a hanging command holds one slot, however much is behind it.
    """

    def __init__(
        self, at_once: int = AT_ONCE, patience: float = PATIENCE, *, may_begin: Callable[[], Awaitable[bool]] = _always
    ) -> None:
        """`may_begin` is asked for each before it begins; one that may not is dropped."""
        super().__init__(max_concurrent_updates=ALL)
        self._slots = asyncio.Semaphore(at_once)
        self._patience = patience
        self._may_begin = may_begin
        self._newest: dict[int, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def users(self) -> int:
        """How many users have something running or waiting; nothing is kept of the others."""
        return len(self._newest)

    async def initialize(self) -> None:
        """Nothing to do."""

    async def shutdown(self) -> None:
        """Cancel what still runs or waits."""
        for task in self._tasks:
            task.cancel()

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._tasks.add(task)
        try:
            async with self._turn(sender(update)), self._slots:
                if await self._may_begin():
                    await coroutine
        finally:
            self._tasks.discard(task)
            if isinstance(coroutine, Coroutine):
                coroutine.close()  # one that never began, and Python would complain of that

    @contextlib.asynccontextmanager
    async def _turn(self, user: int | None) -> AsyncIterator[None]:
        if user is None:
            yield
            return
        before = self._newest.get(user)
        mine = self._newest[user] = asyncio.Event()
        try:
            if before:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(before.wait(), self._patience)
            _turn_of_this_task.set(mine)
            yield
        finally:
            mine.set()
            if self._newest.get(user) is mine:
                del self._newest[user]


def sender(update: object) -> int | None:
    """Whose update it is: the user's, else the chat's. None: nobody's, and in no order."""
    for name in ("effective_user", "effective_chat"):
        who = getattr(update, name, None)
        if who is not None:
            return cast("int", who.id)
    return None
