"""The command of an account runs once for every new token, knows the token from its environment, and harms nobody."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.handoff.on_refresh import OUTPUT_LIMIT, Hooks
from bot.store import Alert, HeldToken
from tests.fakes import FakeClock, MemoryStore
from tests.unit.handoff.programs import is_running
from tests.unit.store.samples import NOW, held
from tests.waiting import eventually

NOTES = "echo $DHAN_ACCESS_TOKEN >> ran"


@dataclass
class Desk:
    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW + timedelta(hours=1)))
    told: list[Alert] = field(default_factory=list)
    learned: list[str] = field(default_factory=list)

    def hooks(self, *command: str, time_limit: float = 20, host: str = "") -> Hooks:
        return Hooks(
            {"dhan": command},
            self.store,
            self.clock.now,
            tell=self.told.append,
            learned=lambda secret: self.learned.append(secret.reveal()),
            environment={"PATH": "/usr/bin:/bin", "MINE": "1"},
            folder=self.folder,
            host=host,
            time_limit=time_limit,
            sleep=self.clock.go,
        )

    def ran(self) -> list[str]:
        path = self.folder / "ran"
        return path.read_text().splitlines() if path.exists() else []

    def fails(self, *command: str, time_limit: float = 20) -> str:
        """What the admin is told of a hook that does not succeed."""
        self.store.save("dhan", held("token-one"))
        settled(self.hooks(*command, time_limit=time_limit))
        [alert] = self.told
        assert (alert.kind, alert.account) == ("hook_failed", "dhan")
        return str(alert.facts["why"])


def nth(value: str, number: int) -> HeldToken:
    """A token of its own time."""
    made = held(value)
    return replace(made, token=replace(made.token, issued_at=NOW + timedelta(minutes=number)))


def settled(hooks: Hooks) -> None:
    hooks.look_at_all()
    eventually(lambda: not hooks.busy, "it does not end")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Desk]:
    return Desk(tmp_path)


def test_it_runs_once_for_each_token_also_over_restarts(here: Desk) -> None:
    here.store.save("dhan", nth("token-one", 1))
    settled(here.hooks("sh", "-c", NOTES))
    settled(here.hooks("sh", "-c", NOTES))

    here.store.save("dhan", nth("token-two", 2))
    settled(here.hooks("sh", "-c", NOTES))

    assert here.ran() == ["token-one", "token-two"]
    assert here.told == []


def test_it_runs_once_on_each_host_that_has_one(here: Desk) -> None:
    here.store.save("dhan", nth("token-one", 1))

    for host in ("one", "two", "one", "two"):
        settled(here.hooks("sh", "-c", f"{NOTES}-{host}", host=host))

    assert sorted(path.name for path in here.folder.iterdir()) == ["ran-one", "ran-two"]
    assert all(len(path.read_text().splitlines()) == 1 for path in here.folder.iterdir())


def test_a_token_that_is_proved_after_it_was_saved_is_not_a_second_one(here: Desk) -> None:
    hooks = here.hooks("sh", "-c", NOTES)
    here.store.save("dhan", replace(held("token-one"), proven=False))
    settled(hooks)

    here.store.save("dhan", held("token-one"))
    settled(hooks)

    assert here.ran() == ["token-one"]


def test_it_waits_until_the_refresh_has_proved_the_token(here: Desk) -> None:
    hooks = here.hooks("sh", "-c", NOTES)
    with here.store.lock("dhan", 1):
        here.store.save("dhan", nth("another-clients", 2))
        hooks.touched("dhan")
        here.store.save("dhan", nth("token-one", 1))

    eventually(lambda: not hooks.busy, "it does not end")

    assert here.ran() == ["token-one"]


def test_it_does_not_run_for_a_token_that_is_dead(here: Desk) -> None:
    here.store.save("dhan", held("token-one", rejected_at=NOW))
    settled(here.hooks("sh", "-c", NOTES))
    here.store.delete("dhan")
    settled(here.hooks("sh", "-c", NOTES))

    assert here.ran() == []


def test_tokens_that_come_while_it_runs_are_one_more_run_with_the_newest(here: Desk) -> None:
    hooks = here.hooks("sh", "-c", NOTES + "; while [ ! -f go ]; do sleep 0.01; done")
    here.store.save("dhan", nth("token-one", 1))
    hooks.touched("dhan")
    eventually(lambda: here.ran() == ["token-one"], "it does not run")

    for number, value in enumerate(("token-two", "token-three", "token-four"), 2):
        here.store.save("dhan", nth(value, number))
        hooks.touched("dhan")
    (here.folder / "go").touch()

    eventually(lambda: not hooks.busy, "it does not end")
    assert here.ran() == ["token-one", "token-four"]


def test_tokens_that_change_places_again_and_again_are_one_run_in_ten_seconds(here: Desk) -> None:
    hooks = here.hooks("sh", "-c", NOTES)
    began = here.clock.now()

    for number in range(10):
        here.store.save("dhan", nth(f"token-{number % 2}", number % 2))
        settled(hooks)

    assert here.ran() == [f"token-{number % 2}" for number in range(10)]
    assert here.clock.now() - began == 9 * timedelta(seconds=10)


def test_the_values_are_in_its_environment_and_it_runs_in_the_config_folder(here: Desk) -> None:
    here.store.save("dhan", held("token-one"))

    settled(here.hooks("sh", "-c", "env > given; pwd > where; cat > asked"))

    given = (here.folder / "given").read_text()
    assert "DHAN_ACCESS_TOKEN=token-one\n" in given
    assert "MINE=1\n" in given
    assert (here.folder / "where").read_text() == f"{here.folder}\n"
    assert (here.folder / "asked").read_text() == ""
    assert here.learned == ["token-one"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("sh", "-c", "exit 3"), "ended with exit code 3"),
        (("sh", "-c", "kill -9 $$"), "was ended by signal 9"),
        (("no-such-command",), "could not be started: there is no such command"),
        (("/etc/passwd",), "could not be started: permission denied"),
    ],
)
def test_a_failure_is_told_with_what_happened(here: Desk, command: tuple[str, ...], why: str) -> None:
    assert here.fails(*command) == why


def test_one_that_does_not_end_is_ended_with_all_that_it_started(here: Desk) -> None:
    why = here.fails("sh", "-c", "sleep 60 & echo $! > worker; wait", time_limit=1)

    assert why == "did not end within 1 s and was ended"
    worker = int((here.folder / "worker").read_text())
    eventually(lambda: not is_running(worker), "what it started goes on")


def test_what_it_says_goes_to_the_log_line_by_line(here: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    here.store.save("dhan", held("token-one"))

    settled(here.hooks("sh", "-c", "echo out; echo err >&2"))

    said = [record.getMessage() for record in caplog.records]
    assert said == ["dhan: the hook begins", "dhan: hook: out", "dhan: hook: err", "dhan: the hook is done"]


def test_much_that_it_says_is_cut_at_the_end_of_a_line(here: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    here.store.save("dhan", held("token-one"))
    line = "a" * 8000

    settled(here.hooks("sh", "-c", f"for n in 1 2 3 4 5 6 7 8 9; do echo {line}; done; echo {line} >&2"))

    said = [record.getMessage().removeprefix("dhan: hook: ") for record in caplog.records][1:-1]
    assert said == [*[line] * (OUTPUT_LIMIT // 8001), "(the rest is left out)"]


def test_what_it_leaves_running_holds_up_nobody(here: Desk) -> None:
    here.store.save("dhan", held("token-one"))

    settled(here.hooks("sh", "-c", f"(while [ ! -f go ]; do sleep 0.02; done) & {NOTES}"))

    assert here.ran() == ["token-one"]
    assert here.told == []
    (here.folder / "go").touch()


def test_a_store_that_takes_no_writes_makes_it_wait(here: Desk) -> None:
    here.store.save("dhan", held("token-one"))
    hooks = here.hooks("sh", "-c", NOTES)
    here.store.refuses_writes = True
    settled(hooks)
    before = here.ran()

    here.store.refuses_writes = False
    settled(hooks)

    assert (before, here.ran()) == ([], ["token-one"])
