"""The file of an account holds the live values, or none; it is whole, and its owner's alone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.handoff.sinks import Sinks
from bot.store import Alert
from tests.fakes import FakeClock, MemoryStore
from tests.unit.store.samples import NOW, held
from tests.waiting import eventually

NONE = "# dhan: there is no live token\n"


@dataclass
class Desk:
    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    told: list[Alert] = field(default_factory=list)

    def sinks(self, name: str = "dhan.env") -> Sinks:
        return Sinks({"dhan": self.folder / name}, self.store, self.clock.now, self.told.append)

    def awaits(self, text: str, name: str = "dhan.env") -> None:
        path = self.folder / name
        eventually(lambda: path.exists() and path.read_text() == text, f"{name} does not hold {text!r}")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Desk]:
    return Desk(tmp_path)


def dotenv(value: str) -> str:
    return f"# dhan: good until 2026-01-06T04:45:00+05:30\nDHAN_ACCESS_TOKEN={value}\n"


def test_it_follows_the_token(here: Desk) -> None:
    sinks = here.sinks()
    sinks.look_at_all()
    here.awaits(NONE)

    for value in ("token-one", "token-two"):
        here.store.save("dhan", held(value))
        sinks.touched("dhan")
        here.awaits(dotenv(value))

    assert [path.name for path in here.folder.iterdir()] == ["dhan.env"]
    assert stat.S_IMODE((here.folder / "dhan.env").stat().st_mode) == 0o600


def test_a_token_that_is_dead_is_in_it_no_longer(here: Desk) -> None:
    sinks = here.sinks()
    here.store.save("dhan", held("token-one"))
    sinks.look_at_all()
    here.awaits(dotenv("token-one"))

    here.store.save("dhan", held("token-one", rejected_at=datetime(2026, 1, 5, 4, tzinfo=UTC)))
    sinks.touched("dhan")
    here.awaits(NONE)
    here.store.save("dhan", held("token-two"))
    sinks.touched("dhan")
    here.awaits(dotenv("token-two"))
    here.clock.go(timedelta(hours=20).total_seconds())
    sinks.look_at_all()
    here.awaits(NONE)


def test_a_name_in_json_makes_an_object(here: Desk) -> None:
    sinks = here.sinks("dhan.json")
    sinks.look_at_all()
    here.awaits("{}\n", "dhan.json")

    here.store.save("dhan", held("token-one"))
    sinks.touched("dhan")

    path = here.folder / "dhan.json"
    eventually(lambda: json.loads(path.read_text()) == {"DHAN_ACCESS_TOKEN": "token-one"}, "not kept current")


def test_a_link_in_its_place_is_replaced_and_what_it_points_to_left_alone(here: Desk) -> None:
    other, link = here.folder / "other", here.folder / "dhan.env"
    other.write_text("somebody's")
    link.symlink_to(other)
    here.store.save("dhan", held("token-one"))

    here.sinks().look_at_all()

    here.awaits(dotenv("token-one"))
    assert not link.is_symlink()
    assert other.read_text() == "somebody's"


def test_a_file_that_others_can_read_is_made_private(here: Desk) -> None:
    path = here.folder / "dhan.env"
    path.write_text(NONE)
    path.chmod(0o644)

    here.sinks().look_at_all()

    eventually(lambda: stat.S_IMODE(path.stat().st_mode) == 0o600, "others can read it")


def test_what_cannot_be_written_is_told_once_for_a_token_and_tried_again(here: Desk) -> None:
    sinks, folder = here.sinks("out/dhan.env"), here.folder / "out"
    here.store.save("dhan", held("token-one"))
    for _ in range(3):
        sinks.look_at_all()
        eventually(lambda: len(here.told) == 1 and not sinks.busy, "it is not told, or not once")

    folder.mkdir()
    sinks.look_at_all()

    here.awaits(dotenv("token-one"), "out/dhan.env")
    [alert] = here.told
    assert (alert.kind, alert.account) == ("sink_failed", "dhan")
    assert "no such file or directory" in str(alert.facts["reason"])
    assert "token-one" not in str(alert)


def test_a_token_that_is_dead_does_not_stay_where_the_new_one_cannot_be_written(here: Desk) -> None:
    sinks, path = here.sinks(), here.folder / "dhan.env"
    here.store.save("dhan", held("token-one"))
    sinks.look_at_all()
    here.awaits(dotenv("token-one"))

    (here.folder / f"dhan.env.{os.getpid()}.new").mkdir()  # in its way
    here.store.save("dhan", held("token-two"))
    sinks.touched("dhan")

    eventually(lambda: len(here.told) == 1, "it is not told")
    assert not path.exists()


def test_a_folder_where_everybody_may_replace_the_file_is_not_used(here: Desk) -> None:
    sinks, folder = here.sinks("out/dhan.env"), here.folder / "out"
    folder.mkdir()
    folder.chmod(0o777)
    here.store.save("dhan", held("token-one"))

    sinks.look_at_all()
    eventually(lambda: len(here.told) == 1 and not sinks.busy, "it is not told")

    assert list(folder.iterdir()) == []
    assert "everybody may write" in str(here.told[0].facts["reason"])
    folder.chmod(0o1777)
    sinks.look_at_all()
    here.awaits(dotenv("token-one"), "out/dhan.env")


def test_what_a_killed_bot_left_half_written_beside_it_is_taken_away(here: Desk) -> None:
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    stale = here.folder / f"dhan.env.{dead.pid}.new"
    others = [here.folder / name for name in (f"dhan.env.{os.getppid()}.new", "dhan.env.backup.new", "dhan.env.new")]
    for path in (stale, *others):
        path.write_text("half a tok")

    here.sinks().look_at_all()

    here.awaits(NONE)
    assert not stale.exists()
    assert all(path.exists() for path in others)
