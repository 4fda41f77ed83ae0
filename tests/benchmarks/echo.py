"""The bare echo bot that ours is compared with: the same library as its documentation shows it, and nothing else.

With a file it says, instead of what it heard, the text and the buttons in that file.

    python -m tests.benchmarks.echo URL TOKEN [FILE]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from telegram import InlineKeyboardMarkup, Update
from telegram.ext import ApplicationBuilder, MessageHandler, filters


async def echo(update: Update, _: Any) -> None:
    if update.message:
        await update.message.reply_text(update.message.text or "")


def saying(text: str, reply_markup: dict[str, Any]) -> Any:
    async def say(update: Update, _: Any) -> None:
        if update.message:
            buttons = InlineKeyboardMarkup.de_json(reply_markup, None)
            await update.message.reply_text(text, parse_mode="HTML", reply_markup=buttons)

    return say


def main(url: str, token: str, file: str | None = None) -> None:
    application = ApplicationBuilder().token(token).base_url(f"{url}/bot").build()
    answer = saying(**json.loads(Path(file).read_text())) if file else echo
    application.add_handler(MessageHandler(filters.TEXT, answer))
    application.run_polling()


if __name__ == "__main__":
    main(*sys.argv[1:])
