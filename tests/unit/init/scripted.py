"""A person who has all answers ready, and a draft to give them to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from bot.init import Person
from bot.init._draft import Draft

ANSWERS = {
    "dhan": {"client id": "1000000001", "PIN": "012345", "API key": "a1b2c3d4", "API secret": "e5f6a7b8-c9d0"},
    "zerodha": {
        "client id": "ab1234",
        "API key": "samplekey0000001",
        "API secret": "samplesecret000000000001",
        "password": "correct horse",
        "redirect URL": "http://127.0.0.1:8723/kite",
    },
    "angelone": {"client id": "T100042", "API key": "angel-key", "PIN": "0123"},
    "kotak": {"client id": "ZT4K9", "consumer key": "neo-key", "mobile number": "+919000000042", "MPIN": "012345"},
}
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Scripted(Person):
    """Gives each answer once, then the same again; gives up where there is none. An empty one takes what is offered."""

    def __init__(self, answers: Mapping[str, str | list[str]], *, agrees: bool = True) -> None:
        self.answers = {what: [given] if isinstance(given, str) else list(given) for what, given in answers.items()}
        self.ready = agrees
        self.said: list[str] = []
        self.asked: list[tuple[str, bool]] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def types(self, what: str, default: str | None, secret: bool) -> str:
        self.asked.append((what, secret))
        ready = self.answers.get(what)
        if not ready:
            if default is None:
                raise click.Abort
            return default
        answer = ready.pop(0) if len(ready) > 1 else ready[0]
        return answer or default or ""

    def agrees(self, question: str, *, default: bool = True) -> bool:
        self.said.append(question)
        return self.ready

    @property
    def words(self) -> str:
        return "\n".join(self.said)


def answers_for(broker: str, **more: str | list[str]) -> dict[str, str | list[str]]:
    return {"number": [broker, "1"], "TOTP secret": SECRET, **ANSWERS[broker], **more}


def draft_in(folder: Path) -> Draft:
    return Draft(folder, key=lambda: b"k" * 32)
