"""Setting up an account by questions."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from bot.cli._context import Places, opened
from bot.cli._tokens import refresh
from brokers import KunjiError

if TYPE_CHECKING:
    from bot.init import Written


@click.command()
@click.option("--login", metavar="WAY", help="A way to log in that is not offered, such as unofficial.")
@click.option("--endpoint", "endpoints", multiple=True, metavar="NAME=URL", hidden=True)
@click.option("--telegram-api-url", hidden=True)
@click.pass_context
def init(context: click.Context, login: str | None, endpoints: tuple[str, ...], telegram_api_url: str | None) -> None:
    """Set up an account by answering questions.

    \b
    kunji init                   here
    kunji --config DIR init      in another folder, which is made if there is none

    Again for the next account. Files that are there are never changed.
    """
    from bot.checks import check_all
    from bot.init import Given, Person
    from bot.init import init as ask

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("init asks at a terminal; without one write the files by hand, as docs/running.md says")
    places: Places = context.obj
    replaced = dict(_endpoint(words) for words in endpoints)
    person = Person()
    given = Given(places.folder, places.key, login, replaced, telegram_api_url)
    try:
        written = ask(given, person)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nnothing was written", err=True)
        raise click.Abort from None
    click.echo(f"\nWritten, for your eyes only, into {places.folder.absolute()}: {', '.join(written.files)}\n")
    _spend(places, written)
    good = check_all(places.config(), online=True, say=click.echo)
    if person.agrees("\nLog in once now, for real?", default=good):
        good = _log_in(context, written.account) and good
    _say_what_comes_next(context)
    sys.exit(0 if good else 1)


def _endpoint(words: str) -> tuple[str, str]:
    name, _, address = words.partition("=")
    return name, address


def _spend(places: Places, written: Written) -> None:
    """The codes that were shown may have been typed into the broker's page: they are never used for a login."""
    from bot.keeping import StoredCodes

    with opened(places) as works:
        for window in written.windows:
            StoredCodes(works.store, written.account).reserve(window)


def _log_in(context: click.Context, account: str) -> bool:
    try:
        context.invoke(refresh, account=account, replace=False, force=False)
    except KunjiError as error:
        click.echo(f"kunji: {error}", err=True)
        return False
    return True


def _say_what_comes_next(context: click.Context) -> None:
    was_typed = context.find_root().get_parameter_source("folder") is ParameterSource.COMMANDLINE
    kunji = f"kunji --config {shlex.quote(str(context.obj.folder))}" if was_typed else "kunji"
    click.echo(
        f"\nNext:\n"
        f"  {kunji} run     the bot, until Ctrl-C; then send it /start. One that runs already must be started anew\n"
        f"  {kunji} init    another account"
    )
