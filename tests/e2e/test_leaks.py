"""Every secret is marked, everything is done and everything fails at the most talkative log level; then it is searched
for wherever somebody else could read."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from tests.e2e.house import ADMIN, API, CLIENT, MONDAY, PIN, SECRET, STRANGER, WIFE, WIFE_SECRET, House, house

REACTIONS = (
    "generate_access_token_error_invalid_pin",
    "generate_access_token_error_invalid_totp",
    "generate_access_token_error_rate_limited",
    "error_dh908_internal_inferred",
    "error_dh904_rate_limit",
)


def seen_by_others(home: House) -> Iterator[tuple[str, str]]:
    """Where, and what stands there."""
    yield "log", home.log.read_text()
    for event in home.sandbox.telegram.events():
        if event.what in ("sent", "edited", "answered"):
            yield f"chat {event.chat}", event.text + " ".join(label for row in event.buttons for label in row)
    for path in (home.folder / ".kunji").rglob("*"):
        if path.is_file() and path.name != "kunji.key":
            yield str(path.relative_to(home.folder)), path.read_bytes().decode("latin-1")
    for path in home.folder.iterdir():
        if path.is_file() and not path.name.endswith("_config.json"):
            yield path.name, path.read_bytes().decode("latin-1")


def command_lines() -> Iterator[tuple[str, str]]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield str(path), path.read_bytes().decode("latin-1")
        except OSError:
            continue  # it ended meanwhile


def forms(secret: str) -> set[str]:
    """How a secret may stand somewhere: as it is, quoted for an address, in base64, in a repr."""
    plain = {secret, quote(secret, safe=""), repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    return plain | {base64.b64encode(secret.encode()).decode().rstrip("=")}


def everything_happens(home: House) -> set[str]:
    """Every flow and every failure; the secrets that came into being meanwhile."""
    dhan, telegram, made = home.sandbox.dhan, home.sandbox.telegram, set()
    home.start()
    for sample in REACTIONS:
        dhan.fail("generateAccessToken", sample)
        home.run("refresh", "dhan", "--force")
        home.says("/refresh dhan", "dhan")
        dhan.heal()
        home.sandbox.clock.advance(300)
    for fault in (dhan.reset, dhan.bad_gateway, dhan.cut):
        fault("generateAccessToken")
        home.run("refresh", "dhan", "--force")
        home.sandbox.clock.advance(300)
    home.run("refresh", "dhan", "--force")
    made.add(home.token("dhan") or "")

    asked = home.says("/refresh dhan-wife", "log in")
    telegram.say(ADMIN, "https://trader.example/callback/?tokenId=5b0f6a52-3c1d-4c8e-9a77-1f2e3d4c5b6a")
    home.sees("dhan-wife", after=asked.event)
    landed = dhan.approve(dhan.consents(WIFE)[-1])
    made.add(landed.rpartition("=")[2])
    mark = telegram.mark()
    telegram.say(ADMIN, landed)
    home.sees("new token", after=mark)
    made.add(home.token("dhan-wife") or "")
    pasted = dhan.web_token(WIFE)
    made.add(pasted)
    home.says(f"/refresh dhan-wife {pasted}", "dhan-wife")

    for text in ("/account", "/status", "/history dhan", "/logout dhan", "/lock", "/refresh dhan", "hello"):
        home.says(text, "")
    telegram.say(STRANGER, f"/refresh dhan {pasted}", user=STRANGER)
    telegram.poison()
    telegram.fail("sendMessage", 400)
    home.run("unlock")
    dhan.kill_token(WIFE)
    home.at(MONDAY + timedelta(hours=5))
    home.says("/account dhan-wife", "")
    telegram.down()
    home.process_settles()
    telegram.up()
    home.says("/status", "dhan", timeout=60)
    assert home.end() == 0
    return made


def test_no_secret_is_left_where_anybody_could_read_it(tmp_path: Path) -> None:
    with house(tmp_path, MONDAY) as home:
        home.log_level = "debug"
        home.auto()
        home.assisted()
        made = everything_happens(home)
        planted = {PIN, SECRET, WIFE_SECRET, "551204", *API.values(), home.sandbox.telegram.token}
        pinned = re.compile(rf"(?<!\d)(?:{PIN}|551204)(?!\d)")

        assert all(made)
        for where, text in (*seen_by_others(home), *command_lines()):
            for secret in planted | made:
                if len(secret) > 6:
                    found = [form for form in forms(secret) if form in text]
                    assert not found, f"a secret of {len(secret)} characters stands in {where}"
            assert not pinned.search(text) or where.startswith("/proc"), f"a PIN stands in {where}"
        assert "DEBUG" in home.log.read_text() or "INFO" in home.log.read_text()
        assert CLIENT in (home.folder / "dhan_config.json").read_text()
