"""How names and values are written so that a shell or a program can take them in, and times so that a person can type
them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from kunji._errors import Error, SetTwice

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+-]*", re.ASCII)
# PowerShell takes the typographic quotation marks for the plain one.
_POWERSHELL_QUOTE = re.compile("['\u2018\u2019\u201a\u201b]")

_TIME = re.compile(r"([0-9]{1,6})([smh]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def sh(values: Mapping[str, str]) -> str:
    return "".join("export {}='{}'\n".format(name, value.replace("'", "'\\''")) for name, value in values.items())


def dotenv(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={_dotenv_value(value)}\n" for name, value in values.items())


def json(values: Mapping[str, str]) -> str:
    from json import dumps

    return dumps(values, indent=2, ensure_ascii=False) + "\n"


def powershell(values: Mapping[str, str]) -> str:
    return "".join(
        "$env:{} = '{}'\n".format(name, _POWERSHELL_QUOTE.sub(r"\g<0>\g<0>", value)) for name, value in values.items()
    )


FORMATS: dict[str, Callable[[Mapping[str, str]], str]] = {
    "sh": sh,
    "dotenv": dotenv,
    "json": json,
    "powershell": powershell,
}


def seconds(text: str) -> float:
    """A time as one types it: 90, 90s, 10m, 2h. Raises ValueError."""
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError("expected a time such as 90, 90s, 10m or 2h")
    return float(int(found[1]) * _UNITS[found[2]])


def together(accounts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The values of all of these accounts. Raises SetTwice."""
    values: dict[str, str] = {}
    for one in accounts:
        twice = [name for name in one if values.get(name, one[name]) != one[name]]
        if twice:
            raise SetTwice(f"several of these accounts set {', '.join(twice)}; ask for one at a time")
        values |= one
    return values


def check_names(values: Mapping[str, str]) -> None:
    """Raises Error if a shell would take a name for something else."""
    for name in values:
        if not _NAME.fullmatch(name):
            raise Error(f"{name!r} cannot be the name of a variable")


def _dotenv_value(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return "'{}'".format(value.replace("\\", "\\\\").replace("'", "\\'"))
