"""`kunji totp --env-file`: one line changes, nothing else does."""

from __future__ import annotations

import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.totp import with_line, write_env_line

lines = st.lists(st.sampled_from([b"A=1\n", b"# TOTP=old\n", b"\n", b"export B='x y'\r\n", b"TOTPS=9\n", b"XTOTP=8\n"]))


@given(before=lines, after=lines)
def test_the_line_is_replaced_and_every_other_byte_stays(before: list[bytes], after: list[bytes]) -> None:
    content = b"".join([*before, b"TOTP=111111\n", *after])

    assert with_line(content, "TOTP", "222222") == b"".join([*before, b"TOTP=222222\n", *after])


@given(before=lines)
def test_a_missing_line_is_added_at_the_end(before: list[bytes]) -> None:
    assert with_line(b"".join(before), "TOTP", "222222") == b"".join([*before, b"TOTP=222222\n"])


def test_a_last_line_without_an_end_is_not_glued_to() -> None:
    assert with_line(b"A=1", "TOTP", "2") == b"A=1\nTOTP=2\n"
    assert with_line(b"TOTP=1", "TOTP", "2") == b"TOTP=2"
    assert with_line(b"export TOTP=1\r\nA=1", "TOTP", "2") == b"export TOTP=2\r\nA=1"


def test_the_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / ".env"

    write_env_line(path, "TOTP", "123456")

    assert path.read_bytes() == b"TOTP=123456\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == [".env"]
