"""The store's key, and what is sealed with it."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli._context import Places, opened


@click.group()
def key() -> None:
    """The key that seals the store."""


@key.command()
@click.pass_obj
def rotate(places: Places) -> None:
    """Make a new key and seal the store with it; the old store and key are kept as a backup."""
    from bot.keys import rotate as rotate_keys

    done = rotate_keys(places.folder, places.config().store)
    click.echo(f"the store is sealed with a new key; the old store and key are in {done.backup}")
    for name in done.config_files:
        click.echo(f"sealed again: {name}")
    with opened(places) as works:
        works.remember_files()


@key.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def seal(places: Places, file: Path) -> None:
    """Seal the secret values of an account's config file, in place."""
    from bot.sealing import seal_file

    sealed = seal_file(file, places.key())
    if sealed:
        with opened(places) as works:
            works.remember_files()
    click.echo(f"sealed: {', '.join(sealed)}" if sealed else "nothing to seal")
