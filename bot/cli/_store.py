"""The store as a whole."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli._context import Places
from kunji._redis import is_address

if TYPE_CHECKING:
    from bot.moving import Moved

_PASSWORD = re.compile(r"(?<=://)([^:/@]*):.*@")


@click.group()
def store() -> None:
    """Where tokens lie: moving it to a server, or back."""


@store.command()
@click.option("--to", "target", required=True, metavar="PLACE", help="Where it is to be: a folder, or an address.")
@click.option("--from", "source", metavar="PLACE", help="Where it is, if not where the config says.")
@click.pass_obj
def move(places: Places, target: str, source: str | None) -> None:
    """Copy everything into another store. Stop the bot first; the old store stays as it is.

    \b
    kunji store move --to redis://10.0.0.7:6379/0
    kunji store move --to file:redis.address   the address lies in that file, with its password
    kunji store move --from file:redis.address --to .kunji

    A file is named from the config folder, as in "store" of bot_config.json; so is a variable, "${NAME}". If it is
    stopped, the same command again brings it to its end.
    """
    from bot.moving import move as move_all
    from brokers import SystemClock

    folder = places.folder.absolute()
    for said in (source, target):
        _mind_password(said)
    moved = move_all(folder, _meant(folder, source), _meant(folder, target) or target, SystemClock().now)
    click.echo(f"copied from {moved.source} to {moved.target}, and compared: {_summary(moved)}")
    click.echo(f"next: {_what_to_write(folder, target)}, on every machine; then: kunji check")


def _mind_password(said: str | None) -> None:
    if said and said != _without_password(said):
        click.echo("everybody on this machine can read the password in a command line; file:PATH hides it", err=True)


def _meant(folder: Path, said: str | None) -> str | None:
    """A place as it is typed: a folder from where one is, anything else as in the config."""
    from bot.store import StoreError
    from kunji import StoreUnreadable
    from kunji._places import meant

    if said is None or not said.startswith(("${", "file:")):
        return said
    try:
        return meant(said, str(folder), os.environ)
    except StoreUnreadable as error:
        raise StoreError(str(error)) from None


def _summary(moved: Moved) -> str:
    whole = moved.whole
    rows = sum(map(len, whole.history.values()))
    counted = (
        (len(whole.tokens), "token", "tokens"),
        (len(whole.notes), "account's note", "accounts' notes"),
        (rows, "row of history", "rows of history"),
        (len(whole.outbox), "waiting message", "waiting messages"),
    )
    return ", ".join(f"{number} {one if number == 1 else many}" for number, one, many in counted)


def _what_to_write(folder: Path, target: str) -> str:
    """Never the password: what a terminal showed may be kept."""
    if target.startswith(("${", "file:")) or is_address(target):
        place = _without_password(target)
    elif Path(target).absolute() == folder / ".kunji":
        return 'take "store" out of bot_config.json'
    else:
        place = str(Path(target).absolute())
    return f'write "store": {json.dumps(place)} into bot_config.json'


def _without_password(place: str) -> str:
    return _PASSWORD.sub(r"\1:PASSWORD@", place)
