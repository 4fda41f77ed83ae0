"""Tokens, for a person at the machine: how they stand, a new one, a TOTP code."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import click

from bot.cli._context import Places, named, opened, typed
from brokers import KunjiError

if TYPE_CHECKING:
    from bot.store import Roll
    from bot.tokens import TokenService

PATIENCE = 15.0
"""Seconds for which a new token is tried to be kept."""


@click.command()
@click.argument("account", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status(places: Places, account: str | None, as_json: bool) -> None:
    """Every account and how long its token is good for.

    \b
    kunji status
    kunji status dhan
    """
    from bot.life import next_asking, next_login, state

    with opened(places) as works:
        tokens, now = works.tokens, works.tokens.clock.now()
        rows = []
        for name in [named(works, account)] if account else tokens.accounts:
            one = tokens.standing(name)
            rows.append(
                {
                    "account": name,
                    "broker": tokens.accounts[name].title,
                    "state": state(one, tokens.rules.hours.warn_before).value,
                    "expires_at": one.held.token.expires_at.isoformat() if one.held else None,
                    "next_login": _iso(next_login(one, tokens.rules) or next_asking(one, tokens.rules)),
                    "last_failure": one.note.last_failure,
                }
            )
        if as_json:
            click.echo(json.dumps(rows, indent=2))
            return
        _table(rows, now)
        if crew := works.store.crew():
            click.echo(_led(crew.look()))


def _led(roll: Roll) -> str:
    if roll.leader is None:
        return "no bot leads" if roll.others else "no bot runs"
    standing_by = [name for name in roll.others if name != roll.leader]
    return f"led by {roll.leader}; standing by: {', '.join(standing_by) or 'nobody'}"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _table(rows: list[dict[str, Any]], now: datetime) -> None:
    """Fits 80 columns; a failure, which is a sentence, stands below."""
    from rich.console import Console
    from rich.table import Table

    from handlers.text import clock, span

    table = Table(box=None, pad_edge=False)
    for heading in ("account", "broker", "state", "expires (IST)", "left", "next login (IST)"):
        table.add_column(heading)
    for row in rows:
        expires, login = (
            datetime.fromisoformat(row[key]) if row[key] else None for key in ("expires_at", "next_login")
        )
        expires_at, login_at = (clock(moment, now) if moment else "–" for moment in (expires, login))
        left = span(expires - now) if expires and expires > now else "–"
        table.add_row(row["account"], row["broker"], row["state"], expires_at, left, login_at)
    console = Console()
    console.print(table, soft_wrap=not console.is_terminal)
    for row in rows:
        if row["last_failure"]:
            click.echo(f"{row['account']}, last failure: {row['last_failure']}")


@click.command()
@click.argument("account", required=False)
@click.option("--replace", is_flag=True, help="Also if the held token is good beyond today's trading.")
@click.option(
    "--force",
    is_flag=True,
    help="Also after a refused login. Mend the cause first: another refusal may lock the account.",
)
@click.pass_obj
def refresh(places: Places, account: str | None, replace: bool, force: bool) -> None:
    """A new token now. Asks for a code or a callback address where one is needed.

    \b
    kunji refresh                  where there is one account
    kunji refresh dhan
    kunji refresh dhan --replace   although the held one is good beyond today's trading
    """
    from bot.budget import HeldBack
    from brokers import Consent, Secret
    from handlers.text import when

    with opened(places) as works:
        name = named(works, account)
        try:
            result = works.tokens.refresh(name, who="command line", replace=replace, force=force)
        except HeldBack as error:
            force_it = f"once it is mended: kunji refresh {name} --force"
            raise KunjiError(error.message, hint=error.hint if error.until else force_it) from None
        if isinstance(result, Consent):
            if result.url:
                click.echo(f"open in a browser, and log in:\n{result.url}", err=True)
                if works.config.public_url:
                    click.echo("if the page you land on says that it is done, press Ctrl-C here", err=True)
            answer = typed(f"then paste {result.expects} here")
            result = works.tokens.answer(name, Secret(answer.strip()), who="command line")
        keep(works.tokens)
        kept = (
            "kept, as it is good beyond today's trading (--replace makes a new one)" if result.already else "refreshed"
        )
        click.echo(f"{name} {kept}: good until {when(result.expires_at, works.tokens.clock.now())}")


def keep(tokens: TokenService, patience: float = PATIENCE) -> None:
    """What the store does not take ends with this process, and the token before it has ended already."""
    until = monotonic() + patience
    while True:
        try:
            return tokens.save_unsaved()
        except KunjiError as error:
            if monotonic() >= until:
                raise KunjiError(
                    f"there is a new token, and it could not be kept: {error}", hint="refresh again"
                ) from None
            sleep(1)


@click.command()
@click.argument("account", required=False)
@click.option("--env-file", type=click.Path(dir_okay=False, path_type=Path), help="Also write TOTP=… there.")
@click.pass_obj
def totp(places: Places, account: str | None, env_file: Path | None) -> None:
    """A TOTP code: of an account, or of a secret typed without echo.

    \b
    kunji totp dhan
    kunji totp                        asks for a secret, or an otpauth:// address
    kunji totp dhan --env-file .env   also put it there as TOTP=…
    """
    from bot.totp import code_of_account, code_of_typed, write_env_line

    if account:
        with opened(places) as works:
            code = code_of_account(works.tokens, named(works, account))
    else:
        code = code_of_typed(typed("TOTP secret"))
    digits, left = code
    click.echo(digits.reveal())
    click.echo(f"good for {left} s", err=True)
    if env_file:
        write_env_line(env_file, "TOTP", digits.reveal())
