"""docs/troubleshooting.md goes by sentences that are really said, and by commands that really run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.house import VIEWER, House, house
from tests.messages.page import said
from tests.messages.source import GAP, strings

PAGE = (Path(__file__).parents[1] / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"^> (.+)$", PAGE, flags=re.MULTILINE)
TYPED = dict.fromkeys(
    line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()
)
SKIPPED = {
    "journalctl -u kunji -n 50": "reads the journal of a machine with the service",
    "sudo systemctl restart kunji": "restarts a service",
    "timedatectl": "looks at the machine's own clock",
    "sudo timedatectl set-ntp true": "sets the machine's own clock",
    "df -h .": "looks at the machine's own disk",
    "kunji refresh zerodha": "waits for a person in a browser; tests/e2e/test_command_line.py has one",
    "kunji addresses": "needs a public door; tests/e2e/test_browser.py has one",
    "kunji check --alive": "needs a bot that runs; tests/e2e/test_health.py has one",
}


@pytest.mark.parametrize("quote", QUOTED)
def test_what_is_quoted_is_said(quote: str) -> None:
    pattern = re.compile(".*".join(re.escape(piece) for piece in quote.split(GAP)))

    assert any(pattern.search(text) for text in (said(), *strings()))


def test_every_part_of_the_page_can_be_found_from_its_top() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    named = re.findall(r"\]\(#([\w-]+)\)", PAGE)

    assert {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings} == set(named)


def test_what_is_skipped_is_on_the_page() -> None:
    assert set(SKIPPED) <= set(TYPED)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    """One account with a token; programs read it by this machine's own time."""
    with house(tmp_path, at=None) as made:
        made.auto()
        made.sandbox.telegram.open_chat(VIEWER)
        made.run("refresh", "dhan")
        yield made


@pytest.mark.long
def test_every_other_command_runs(home: House) -> None:
    for command in TYPED:
        if command not in SKIPPED:
            home.sandbox.clock.advance(180)  # Dhan grants one login in two minutes
            ended = home.run(*command.split()[1:])
            assert ended.returncode == 0, (command, ended.stdout, ended.stderr)
