"""TOTP codes for `kunji totp`: of a configured account, or of a secret somebody types."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bot.tokens import TokenService
from brokers import KunjiError, Secret, SystemClock, TotpSecret, current_code

Shown = tuple[Secret, int]
"""The digits and the whole seconds they have left."""


def code_of_account(tokens: TokenService, name: str) -> Shown:
    """A code nobody has used; its window counts as used from now on."""
    code = tokens.code(name)
    return code.digits, int((code.expires_at - tokens.clock.now()).total_seconds())


def code_of_typed(text: str) -> Shown:
    """The present code of a secret, or of an `otpauth://` address."""
    clock = SystemClock()
    try:
        code = current_code(TotpSecret.parse(text), clock)
    except ValueError as error:
        raise KunjiError(str(error)) from None
    return code.digits, int((code.expires_at - clock.now()).total_seconds())


def write_env_line(path: Path, name: str, value: str) -> None:
    """Put `name=value` in place of the line that set it, or at the end; every other byte stays. The file is replaced
    whole, readable by its owner only."""
    try:
        before = path.read_bytes() if path.exists() else b""
        replace_file(path, with_line(before, name, value))
    except OSError as error:
        raise KunjiError(f"{path.name} could not be written: {error.strerror}") from None


def with_line(content: bytes, name: str, value: str) -> bytes:
    """The content with the one line changed, or added. Of several lines that set the name, the last one counts for
    whoever reads the file; all of them get the value."""
    lines = content.splitlines(keepends=True)
    wanted = f"{name}={value}".encode()
    found = False
    for number, line in enumerate(lines):
        key = line.strip().removeprefix(b"export ").partition(b"=")[0].strip()
        if b"=" in line and key == name.encode():
            ending = line[len(line.rstrip(b"\r\n")) :]
            start = b"export " if line.lstrip().startswith(b"export ") else b""
            lines[number] = start + wanted + ending
            found = True
    if not found:
        if lines and not lines[-1].endswith((b"\n", b"\r")):
            lines[-1] += b"\n"
        lines.append(wanted + b"\n")
    return b"".join(lines)


def replace_file(path: Path, content: bytes) -> None:
    """Put the content in the file's place, whole, readable by its owner only. Raises OSError."""
    target = path.resolve()
    handle, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, target)
    except OSError:
        os.unlink(aside)
        raise
