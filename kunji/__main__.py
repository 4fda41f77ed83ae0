"""The command `kunji`. Answers `token`, `env` and `check --alive` itself, from this package alone: programs start these
again and again. Everything else is the business of `bot.cli`.

Exit codes: 0 good, 1 failed, 2 wrong usage, 3 no live token. On stdout is what was asked for and nothing else.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kunji import LiveToken, Reader

FAILED, USAGE, NO_LIVE_TOKEN = 1, 2, 3
INTERRUPTED = 130
"""As shells have it for Ctrl-C."""
_STDOUT = 1

_FOR_BOTH = {"--min-left": True, "--wait": True, "--config": True, "--store": True}
_TAKES = {"token": {"--json": False, **_FOR_BOTH}, "env": {"--format": True, **_FOR_BOTH}}
"""The options of each command answered here, and whether a value follows."""
_TYPED_FOR_BOTH = "[--min-left 10m] [--wait 60s] [--config DIR] [--store PATH]"
_TYPED = {
    "token": f"kunji token NAME [--json] {_TYPED_FOR_BOTH}",
    "env": f"kunji env NAME… [--format sh|dotenv|json|powershell] {_TYPED_FOR_BOTH}",
}


class Usage(Exception):
    """The command was typed wrongly."""


def main() -> int | None:
    """Where the console script `kunji` begins; the exit code."""
    arguments = sys.argv[1:]
    if arguments == ["check", "--alive"]:
        return is_alive()
    ours = bool(arguments) and arguments[0] in _TAKES and not {"-h", "--help"} & set(arguments)
    return answer(arguments[0], arguments[1:]) if ours else _program()


def answer(command: str, arguments: Sequence[str]) -> int:
    """`kunji token` and `kunji env`; the exit code."""
    from kunji._errors import Error, NoLiveToken, SetTwice, UnknownAccount

    try:
        names, options = _parsed(command, arguments)
        _write(_token(names, options) if command == "token" else _environment(names, options))
    except Usage as error:
        _say(f"{error}; type: {_TYPED[command]}")
        return USAGE
    except (SetTwice, UnknownAccount) as error:
        _say(str(error))
        return USAGE
    except NoLiveToken as error:
        _say(str(error))
        return NO_LIVE_TOKEN
    except Error as error:
        _say(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def is_alive(config: str | None = None) -> int:
    """`kunji check --alive`; the exit code."""
    from kunji._alive import look
    from kunji._errors import Error
    from kunji._places import find

    try:
        finding = look(find(config))
        _write(finding.sentence + "\n")
    except Error as error:
        _say(str(error))
        return FAILED
    return 0 if finding.good else FAILED


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
    [live] = _live(names, options)
    return _as_json(live) if "--json" in options else live.value + "\n"


def _as_json(live: LiveToken) -> str:
    from json import dumps

    shown = {
        "account": live.account,
        "broker": live.broker,
        "client_id": live.client_id,
        "token": live.value,
        "extra": dict(live.extra),
        "headers": dict(live.headers),
        "issued_at": live.issued_at.isoformat(),
        "expires_at": live.expires_at.isoformat(),
        "age": int(time.time() - live.issued_at.timestamp()),
        "proven": live.proven,
    }
    return dumps(shown) + "\n"


def _environment(names: list[str], options: dict[str, str]) -> str:
    from kunji._formats import FORMATS, check_names, together

    form = FORMATS.get(options.get("--format", "sh"))
    if form is None:
        raise Usage(f"--format is one of {', '.join(FORMATS)}")
    values = together(live.environment for live in _live(names, options))
    check_names(values)
    return form(values)


def _live(names: list[str], options: dict[str, str]) -> list[LiveToken]:
    """The live tokens of all of them, once there are; the time to wait is one for all."""
    readers = [_reader(name, options) for name in names]
    until = time.monotonic() + _seconds(options, "--wait")
    for reader in readers if "--wait" in options else ():
        reader.wait(until - time.monotonic())
    return [reader.live() for reader in readers]


def _reader(name: str, options: dict[str, str]) -> Reader:
    from kunji._reader import Reader

    return Reader(
        name, options.get("--store"), config=options.get("--config"), min_left=_seconds(options, "--min-left")
    )


def _seconds(options: dict[str, str], option: str) -> float:
    if option not in options:
        return 0
    from kunji._formats import seconds

    try:
        return seconds(options[option])
    except ValueError as error:
        raise Usage(f"{option}: {error}") from None


def _write(text: str) -> None:
    # As bytes: what the locale can spell must not decide whether a program gets its token. And past Python's buffer:
    # what is left in there would be tried again at the end, and complained of in Python's words.
    from kunji._errors import Error
    from kunji._places import reason

    data = text.encode()
    try:
        while data:
            data = data[os.write(_STDOUT, data) :]
    except OSError as error:
        raise Error(f"standard output takes nothing: {reason(error)}") from None


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
