"""What every command works with: where config and store lie, the parts opened for one command, what is typed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bot.config import Config
    from bot.works import Works


class Places:
    """Where this call's config and store lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def config(self) -> Config:
        from bot.config import load

        return load(self.folder, key=self.key)

    def key(self) -> bytes:
        """The store's key, made if there is none."""
        from bot.keys import read_key
        from bot.store import places_of

        return read_key(places_of(self.folder, None), create=True)


def typed(what: str) -> str:
    """What somebody types without echo, or a program sends. Raises click.Abort if nothing comes."""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    click.echo(f"{what}:", err=True)
    line = sys.stdin.readline().strip()
    if not line:
        raise click.Abort
    return line


@contextmanager
def opened(places: Places) -> Iterator[Works]:
    """The parts a single command needs, closed behind it."""
    from bot.works import Works

    works = Works.of(places.config())
    try:
        yield works
    finally:
        works.close()


def named(works: Works, account: str | None) -> str:
    """The account of that name, or the only one if none is named; else the names that exist."""
    known = list(works.tokens.accounts)
    if account is None and len(known) == 1:
        return known[0]
    if account is None:
        raise click.UsageError(f"name one of the accounts: {', '.join(known)}")
    if account not in known:
        raise click.UsageError(f"there is no account {account}; there are: {', '.join(known)}")
    return account
