"""Everything in one file, and back again."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli._context import Places, typed
from brokers import KunjiError, Secret

if TYPE_CHECKING:
    from bot.backup import Contents

FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
STREAM = Path("-")
passphrase_file = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The passphrase is the first line of this file.",
)


@click.command()
@click.argument("file", type=FILE)
@passphrase_file
@click.option("--force", is_flag=True, help="Also if the file exists: it is replaced.")
@click.pass_obj
def backup(places: Places, file: Path, passphrase_file: Path | None, force: bool) -> None:
    """Config, store and key in one file, sealed with a passphrase. The bot may run meanwhile.

    \b
    kunji backup kunji.backup
    kunji backup - --passphrase-file FILE | ssh host 'umask 077; cat > kunji.backup'

    Asks for the passphrase, or takes a line from standard input. Keep it elsewhere than the backup.
    """
    from bot import backup as backups
    from brokers import SystemClock

    to_stream = file == STREAM
    if to_stream and sys.stdout.isatty():
        raise click.UsageError("a backup is no text: name a file, or send it on with |")
    if not to_stream and not force:
        backups.refuse_to_replace(file)
    passphrase = _from_file(passphrase_file) if passphrase_file else _new_passphrase()
    contents = backups.take(places.folder, SystemClock().now())
    backups.write(file, backups.seal(contents, passphrase), force=force)
    say = partial(click.echo, err=to_stream)
    for remark in contents.remarks:
        say(remark)
    say(f"kept in {'the stream' if to_stream else file}: {_summary(contents)}")


@click.command()
@click.argument("file", type=FILE)
@passphrase_file
@click.option("--list", "only_list", is_flag=True, help="Say what is in it, and restore nothing.")
@click.pass_obj
def restore(places: Places, file: Path, passphrase_file: Path | None, only_list: bool) -> None:
    """Put back what `kunji backup` kept. There must be neither config nor store yet.

    \b
    kunji restore kunji.backup --config ~/kunji
    kunji restore kunji.backup --list
    """
    from bot import backup as backups

    if file == STREAM and not passphrase_file:
        raise click.UsageError("standard input is the backup: name a --passphrase-file")
    data = backups.read(file)
    passphrase = _from_file(passphrase_file) if passphrase_file else Secret(typed("passphrase of the backup").strip())
    contents = backups.unseal(data, passphrase)
    if only_list:
        _list(contents)
        return
    restored = backups.put_back(contents, places.folder)
    for remark in (*contents.remarks, *restored.remarks):
        click.echo(remark)
    click.echo(f"restored into {restored.folder}, with the store in {restored.store}: {_summary(contents)}")
    click.echo(f"next: kunji --config {restored.folder} check --online")


def _new_passphrase() -> Secret:
    passphrase = typed("passphrase for the backup").strip()
    if sys.stdin.isatty() and typed("the same again").strip() != passphrase:
        raise click.UsageError("these were two different passphrases")
    return Secret(passphrase)


def _from_file(path: Path) -> Secret:
    if path.stat().st_mode & 0o077:
        raise KunjiError(f"others may read {path}", hint=f"mend it with: chmod 600 '{path}'")
    return Secret(path.read_text(encoding="utf-8", errors="surrogateescape").partition("\n")[0].strip())


def _summary(contents: Contents) -> str:
    from brokers import IST

    key = "the key" if contents.key else "no key, as there is none"
    files = "1 file" if len(contents.files) == 1 else f"{len(contents.files)} files"
    return f"{files} and {key}, as of {contents.made_at.astimezone(IST):%d %b %Y, %H:%M} IST"


def _list(contents: Contents) -> None:
    click.echo(f"made by kunji {contents.version}: {_summary(contents)}")
    for name, data in sorted(contents.files.items()):
        click.echo(f"  {name}  {len(data)} bytes")
    for remark in contents.remarks:
        click.echo(remark)
