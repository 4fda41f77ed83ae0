"""The command line. Imports what a command needs only when it runs.

What prints a secret (`token`, `env`, `totp`) prints nothing else on stdout; sentences go to stderr. `token` and `env`
are answered by the package `kunji` before this module is imported.

Exit codes: 0 good, 1 failed, 2 wrong usage or config, 3 no live token.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from brokers import KunjiError

if TYPE_CHECKING:
    from bot.app import Works
    from bot.config import Config

WRONG_CONFIG = 2


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


class Anywhere(click.Group):
    """Takes `--config` wherever it stands: one forgets on which side of the command it belongs."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for place, word in enumerate(args):
            if word == "--config" and place + 1 < len(args):
                args = [*args[place : place + 2], *args[:place], *args[place + 2 :]]
                break
            if word.startswith("--config="):
                args = [word, *args[:place], *args[place + 1 :]]
                break
        return super().parse_args(ctx, args)


@click.group(cls=Anywhere, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="KUNJI_CONFIG",
    default=".",
    help="The folder with the config files. Default: KUNJI_CONFIG, else this folder.",
)
@click.version_option(package_name="kunji")
@click.pass_context
def cli(context: click.Context, folder: Path) -> None:
    """Keeps brokers' access tokens alive, steered from Telegram.

    \b
    kunji demo                 see it all, with no credentials
    kunji check --online       is everything ready to run
    kunji run                  the bot, until it is stopped
    kunji status               every account and how long its token is good for
    kunji refresh dhan         a new token now
    kunji token dhan           the token alone, for another program
    eval "$(kunji env dhan)"   the same as variables

    Exit codes: 0 good, 1 failed, 2 wrong usage or config, 3 no live token.
    """
    context.obj = Places(folder)


@cli.command()
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
@click.pass_obj
def run(places: Places, log_level: str) -> None:
    """Run the bot until it is stopped (Ctrl-C or SIGTERM).

    \b
    kunji run
    kunji run --config /etc/kunji --log-level debug
    """
    from bot.app import run as run_app

    run_app(places.config(), log_level)


@cli.command()
@click.option("--tour", is_flag=True, help="Play a scripted conversation and end.")
def demo(tour: bool) -> None:
    """Try it all against stand-ins on this machine; no credentials needed.

    \b
    kunji demo          chat with it here, move the clock, break things
    kunji demo --tour   watch a scripted conversation
    """
    from bot.demo import play

    sys.exit(play(scripted=tour))


@cli.command()
@click.option("--online", is_flag=True, help="Also ask Telegram and the brokers; spends no login.")
@click.pass_obj
def check(places: Places, online: bool) -> None:
    """Is everything ready to run: config, key, store, clock.

    \b
    kunji check
    kunji check --online   also Telegram, every chat and every broker; spends no login
    """
    from bot.checks import check_all

    good = check_all(places.config(), online=online, say=click.echo)
    sys.exit(0 if good else 1)


@cli.command()
@click.argument("account", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status(places: Places, account: str | None, as_json: bool) -> None:
    """Every account and how long its token is good for."""
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
        click.echo(json.dumps(rows, indent=2)) if as_json else _table(rows, now)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _table(rows: list[dict[str, Any]], now: datetime) -> None:
    from rich.console import Console
    from rich.table import Table

    from handlers.text import when

    table = Table(box=None, pad_edge=False)
    for heading in ("account", "broker", "state", "expires", "next login", "last failure"):
        table.add_column(heading)
    for row in rows:
        moments = [datetime.fromisoformat(row[key]) if row[key] else None for key in ("expires_at", "next_login")]
        times = [when(moment, now) if moment else "–" for moment in moments]
        table.add_row(row["account"], row["broker"], row["state"], *times, row["last_failure"] or "–")
    console = Console()
    console.print(table, soft_wrap=not console.is_terminal)


@cli.command()
@click.argument("account")
@click.option("--replace", is_flag=True, help="Also if the held token is good beyond today's trading.")
@click.option("--force", is_flag=True, help="Also after a refused login. Accounts get locked by this.")
@click.pass_obj
def refresh(places: Places, account: str, replace: bool, force: bool) -> None:
    """A new token now. Asks for a code or a callback address where one is needed.

    \b
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
            answer = _typed(f"then paste {result.expects} here")
            result = works.tokens.answer(name, Secret(answer.strip()), who="command line")
        kept = (
            "kept, as it is good beyond today's trading (--replace makes a new one)" if result.already else "refreshed"
        )
        click.echo(f"{name} {kept}: good until {when(result.expires_at, works.tokens.clock.now())}")


@cli.command(context_settings={"ignore_unknown_options": True})
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


@cli.command(context_settings={"ignore_unknown_options": True})
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


@cli.command()
@click.argument("account", required=False)
@click.option("--env-file", type=click.Path(dir_okay=False, path_type=Path), help="Also write TOTP=… there.")
@click.pass_obj
def totp(places: Places, account: str | None, env_file: Path | None) -> None:
    """A TOTP code: of an account, or of a secret (or otpauth:// address) typed without echo.

    \b
    kunji totp dhan
    kunji totp
    kunji totp dhan --env-file .env   also put it there as TOTP=…
    """
    from bot.totp import code_of_account, code_of_typed, write_env_line

    if account:
        with opened(places) as works:
            code = code_of_account(works.tokens, named(works, account))
    else:
        code = code_of_typed(_typed("TOTP secret"))
    digits, left = code
    click.echo(digits.reveal())
    click.echo(f"good for {left} s", err=True)
    if env_file:
        write_env_line(env_file, "TOTP", digits.reveal())


@cli.command()
@click.pass_obj
def unlock(places: Places) -> None:
    """Allow refreshes, codes and figures in the chat again after /lock."""
    from dataclasses import replace

    from bot.store import Alert

    with opened(places) as works:
        if not works.store.bot_note().locked:
            click.echo("it was not locked")
            return
        works.store.update_bot(lambda note: replace(note, locked=False))
        works.alerts.tell(Alert("unlocked", works.clock.now(), loud=False))
    click.echo("unlocked")


@cli.group()
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


def _typed(what: str) -> str:
    """What somebody types without echo, or a program sends. Raises click.Abort if nothing comes."""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    click.echo(f"{what}:", err=True)
    line = sys.stdin.readline().strip()
    if not line:
        raise click.Abort
    return line


class _Opened:
    """The parts a single command needs, closed behind it."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._works: Works | None = None

    def __enter__(self) -> Works:
        from bot.app import Works

        self._works = Works.of(self._places.config())
        return self._works

    def __exit__(self, *exception: object) -> None:
        if self._works:
            self._works.close()


def opened(places: Places) -> _Opened:
    return _Opened(places)


def named(works: Works, account: str) -> str:
    """The account of that name; else the names that exist."""
    if account in works.tokens.accounts:
        return account
    names = ", ".join(works.tokens.accounts)
    raise click.UsageError(f"there is no account {account}; there are: {names}")


def main() -> NoReturn:
    from bot.config import ConfigErrors

    try:
        cli.main(standalone_mode=False)
    except ConfigErrors as error:
        _end(str(error), WRONG_CONFIG)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end("stopped", 1)
    except KunjiError as error:
        _end(str(error), 1)
    sys.exit(0)


def _end(sentence: str, code: int) -> NoReturn:
    click.echo(f"kunji: {sentence}", err=True)
    sys.exit(code)
