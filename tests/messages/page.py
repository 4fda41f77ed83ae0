"""The page docs/messages.md, from the occasions and from the source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import unescape
from itertools import groupby

from tests.messages import alerts, answers, refusals
from tests.messages.occasion import Occasion
from tests.messages.source import ROOT, Raised, raised

PAGE = ROOT / "docs" / "messages.md"
HEAD = """# What the bot says

This page is made from the code by `python -m tests.messages`; do not change it by hand. Each sentence of the chat is
shown as it is said on a Friday at 08:45, with made-up accounts and figures; ⟨…⟩ are its buttons. [What to do when
something is wrong](troubleshooting.md) goes by these sentences.
"""
CHAT: dict[str, Sequence[Occasion]] = {
    "`/start` and `/help`": answers.START,
    "`/status` and `/history`": answers.STATUS,
    "`/refresh`": answers.REFRESH,
    "What is asked, and other commands": answers.ASKED,
    "`/account` and `/orders`": answers.FIGURES,
    "Before a token expires, and after": alerts.WARNINGS,
    "Refreshes by themselves, and what keeps them from it": alerts.REFRESHES,
    "Before the market opens": alerts.MORNING,
    "Orders": alerts.ORDERS,
    "The bot itself": alerts.OF_THE_BOT,
    "What is not obeyed, and why": refusals.REFUSALS,
    "What a failure looks like": refusals.FAILURES,
    "Over the chat, for a moment": refusals.TOASTS,
    "On the page that a login comes back to": refusals.PAGES,
}
ERRORS = """## Errors

Where one of these is said in the chat, it stands behind ❌ and the account's name, and what follows the arrow below
it. On the command line it stands behind `kunji:`, or behind the file and the key. … is put in when it is said.
"""


def page() -> str:
    return "\n".join([HEAD, *_chat(), *_buttons(), ERRORS, *_errors(raised())])


@cache
def said() -> str:
    """All that is said in the chat, without markup."""
    shown = [one.says for found in CHAT.values() for one in found] + [one.says for one in refusals.BUTTONS_SAY]
    labels = [label for found in CHAT.values() for one in found for label in one.buttons]
    return "\n".join(unescape(re.sub(r"<[^<>]*>", "", html)) for html in [*shown, *labels])


def _chat() -> Iterator[str]:
    for heading, found in CHAT.items():
        yield f"## {heading}\n"
        for one in found:
            yield f"{one.when}:\n\n{_quoted(one)}\n"


def _quoted(one: Occasion) -> str:
    lines = [line for line, _ in groupby(_markdown(one.says).split("\n"))]  # one that repeats itself is shown once
    buttons = " ".join(f"⟨{label}⟩" for label in one.buttons)
    return "\n".join(f"> {line}" if line else ">" for line in _with_breaks(lines + ([buttons] if buttons else [])))


def _with_breaks(lines: list[str]) -> list[str]:
    followed = zip(lines, [*lines[1:], ""], strict=True)
    return [f"{line}\\" if line and after else line for line, after in followed]


def _markdown(html: str) -> str:
    html = re.sub(r"<code>(.*?)</code>", lambda found: f"`{unescape(found[1])}`", html)
    html = re.sub(r"</?b>", "**", html)
    html = re.sub(r"</?i>", "*", html)
    return re.sub(r"</?(?:blockquote|tg-spoiler)[^<>]*>", "", html)


def _buttons() -> Iterator[str]:
    yield "## Buttons\n"
    for label, found in groupby(refusals.BUTTONS_SAY, lambda one: one.says):
        yield f"* ⟨{label}⟩, for {', '.join(one.when for one in found)}"
    yield ""


def _errors(found: Sequence[Raised]) -> Iterator[str]:
    for place, some in groupby(found, lambda one: one.place):
        yield f"### `{place}`\n"
        for one in some:
            yield f"* {_literal(one.says)}" + (f" → {_literal(one.hint)}" if one.hint else "")
        yield ""


def _literal(text: str) -> str:
    return re.sub(r"([<*`])", r"\\\1", text.strip().replace("\n", " "))
