"""The bot itself: running it, trying it, checking it, unlocking its chat."""

from __future__ import annotations

import sys

import click

from bot.cli._context import Places, opened


@click.command()
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning"]),
    default="info",
    show_default=True,
    help="How much the log tells.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For a person, or for a program.",
)
@click.pass_obj
def run(places: Places, log_level: str, log_format: str) -> None:
    """Run the bot until it is stopped (Ctrl-C or SIGTERM).

    \b
    kunji run
    kunji run --config /etc/kunji --log-level debug
    kunji run --log-format json   one JSON object a line, for a program that collects logs
    """
    from bot.process import run as run_app

    run_app(places.config(), log_level, json_log=log_format == "json")


@click.command()
@click.option("--terminal", is_flag=True, help="Chat here instead of in a browser.")
@click.option("--tour", is_flag=True, help="Play a scripted conversation and end.")
def demo(terminal: bool, tour: bool) -> None:
    """Try it all against stand-ins; no credentials needed.

    \b
    kunji demo              chat with it in a browser, move the clock, break things
    kunji demo --terminal   the same here
    kunji demo --tour       watch a scripted conversation
    """
    from bot.demo import Way, play

    if terminal and tour:
        raise click.UsageError("either --terminal or --tour")
    sys.exit(play(Way.TOUR if tour else Way.TERMINAL if terminal else Way.PAGE))


@click.command()
@click.option("--online", is_flag=True, help="Also ask Telegram and the brokers; spends no login.")
@click.option("--alive", is_flag=True, help="Only whether a bot serves this store and does its work.")
@click.pass_obj
def check(places: Places, online: bool, alive: bool) -> None:
    """Is everything ready to run: config, key, store, clock.

    \b
    kunji check
    kunji check --online   also Telegram, every chat and every broker; spends no login
    kunji check --alive    only whether the bot is running and not stuck, for a monitor
    """
    if alive and online:
        raise click.UsageError("--alive asks nobody; leave out --online")
    if alive:
        from kunji.__main__ import is_alive

        sys.exit(is_alive(str(places.folder)))
    from bot.checks import check_all

    good = check_all(places.config(), online=online, say=click.echo)
    sys.exit(0 if good else 1)


@click.command()
@click.pass_obj
def lock(places: Places) -> None:
    """Lock the chat, for a lost phone. Automatic logins and alerts go on.

    There is no refresh, code, figure, answer or pause in the chat until kunji unlock.
    """
    _set_locked(places, True)


@click.command()
@click.pass_obj
def unlock(places: Places) -> None:
    """End a lock of the chat, by /lock or kunji lock."""
    _set_locked(places, False)


def _set_locked(places: Places, locked: bool) -> None:
    now_it_is, was = ("locked", "it was locked already") if locked else ("unlocked", "it was not locked")
    with opened(places) as works:
        click.echo(now_it_is if works.set_locked(locked) else was)
