"""The bot itself: running it, trying it, checking it, unlocking its chat."""

from __future__ import annotations

import sys

import click

from bot.cli._context import Places, opened


@click.command()
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


@click.command()
@click.option("--tour", is_flag=True, help="Play a scripted conversation and end.")
def demo(tour: bool) -> None:
    """Try it all against stand-ins on this machine; no credentials needed.

    \b
    kunji demo          chat with it here, move the clock, break things
    kunji demo --tour   watch a scripted conversation
    """
    from bot.demo import play

    sys.exit(play(scripted=tour))


@click.command()
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


@click.command()
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
