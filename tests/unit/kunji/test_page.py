"""The examples of docs/handoff.md run as they stand there, but for the network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.kunji.official import DHANHQ, KITECONNECT, run, save_accounts

_ROOT = Path(__file__).parents[3]
_PAGE = (_ROOT / "docs" / "handoff.md").read_text(encoding="utf-8")
_RUN = ("Command line\n", "Python\n", "Official clients\n")
"""The sections whose examples need nothing but the store."""
_COMMANDS = f"""
kunji() {{ '{sys.executable}' -m kunji "$@"; }}
curl() {{ cat; }}
pip() {{ :; }}
"""


def blocks(language: str) -> list[str]:
    ours = "".join(section for section in _PAGE.split("\n## ") if section.startswith(_RUN))
    return re.findall(rf"^```{language}\n(.*?)^```", ours, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_accounts(tmp_path)
    return tmp_path


@pytest.mark.parametrize("script", blocks("python"))
def test_an_example_in_python_runs(folder: Path, script: str) -> None:
    ended = run(folder, {"kiteconnect": KITECONNECT, "dhanhq": DHANHQ}, script)

    assert ended.code == 0, ended.err
    assert "-token" not in ended.out


@pytest.mark.parametrize("script", blocks("sh"))
def test_an_example_for_the_shell_runs(folder: Path, script: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-ec", _COMMANDS + script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_every_question_a_reader_answers_is_on_the_page() -> None:
    from kunji import Reader

    asked = {name for name in vars(Reader) if not name.startswith("_")}

    assert asked <= set(re.findall(r"`(\w+)(?:\(\w*\))?`", _PAGE))


def test_every_error_has_its_place_on_the_page_or_in_another() -> None:
    import kunji

    assert {"NoLiveToken", "UnknownAccount", "ClientMissing"} <= set(kunji.__all__) & set(re.findall(r"`(\w+)`", _PAGE))
