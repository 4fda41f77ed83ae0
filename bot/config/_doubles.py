"""Credentials that stand in two files where each account needs its own. Shows none of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from bot.config._accounts import AccountConfig
from bot.config._faults import Complain
from brokers import Secret

_OF_A_FAMILY = frozenset({"pin", "mpin", "mobile_number"})
"""Chosen by people or theirs anyway; a family may have the same for all its accounts."""
_OF_AN_APP = frozenset({"api_key", "api_secret", "consumer_key"})
"""One app may serve several accounts, but only at its own broker."""


def without_doubles(accounts: list[tuple[AccountConfig, Complain]]) -> None:
    """Complain about accounts that are the same login, as each would end the other's token, and about secrets that were
    copied from another account's file."""
    logins: dict[object, str] = {}
    owners: dict[tuple[str, Secret], AccountConfig] = {}
    for account, complain in accounts:
        first = logins.setdefault(_who(account), account.file)
        if first != account.file:
            complain("client_id" if hasattr(account.config, "client_id") else "", f"is the same login as {first}")
            continue
        for key, secret in _secrets(account):
            owner = owners.setdefault((key, secret), account)
            if owner is not account and not (key in _OF_AN_APP and owner.broker == account.broker):
                complain(key, f"is the same as in {owner.file}; expected this account's own")


def _who(account: AccountConfig) -> object:
    """The client where the broker calls it so, else all credentials: a client has one live token at a time."""
    return account.broker, getattr(account.config, "client_id", account.config)


def _secrets(account: AccountConfig) -> Iterator[tuple[str, Secret]]:
    for part in fields(account.config):
        value = getattr(account.config, part.name)
        if isinstance(value, Secret) and part.name not in _OF_A_FAMILY:
            yield part.name, Secret(value.reveal())  # plain, as the kinds of secret compare in ways of their own
