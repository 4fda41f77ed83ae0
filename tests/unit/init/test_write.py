"""The files are written whole, for their owner, and never over others."""

from __future__ import annotations

import json
import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bot.init._draft import Draft
from bot.init._write import NotWritten, write
from brokers import KunjiError
from tests.unit.config.files import AUTO, BOT_TOKEN
from tests.unit.init.scripted import draft_in


def filled(folder: Path) -> Draft:
    draft = draft_in(folder)
    draft.name = "dhan"
    draft.account = {"broker": "dhan", "login": "auto"} | {
        key: AUTO[key] for key in ("client_id", "pin", "totp_secret")
    }
    draft.bot = {"telegram_bot_token": BOT_TOKEN, "telegram_chat_id": 5001}
    return draft


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_made_and_everything_in_it_is_its_owners_alone(folder: Path) -> None:
    inside = folder / "deeper" / "down"

    written = write(filled(inside), [7], sealed=False)

    assert names(inside) == ["bot_config.json", "dhan_config.json"]
    assert stat.S_IMODE(inside.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in inside.iterdir()} == {0o600}
    assert (written.account, written.windows) == ("dhan", (7,))
    assert written.files[-1] == "dhan_config.json"
    assert json.loads((inside / "dhan_config.json").read_text())["pin"] == AUTO["pin"]


def test_sealed_no_file_holds_what_was_typed(folder: Path) -> None:
    write(filled(folder), [], sealed=True)

    content = "".join(path.read_text() for path in folder.glob("*.json"))
    assert not any(str(secret) in content for secret in (AUTO["pin"], AUTO["totp_secret"], BOT_TOKEN))
    assert str(AUTO["client_id"]) in content


def test_a_file_that_came_into_being_meanwhile_stays_and_nothing_is_added(folder: Path) -> None:
    draft = filled(folder)
    (folder / "dhan_config.json").write_text("somebody else's")

    with pytest.raises(NotWritten, match="meanwhile"):
        write(draft, [], sealed=False)

    assert names(folder) == ["dhan_config.json"]
    assert (folder / "dhan_config.json").read_text() == "somebody else's"


@pytest.mark.long
def test_killed_at_any_moment_no_file_is_half(folder: Path) -> None:
    chance = random.Random(7)
    for attempt in range(5):
        begun = folder / str(attempt)
        command = [sys.executable, "-c", f"from {__name__} import keep_writing; keep_writing({str(begun)!r})"]
        path = os.pathsep.join(path for path in sys.path if path)
        with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randrange(1, 40)):
                writer.stdout.readline()
            writer.kill()

        made = list(begun.iterdir())
        assert made
        for one in made:
            there = [json.loads(file.read_text()) for file in one.glob("*_config.json")]
            assert all(there)


def keep_writing(folder: str) -> None:
    for number in range(10_000):
        write(filled(Path(folder, str(number))), [], sealed=False)
        print(number, flush=True)


def test_a_folder_that_cannot_be_made_is_told(folder: Path) -> None:
    (folder / "file").write_text("")

    with pytest.raises(KunjiError, match="cannot be made"):
        write(filled(folder / "file"), [], sealed=False)
