"""The doors a config may open: whether what it says of them goes together, and where they stand."""

from __future__ import annotations

from pathlib import Path

from bot.config._faults import Complain
from bot.config._keys import BotKeys
from bot.listening import Place, Tls, UnixSocket


def check_doors(bot: BotKeys, doubted: frozenset[str], complain: Complain) -> None:
    """Complain about what does not go together. `doubted`: keys that were complained about already."""
    if bot.public_url and not bot.listen and "listen" not in doubted:
        complain("listen", "is missing; public_url needs it: where the door stands on this machine")
    if bot.listen and not bot.public_url and "public_url" not in doubted:
        complain("public_url", "is missing; listen needs it: the address under which the door is reached")
    if bot.telegram_mode == "webhook" and not bot.public_url and "public_url" not in doubted:
        complain("telegram_mode", "expected public_url and listen beside it: Telegram comes through that door")
    if bot.listen and bot.listen == bot.private_listen:
        complain("private_listen", "is the same as listen; the private door needs a place of its own")
    if bot.private_listen and not bot.private_listen.is_of_this_machine and not bot.private_tls:
        complain("private_listen", "expected an address of this machine, or private_tls beside it: it gives out tokens")


def place_in(folder: Path, found: Place | None) -> Place | None:
    return UnixSocket(folder / found.path) if isinstance(found, UnixSocket) else found


def tls_in(folder: Path, tls: Tls | None) -> Tls | None:
    return Tls(folder / tls.certificate, folder / tls.key) if tls else None
