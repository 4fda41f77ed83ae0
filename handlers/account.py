"""/account: funds, holdings, positions and P&L, from all brokers side by side; in words, or as a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from telegram import Update

from handlers import charts, text
from handlers.access import Role
from handlers.asking import answer_of, ask_all
from handlers.context import Context, delete, pick_accounts, reply, reply_photo, show, words

CHART = "chart"
"""An account of that name is shown by `/account chart chart`, as a picture."""


async def account(update: Update, context: Context) -> None:
    draws = _takes_out(CHART, context)
    words(context, 1)
    names = pick_accounts(update, context, Role.VIEWER)
    if draws:
        await _chart(update, context, names)
    else:
        await ask_all(update, names, context.desk.tokens.portfolio, text.account)


def _takes_out(word: str, context: Context) -> bool:
    """Whether this word follows the command; what is left is an account or nothing."""
    given = context.args or []
    found = next((one for one in given if one.lower() == word), None)
    if found is not None:
        given.remove(found)
    return found is not None


async def _chart(update: Update, context: Context, names: Sequence[str]) -> None:
    charts.require()
    shown = await reply(update, text.asking(names))
    answers = await asyncio.gather(*(answer_of(context.desk.tokens.portfolio, name) for name in names))
    now = context.desk.now()
    try:
        picture = await asyncio.to_thread(charts.drawn, answers, now)
    except charts.ChartError as error:
        await show(update, shown, text.failure(error))
        return
    if picture is None:
        await show(update, shown, text.nothing_to_draw(answers))
        return
    await reply_photo(update, picture, text.chart(answers, now))
    await delete(shown)
