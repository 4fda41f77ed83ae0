"""What the address of a store on a server brings along: a password, and files for TLS."""

from __future__ import annotations

import os
from pathlib import Path

from bot.config._faults import Complain
from bot.config._files import read_bytes
from brokers import Secret
from kunji import StoreUnreadable
from kunji._redis import is_address, parse


def password_of(store: str | None) -> Secret | None:
    """Also of an address that only KUNJI_STORE names, and that is not checked here."""
    if not store or not is_address(store):
        return None
    try:
        password = parse(store).password
    except StoreUnreadable:
        return None
    return Secret(password) if password else None


def files_of(store: str | None) -> dict[str, Path]:
    """`ca`, `cert` and `key`, where the address names them. It has been checked."""
    return {name: Path(path) for name, path in parse(store).files.items()} if store and is_address(store) else {}


def check_server(store: str | None, complain: Complain) -> None:
    for name, path in files_of(store).items():
        if not path.is_absolute():
            complain("store", f"expected the whole path of a file for {name}, as every program looks there")
        elif name == "key":
            read_bytes(path, complain, "store")
        elif not (path.is_file() and os.access(path, os.R_OK)):
            complain("store", f"expected a file that can be read for {name}")
