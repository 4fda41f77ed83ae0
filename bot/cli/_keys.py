"""The store's key and what is sealed with it; keys for programs."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli._context import Places, named, opened
from brokers import IST


@click.group()
def key() -> None:
    """The key of the store, and keys for programs that ask the bot."""


@key.command()
@click.pass_obj
def rotate(places: Places) -> None:
    """Make a new key and seal the store with it. Stop the bot first.

    The old store and key are kept as a backup.
    """
    from bot.keys import rotate as rotate_keys

    done = rotate_keys(places.folder, places.config().store)
    click.echo(f"the store is sealed with a new key; the old store and key are in {done.backup}")
    for name in done.config_files:
        click.echo(f"sealed again: {name}")
    with opened(places) as works:
        works.remember_files()
        if works.config.public_url:
            click.echo("addresses entered at the brokers have changed; the new ones are told by: kunji addresses")


@key.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def seal(places: Places, file: Path) -> None:
    """Seal the secret values of an account's config file, in place.

    \b
    kunji key seal dhan_config.json
    """
    from bot.sealing import seal_file

    sealed = seal_file(file, places.key())
    if sealed:
        with opened(places) as works:
            works.remember_files()
    click.echo(f"sealed: {', '.join(sealed)}" if sealed else "nothing to seal")


@key.group()
def reader() -> None:
    """Keys for programs that ask the running bot (see private_listen)."""


@reader.command()
@click.argument("name")
@click.option("--accounts", required=True, metavar="ACCOUNT,…|all", help="Which tokens it may read.")
@click.pass_obj
def add(places: Places, name: str, accounts: str) -> None:
    """A new key, printed once and alone.

    \b
    kunji key reader add strategy1 --accounts dhan,zerodha
    kunji key reader add strategy1 --accounts all
    """
    from bot.handoff.readers import Readers

    with opened(places) as works:
        those = None if accounts == "all" else [named(works, word.strip()) for word in accounts.split(",")]
        made = Readers(works.store).add(name, those, works.clock.now())
    click.echo(f"the key of {name}, which is shown only now:", err=True)
    click.echo(made.reveal())


@reader.command("list")
@click.pass_obj
def list_(places: Places) -> None:
    """Who has a key, since when, and for which accounts."""
    from bot.handoff.readers import Readers

    with opened(places) as works:
        readers = Readers(works.store).named()
    for name, known in readers.items():
        since = known.made_at.astimezone(IST)
        accounts = "all accounts" if known.accounts is None else ", ".join(known.accounts)
        click.echo(f"{name}  since {since:%d %b %Y %H:%M}  {accounts}")
    if not readers:
        click.echo("no program has a key")


@reader.command()
@click.argument("name")
@click.pass_obj
def remove(places: Places, name: str) -> None:
    """Take a program's key away; it is worth nothing at once.

    \b
    kunji key reader remove strategy1
    """
    from bot.handoff.readers import Readers

    with opened(places) as works:
        Readers(works.store).remove(name)
    click.echo(f"{name} has no key any more")
