"""Whether the files that accounts are written to may be replaced whole. Touches none of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from bot.config._accounts import AccountConfig
from bot.config._faults import Complain


def check_sinks(
    accounts: Iterable[tuple[AccountConfig, Complain]], folder: Path, store: str, key: str, read: Iterable[Path]
) -> None:
    """`folder` is the config's, `store` the store's, if it lies on this machine; `key` is the file of its key. `read`:
    files that the config names and that are only read."""
    config, store_folder, key_file = (Path(os.path.realpath(path)) for path in (folder, store, key))
    only_read = {Path(os.path.realpath(path)) for path in read}
    owners: dict[Path, str] = {}
    for account, complain in accounts:
        if account.write_to is None:
            continue
        place = Path(os.path.realpath(account.write_to))
        is_config = place.parent == config and (place.name == ".env" or place.name.endswith("_config.json"))
        first = owners.setdefault(place, account.file)
        if place == key_file or place.is_relative_to(store_folder):
            complain("write_to", "belongs to the store; expected a file of its own, as it is replaced whole")
        elif is_config or place in only_read:
            complain("write_to", "belongs to the config; expected a file of its own, as it is replaced whole")
        elif first != account.file:
            complain("write_to", f"is the same file as in {first}; expected one for each account")
