"""The person at the terminal: what they are told and asked. Every question goes through here."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Callable, Mapping

import click

from bot.questions import agrees

WIDEST = 100
Wrong = Callable[[str], str | None]
"""What is wrong with an answer; None if nothing is."""
Nearest = Callable[[str], str | None]
"""What may have been meant by a wrong answer."""


def nothing_nearer(_answer: str) -> None:
    """Nothing to guess."""


class Person:
    """Each question is asked until its answer is right. Raises click.Abort if they give up."""

    def say(self, text: str) -> None:
        for line in text.split("\n"):
            click.echo(_wrapped(line))

    def asks(
        self,
        what: str,
        wrong: Wrong,
        *,
        default: str | None = None,
        secret: bool = False,
        nearest: Nearest = nothing_nearer,
    ) -> str:
        """After a wrong answer the nearest right one is offered, where there is one."""
        while True:
            answer = self.types(what, default, secret).strip()
            fault = wrong(answer) if answer else "nothing was typed"
            if fault is None:
                return answer
            subject = f"the {what} " if fault.startswith(("is ", "has ")) else ""
            self.say(f"  once more: {subject}{fault}")
            default = nearest(answer) or default

    def types(self, what: str, default: str | None, secret: bool) -> str:
        return str(
            click.prompt(f"  {what}", default=default or "", show_default=default is not None, hide_input=secret)
        )

    def agrees(self, question: str, *, default: bool = True) -> bool:
        return agrees(question, default=default)

    def picks(self, question: str, choices: Mapping[str, str], default: str | None = None) -> str:
        """One of the choices, by number or by name; each is shown with its words."""
        self.say(f"\n{question}")
        names = list(choices)
        for number, name in enumerate(names, 1):
            self.say(f"  {number}  {choices[name]}")
        numbered = {str(number): name for number, name in enumerate(names, 1)} | {name: name for name in names}

        def wrong(answer: str) -> str | None:
            return None if answer.lower() in numbered else f"expected a number from 1 to {len(names)}"

        first = str(names.index(default) + 1) if default else None
        return numbered[self.asks("number", wrong, default=first).lower()]


def _wrapped(line: str) -> str:
    """What goes on in the next line begins where the first one's words did; addresses stay whole."""
    indent = re.sub(r"( *(?:[0-9]  )?).*", lambda found: " " * len(found[1]), line)
    width = min(shutil.get_terminal_size().columns, WIDEST)
    return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
