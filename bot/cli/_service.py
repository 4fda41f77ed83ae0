"""The bot as a service of systemd."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli._context import Places
from kunji._redis import is_address

if TYPE_CHECKING:
    from bot.config import Config
    from bot.service import Service, Step

NAMED_BY = ("KUNJI_STORE", "KUNJI_KEY_FILE")
"""Variables that the service gets as they are now. No other is there for it."""
for_user = click.option("--user", "for_user", is_flag=True, help="For your own user, not for the whole machine.")
yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def service() -> None:
    """Keep the bot running, by systemd.

    \b
    sudo kunji service install --config /etc/kunji
    kunji service install --user --config ~/kunji
    kunji service status
    """


@service.command()
@for_user
@yes
@click.option("--print", "only_print", is_flag=True, help="Show the unit, and do nothing.")
@click.pass_obj
def install(places: Places, for_user: bool, yes: bool, only_print: bool) -> None:
    """Write the unit, and start it now and at every boot. Says first what will be done.

    For the whole machine the bot gets a user of its own, kunji, and the config folder is given to it.
    """
    from bot import service

    made = _service(places, for_user)
    if only_print:
        click.echo(made.unit(), nl=False)
        return
    service.need_systemd()
    _need_root(for_user)
    obstacles = made.obstacles(_loaded_from())
    if obstacles:
        raise service.ServiceError("; ".join(obstacles))
    _carry_out(service.installing(made, user_exists=_is_there(service.USER)), yes)
    click.echo(f"it runs; its log: journalctl {'--user ' if for_user else ''}-u {service.NAME} -f")


@service.command()
@for_user
@yes
def uninstall(for_user: bool, yes: bool) -> None:
    """Stop it and take the unit away. Config, store and user stay."""
    from bot import service

    service.need_systemd()
    _need_installed(for_user)
    _need_root(for_user)
    _carry_out(service.uninstalling(for_user), yes)


@service.command()
@for_user
def status(for_user: bool) -> None:
    """Does it run, and since when."""
    from bot import service

    service.need_systemd()
    _need_installed(for_user)
    words = ["systemctl", *(["--user"] if for_user else []), "status", "--no-pager", service.UNIT]
    sys.exit(1 if subprocess.run(words, check=False).returncode else 0)  # noqa: S603 - our own words


def _service(places: Places, for_user: bool) -> Service:
    from bot.service import STEPS_SINCE, Service, ServiceError, systemd_version
    from bot.store import places_of

    if os.environ.get("KUNJI_KEY"):
        raise ServiceError("KUNJI_KEY would have to stand in the unit", hint="put the key into a file: KUNJI_KEY_FILE")
    if is_address(os.environ.get("KUNJI_STORE", "")):
        hint = 'name it as "store" in bot_config.json'
        raise ServiceError("the address in KUNJI_STORE would have to stand in the unit", hint=hint)
    folder = places.folder.expanduser().resolve()
    environment = {name: os.path.abspath(os.environ[name]) for name in NAMED_BY if os.environ.get(name)}
    config = _config(folder, environment)
    lie = places_of(folder, config.store, environment)
    return Service(
        program=Path(sysconfig.get_path("scripts")) / "kunji",
        config=folder,
        store=Path(os.path.abspath(lie.folder)),
        named_store="KUNJI_STORE" in environment,
        key_file=Path(lie.key_file) if "KUNJI_KEY_FILE" in environment else None,
        writable=tuple(sorted(_written_to(config) - {Path(lie.folder).resolve()})),
        for_user=for_user,
        systemd=systemd_version() or STEPS_SINCE,
    )


def _config(folder: Path, environment: dict[str, str]) -> Config:
    """As the service will find it: what only this shell's variables say is missing here already."""
    from bot.config import load
    from bot.keys import read_key
    from bot.store import places_of

    with _as_owner_of(folder):
        return load(folder, environment, key=lambda: read_key(places_of(folder, None, environment), create=False))


def _written_to(config: Config) -> set[Path]:
    """The folders in which the config has something written."""
    from bot.listening import UnixSocket

    doors = [door.path for door in (config.private_listen, config.listen) if isinstance(door, UnixSocket)]
    return {path.resolve().parent for path in (*doors, *(one.write_to for one in config.accounts if one.write_to))}


@contextmanager
def _as_owner_of(folder: Path) -> Iterator[None]:
    """Root reads the config as the user it belongs to, to whom alone it may be readable."""
    before = os.geteuid()
    if before == 0 and folder.exists():
        os.seteuid(folder.stat().st_uid)
    try:
        yield
    finally:
        os.seteuid(before)


def _loaded_from() -> set[Path]:
    import kunji

    return {Path(sys.base_prefix).resolve(), Path(kunji.__file__).resolve().parent}


def _is_there(user: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _need_root(for_user: bool) -> None:
    from bot.service import ServiceError

    if not for_user and os.geteuid() != 0:
        raise ServiceError("this needs root", hint="say it with sudo, or add --user for a service of your own")


def _need_installed(for_user: bool) -> None:
    from bot.service import ServiceError, unit_file

    if not unit_file(for_user).exists():
        other = unit_file(not for_user).exists()
        hint = f"there is one {'without' if for_user else 'with'} --user" if other else "kunji service install"
        raise ServiceError(f"there is no service {unit_file(for_user)}", hint=hint)


def _carry_out(steps: list[Step], yes: bool) -> None:
    """Say what will be done, ask, do it."""
    from bot.questions import agrees
    from bot.service import carry_out, in_words

    click.echo("This will be done:")
    for step in steps:
        click.echo(f"  {in_words(step)}")
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nothing was done: nobody can be asked here; add --yes")
        if not agrees("Go on?", default=False):
            raise click.Abort
    carry_out(steps)
