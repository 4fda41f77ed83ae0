"""Tokens, for programs."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from bot.cli._context import Places


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="ACCOUNT [--json]")
@click.pass_obj
def token(places: Places, words: tuple[str, ...]) -> None:
    """The access token alone, for another program.

    \b
    kunji token dhan
    kunji token dhan --json    with the time it expires
    kunji token dhan --config DIR --store PATH

    Exit code 3 and a sentence on stderr if there is no live one.
    """
    _hand_out("token", places, words)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="ACCOUNT…")
@click.pass_obj
def env(places: Places, words: tuple[str, ...]) -> None:
    """Tokens as variables, named as users of the broker's own SDK know them.

    \b
    eval "$(kunji env dhan)"
    kunji env dhan --format dotenv      or json, powershell, sh (the default)
    """
    _hand_out("env", places, words)


def _hand_out(command: str, places: Places, words: tuple[str, ...]) -> NoReturn:
    """Answered where it is answered without this module, but for `kunji --config DIR token …`."""
    from kunji.__main__ import answer

    sys.exit(answer(command, ["--config", str(places.folder), *words]))
