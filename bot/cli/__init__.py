"""The command line. Imports what a command needs only when it runs.

What prints a secret (`token`, `env`, `totp`) prints nothing else on stdout; sentences go to stderr. `token` and `env`
are answered by the package `kunji` before this module is imported.

Exit codes: 0 good, 1 failed, 2 wrong usage or config, 3 no live token.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from bot.cli._backup import backup, restore
from bot.cli._bot import check, demo, lock, run, unlock
from bot.cli._context import Places
from bot.cli._door import addresses
from bot.cli._init import init
from bot.cli._keys import key
from bot.cli._programs import env, exec_, token
from bot.cli._service import service
from bot.cli._store import store
from bot.cli._tokens import refresh, status, totp
from brokers import KunjiError

WRONG_CONFIG = 2


class Anywhere(click.Group):
    """Takes `--config` wherever it stands: one forgets on which side of the command it belongs."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for place, word in enumerate(args):
            if word == "--":  # what follows is another program's
                break
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
    kunji init                 set up an account by answering questions
    kunji check --online       is everything ready to run
    kunji run                  the bot, until it is stopped
    kunji status               every account and how long its token is good for
    kunji refresh dhan         a new token now
    kunji token dhan           the token alone, for another program
    eval "$(kunji env dhan)"   the same as variables
    kunji exec dhan -- prog    a program with them

    Exit codes: 0 good, 1 failed, 2 wrong usage or config, 3 no live token.
    """
    context.obj = Places(folder)


for command in (
    *(run, demo, init, check, status, refresh, totp, lock, unlock),
    *(token, env, exec_),
    *(key, store, addresses, backup, restore, service),
):
    cli.add_command(command)


def main() -> NoReturn:
    from bot.config import ConfigErrors

    try:
        cli.main(standalone_mode=False)
    except ConfigErrors as error:
        _end("\nkunji: ".join(str(fault) for fault in error.faults), WRONG_CONFIG)
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
