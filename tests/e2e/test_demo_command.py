"""`kunji demo` as a process: it shows its page to the browser there is, and goes when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

COMMAND = [sys.executable, "-m", "kunji", "demo"]


def variables(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONUNBUFFERED": "1", **more}


def test_the_demo_opens_its_page_in_the_browser_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o700)
    os.mkfifo(opened)

    with subprocess.Popen(
        COMMAND, env=variables(BROWSER=f"{browser} %s"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        printed = next(line.strip() for line in process.stdout if "http://127.0.0.1:" in line)
        shown = opened.read_text().strip()
        page = requests.get(shown, timeout=5)
        process.send_signal(signal.SIGINT)
        code = process.wait(15)
        complaints = process.stderr.read()

    assert (page.status_code, code, complaints) == (200, 0, "")
    assert shown == printed


def test_the_demo_is_either_a_page_or_a_terminal_or_a_tour() -> None:
    both = subprocess.run(
        [*COMMAND, "--terminal", "--tour"], env=variables(), capture_output=True, text=True, timeout=30, check=False
    )

    assert both.returncode == 2
    assert "either --terminal or --tour" in both.stderr


@pytest.mark.long
def test_the_demo_can_still_be_had_in_the_terminal() -> None:
    told = subprocess.run(
        [*COMMAND, "--terminal"],
        env=variables(),
        input="time +1h\nquit\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert told.returncode == 0
    assert "11:00" in told.stdout
