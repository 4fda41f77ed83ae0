"""What is remembered of the config's files, where each of several hosts has its own."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from bot.store import BotNote
from bot.works import Works
from tests.fakes import MemoryStore


class Interrupted(MemoryStore):
    """Between a look at the bot's note and what follows from it, somebody else does something, once."""

    meanwhile: Callable[[], object] | None = None

    def bot_note(self) -> BotNote:
        note, meanwhile, self.meanwhile = super().bot_note(), self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return note


def test_two_hosts_that_start_at_once_both_notice_the_next_change() -> None:
    file, store = SimpleNamespace(name="dhan_config.json", digest=b"before"), Interrupted()
    here: Any = SimpleNamespace(config=SimpleNamespace(files=[file]), store=store, salt=b"salt")
    store.meanwhile = lambda: Works.remember_files(here, " at two")
    Works.remember_files(here, " at one")

    file.digest = b"after"

    assert Works.remember_files(here, " at one") == [file.name]
    assert Works.remember_files(here, " at two") == [file.name]
