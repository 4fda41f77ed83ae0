"""Asking brokers for many accounts, side by side: what has come is shown while the rest is awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from telegram import Update

from brokers import KunjiError
from handlers import text
from handlers.context import reply, show

T = TypeVar("T")

SHOWN_AFTER = 3.0
"""Seconds; then what is there is shown, and the rest follows as it comes."""


async def ask_all(
    update: Update,
    names: Sequence[str],
    ask: Callable[[str], Awaitable[T]],
    say: Callable[[Sequence[text.Answer[T]], Sequence[str]], str],
) -> None:
    """`say` makes a text of what has come, in the order asked for, and of the accounts still awaited."""

    def so_far() -> str:
        came = [task.result() for task in asked.values() if task.done()]
        return say(came, [name for name, task in asked.items() if not task.done()])

    shown = await reply(update, text.asking(names))
    asked = {name: asyncio.create_task(answer_of(ask, name)) for name in names}
    while waiting := [task for task in asked.values() if not task.done()]:
        done, _ = await asyncio.wait(waiting, timeout=SHOWN_AFTER)
        if done and len(done) < len(waiting) and len(text.split(so_far())) == 1:
            shown = await show(update, shown, so_far())
    await show(update, shown, so_far())


async def answer_of(ask: Callable[[str], Awaitable[T]], name: str) -> text.Answer[T]:
    """What is answered; a failure becomes one of the answers."""
    try:
        return await ask(name)
    except KunjiError as error:
        return name, error
