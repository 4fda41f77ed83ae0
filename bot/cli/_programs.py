"""Tokens, for programs."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

import click

from bot.cli._context import Places

NO_LIVE_TOKEN = 3


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="ACCOUNT [--json] [--min-left TIME] [--wait TIME]")
@click.pass_obj
def token(places: Places, words: tuple[str, ...]) -> None:
    """The access token alone, for another program.

    \b
    kunji token dhan
    kunji token dhan --json            with its client id, headers, age and expiry
    kunji token dhan --min-left 10m    only if it is good for ten minutes more
    kunji token dhan --wait 60s        if there is none yet, wait for it
    kunji token dhan --config DIR --store PATH

    Exit code 3 and a sentence on stderr if there is no live one.
    """
    _hand_out("token", places, words)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument(
    "words", nargs=-1, type=click.UNPROCESSED, metavar="ACCOUNT… [--format FORM] [--min-left TIME] [--wait TIME]"
)
@click.pass_obj
def env(places: Places, words: tuple[str, ...]) -> None:
    """Tokens as variables, named as in the broker's own SDK.

    \b
    eval "$(kunji env dhan)"
    kunji env dhan kotak --format dotenv    or json, powershell, sh (the default)
    kunji env dhan --min-left 10m --wait 60s
    """
    _hand_out("env", places, words)


def _time(_context: click.Context, _option: click.Parameter, value: str) -> float:
    from kunji._formats import seconds

    try:
        return seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


class WithProgram(click.Command):
    """Leaves everything behind `--` to the program that is run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        split = args.index("--") if "--" in args else len(args)
        ctx.params["command"] = args[split + 1 :]
        return super().parse_args(ctx, args[:split])


@click.command("exec", cls=WithProgram)
@click.argument("accounts", nargs=-1, required=True, metavar="ACCOUNT… -- COMMAND…")
@click.option(
    "--on-refresh",
    type=click.Choice(["restart", "SIGHUP", "SIGUSR1"]),
    help="What to do with the program when there is a new token. Default: nothing.",
)
@click.option(
    "--grace",
    default="10s",
    show_default=True,
    callback=_time,
    metavar="TIME",
    help="For a restart: how long the program has to end before it is killed.",
)
@click.option(
    "--wait",
    default="0s",
    callback=_time,
    metavar="TIME",
    help="How long to wait for a live token. Default: not at all.",
)
@click.pass_obj
def exec_(
    places: Places,
    accounts: tuple[str, ...],
    command: list[str],
    on_refresh: str | None,
    grace: float,
    wait: float,
) -> None:
    """Run a program with tokens in its environment.

    \b
    kunji exec dhan -- python strategy.py
    kunji exec dhan zerodha --on-refresh restart -- ./strategy --paper
    kunji exec dhan --on-refresh SIGHUP --wait 60s -- node strategy.js

    The program's exit code is passed on. 3: there is no live token; 126, 127: the program cannot be run, was not found.
    """
    if not command:
        raise click.UsageError("name the program behind two dashes: kunji exec dhan -- python strategy.py")

    from bot.handoff.environment import for_programs
    from bot.handoff.exec import Source, execute
    from kunji import Error, NoLiveToken, Reader, UnknownAccount
    from kunji._errors import SetTwice

    try:
        source = Source([Reader(account, config=places.folder) for account in dict.fromkeys(accounts)], _say)
        environment = for_programs(os.environ, places.folder)
        code = execute(command, environment, source, _say, on_refresh=on_refresh, grace=grace, wait=wait)
    except (SetTwice, UnknownAccount) as error:
        raise click.UsageError(str(error)) from None
    except Error as error:
        _say(str(error))
        code = NO_LIVE_TOKEN if isinstance(error, NoLiveToken) else 1
    sys.exit(code)


def _say(sentence: str) -> None:
    # Whoever read it may be gone; what is told about goes on all the same.
    with suppress(OSError):
        click.echo(f"kunji: {sentence}", err=True)


def _hand_out(command: str, places: Places, words: tuple[str, ...]) -> NoReturn:
    """Answered where it is answered without this module, but for `kunji --config DIR token …`."""
    from kunji.__main__ import answer

    sys.exit(answer(command, ["--config", str(places.folder), *words]))
