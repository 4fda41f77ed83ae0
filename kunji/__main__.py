"""The command `kunji`. Answers `token` and `env` itself, from this package alone: programs start it again and again.
Everything else is the business of `bot.cli`.

Exit codes: 0 good, 1 failed, 2 wrong usage, 3 no live token. On stdout is what was asked for and nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kunji import Reader

FAILED, USAGE, NO_LIVE_TOKEN = 1, 2, 3

_TAKES = {
    "token": {"--json": False, "--config": True, "--store": True},
    "env": {"--format": True, "--config": True, "--store": True},
}
"""The options of each command answered here, and whether a value follows."""
_TYPED = {
    "token": "kunji token NAME [--json] [--config DIR] [--store PATH]",
    "env": "kunji env NAME… [--format sh|dotenv|json|powershell] [--config DIR] [--store PATH]",
}


class Usage(Exception):
    """The command was typed wrongly."""


def main() -> int | None:
    """Where the console script `kunji` begins; the exit code."""
    arguments = sys.argv[1:]
    ours = bool(arguments) and arguments[0] in _TAKES and not {"-h", "--help"} & set(arguments)
    return answer(arguments[0], arguments[1:]) if ours else _program()


def answer(command: str, arguments: Sequence[str]) -> int:
    """`kunji token` and `kunji env`; the exit code."""
    from kunji._errors import Error, NoLiveToken

    try:
        names, options = _parsed(command, arguments)
        _write(_token(names, options) if command == "token" else _environment(names, options))
    except Usage as error:
        _say(f"{error}; type: {_TYPED[command]}")
        return USAGE
    except NoLiveToken as error:
        _say(str(error))
        return NO_LIVE_TOKEN
    except Error as error:
        _say(str(error))
        return FAILED
    return 0


def _parsed(command: str, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    names: list[str] = []
    options: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if not argument.startswith("-"):
            names.append(argument)
        elif option not in _TAKES[command]:
            raise Usage(f"{command} has no option {option}")
        elif not _TAKES[command][option]:
            options[option] = ""
        else:
            options[option] = value if equals else next(rest, "")
            if not options[option]:
                raise Usage(f"{option} needs a value")
    if not names or (command == "token" and len(names) > 1):
        raise Usage("name one account" if command == "token" else "name at least one account")
    return names, options


def _token(names: list[str], options: dict[str, str]) -> str:
    reader = _reader(names[0], options)
    token = reader.token()
    if "--json" not in options:
        return token + "\n"
    from json import dumps

    return dumps({"account": names[0], "token": token, "expires_at": reader.expires_at.isoformat()}) + "\n"


def _environment(names: list[str], options: dict[str, str]) -> str:
    from kunji._formats import FORMATS, check_names

    form = FORMATS.get(options.get("--format", "sh"))
    if form is None:
        raise Usage(f"--format is one of {', '.join(FORMATS)}")
    values: dict[str, str] = {}
    for name in names:
        found = _reader(name, options).environment()
        twice = [variable for variable in found if values.get(variable, found[variable]) != found[variable]]
        if twice:
            raise Usage(f"several of these accounts set {', '.join(twice)}; ask for one at a time")
        values |= found
    check_names(values)
    return form(values)


def _reader(name: str, options: dict[str, str]) -> Reader:
    from kunji import Reader

    return Reader(name, options.get("--store"), config=options.get("--config"))


def _write(text: str) -> None:
    # As bytes: what the locale can spell must not decide whether a program gets its token.
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _say(sentence: str) -> None:
    print(f"kunji: {sentence}", file=sys.stderr)  # noqa: T201 – a command line speaks on stderr


def _program() -> int | None:
    from importlib import import_module

    code: int | None = import_module("bot.cli").main()
    return code


def _forget_working_folder() -> None:
    """`python -m` looks for modules in the working folder first, where somebody's own `bot.py` may lie."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if sys.path and os.path.abspath(sys.path[0]) == os.getcwd() != here:
        del sys.path[0]


if __name__ == "__main__":
    _forget_working_folder()
    sys.exit(main())
