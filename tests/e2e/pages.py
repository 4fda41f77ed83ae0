"""The commands the docs tell a person to type, in the order of the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/running.md", "docs/security.md", "docs/brokers.md")
BLOCK = re.compile(r"^ *```(?P<language>\w*)\n(?P<inside>.*?)^ *```$", re.MULTILINE | re.DOTALL)
NO_COMMANDS = {"json", "nginx", "python", "text", "yaml"}
SPAN = re.compile(r"`([^`]+)`")
PROGRAMS = "kunji|pip|python3|apt|chmod|curl|docker|eval|journalctl|loginctl|ssh|sudo|systemctl|systemd-analyze|[.]"
COMMAND = re.compile(rf"({PROGRAMS}) .+|timedatectl")
PROMPT = "$ "


class Told(NamedTuple):
    """A command as it stands on a page."""

    page: str
    command: str
    printed: str = ""
    """What the page shows below it."""
    in_a_block: bool = True


def told() -> list[Told]:
    """Every line of a block; of those named within sentences each that was not there before."""
    found: list[Told] = []
    for one in (one for page in PAGES for one in _on(page)):
        if one.in_a_block or one.command not in {before.command for before in found}:
            found.append(one)
    return found


def _on(page: str) -> Iterator[Told]:
    text, begin = (ROOT / page).read_text(encoding="utf-8"), 0
    for block in BLOCK.finditer(text):
        yield from _spoken(page, text[begin : block.start()])
        if block["language"] not in NO_COMMANDS:
            yield from _typed(page, block)
        begin = block.end()
    yield from _spoken(page, text[begin:])


def _spoken(page: str, text: str) -> Iterator[Told]:
    spans = (" ".join(span.split()) for span in SPAN.findall(text))
    yield from (Told(page, span, in_a_block=False) for span in spans if COMMAND.fullmatch(span))


def _typed(page: str, block: re.Match[str]) -> Iterator[Told]:
    """In a block of `console` only what stands behind a prompt is typed; the rest is what it prints."""
    lines = [line.strip() for line in block["inside"].splitlines()]
    if block["language"] != "console":
        yield from (Told(page, line) for line in lines)
        return
    for typed in "\n".join(lines).removeprefix(PROMPT).split(f"\n{PROMPT}"):
        command, _, printed = typed.partition("\n")
        yield Told(page, command, printed)
