"""The public door: what to enter at the brokers so that they come to it."""

from __future__ import annotations

import click

from bot.cli._context import Places, opened
from brokers import KunjiError


@click.command()
@click.pass_obj
def addresses(places: Places) -> None:
    """The redirect and postback addresses to enter at each broker. Keep them to yourself.

    \b
    kunji addresses
    """
    from bot.addresses import to_enter

    with opened(places) as works:
        public_url = works.config.public_url
        if public_url is None:
            raise KunjiError("there is no public door to send anybody to", hint="public_url and listen make one")
        entries = list(to_enter(works.tokens.accounts, public_url, works.store.derive))
    click.echo("\n\n".join(entries) or "no account has anything to enter")
