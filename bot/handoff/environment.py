"""What a program is given to know of our environment: nothing that was meant for the bot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_OURS = ("KUNJI_", "TELEGRAM_")
_OURS_TOO = "ADMIN_CHAT_ID"
_REFERRED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def for_programs(environment: Mapping[str, str], config: Path) -> dict[str, str]:
    """The environment for another program: without the bot's own variables, and those that its config takes secrets
    from."""
    hidden = {_OURS_TOO, *referred_to(config)}
    return {name: value for name, value in environment.items() if name not in hidden and not name.startswith(_OURS)}


def referred_to(config: Path) -> set[str]:
    """The variables that the config files in this folder name. Files that cannot be read are passed over; whoever may
    not read them has not their variables either."""
    names: set[str] = set()
    for path in config.glob("*_config.json"):
        with suppress(OSError):
            names.update(_REFERRED.findall(path.read_bytes().decode(errors="replace")))
    return names
